import fs from "node:fs";
import path from "node:path";
import { errorOf } from "../errors.ts";
import { isStill, tryLock } from "../file-lock.ts";
import type { Host } from "../host.ts";
import { underLock } from "../workspace/lock.ts";
import {
  checkName,
  foldName,
  isSessionId,
  partsOf,
  projectPlace,
  readRecord,
  type Session,
  sessionPlace,
  sessionsPlace,
  writeRecord,
} from "./record.ts";

/** The sessions of all projects: directories of cordon's own, each with a record. */

/** A session that nobody else uses until it is released, or this process ends. */
export type HeldSession = { session: Session; directory: string; release(): void };

const patienceMs = 30_000;
const maxUserBytes = 200;

/** Runs `work` while nobody else makes, renames or removes a session of the project. Throws E_LAUNCH_FAILED. */
export const underProjectLock = async <T>(place: string, work: () => Promise<T>): Promise<T> => {
  const done = await underLock(path.join(place, "lock"), patienceMs, async () => ({ value: await work() }));
  if (!done) throw errorOf("E_LAUNCH_FAILED", "the sessions of this project", "another process keeps them locked");
  return done.value;
};

/** Directories of sessions below a project's place, finished or not. */
export const sessionDirectories = (place: string): string[] =>
  namesIn(place)
    .filter(isSessionId)
    .map((id) => path.join(place, id))
    .filter((directory) => fs.lstatSync(directory, { throwIfNoEntry: false })?.isDirectory());

const namesIn = (directory: string): string[] => {
  try {
    return fs.readdirSync(directory);
  } catch {
    return [];
  }
};

/** Of one project or of all, the last used first. Records that cannot be read are left out. */
export const listSessions = (host: Host, project?: string): Session[] => {
  const all = namesIn(sessionsPlace(host)).map((key) => path.join(sessionsPlace(host), key));
  const places = project === undefined ? all : [projectPlace(host, project)];
  return places
    .flatMap((place) => sessionDirectories(place).flatMap((directory) => readRecord(directory) ?? []))
    .filter((session) => project === undefined || session.project === project)
    .sort((a, b) => Date.parse(b.usedAt) - Date.parse(a.usedAt));
};

/** By its name, whatever the case of its letters, or by its id. */
export const findSession = (host: Host, project: string, name: string): Session | undefined => {
  const sessions = listSessions(host, project);
  return sessions.find((one) => foldName(one.name) === foldName(name)) ?? sessions.find(({ id }) => id === name);
};

/** Finds one and takes its lock. `user` is told to whoever comes meanwhile. Throws E_SESSION_UNKNOWN and E_SESSION_BUSY. */
export const openSession = (host: Host, project: string, name: string, user?: string): HeldSession => {
  const session = findSession(host, project, name);
  if (!session) throw errorOf("E_SESSION_UNKNOWN", name);
  return lockSession(host, session, user);
};

/** One run at a time. Throws E_SESSION_BUSY, and E_SESSION_UNKNOWN when somebody has removed it. */
export const lockSession = (host: Host, { project, id, name }: Session, user?: string): HeldSession => {
  const directory = sessionPlace(host, { project, id });
  const taken = takeLock(directory, user);
  if ("user" in taken) throw errorOf("E_SESSION_BUSY", name, taken.user);
  const session = readRecord(directory);
  if (session) return { session, directory, release: taken.release };
  taken.release();
  throw errorOf("E_SESSION_UNKNOWN", name);
};

/** Whoever has the lock now, in words; undefined when nobody has. */
export const sessionUser = (host: Host, session: Session): string | undefined => {
  const taken = takeLock(sessionPlace(host, session));
  if ("user" in taken) return taken.user ?? "another process";
  taken.release();
  return undefined;
};

/** The lock of a session's directory, until it is released; else who has it, if that is known. */
export const takeLock = (directory: string, user = ""): { release(): void } | { user: string | undefined } => {
  const file = partsOf(directory).lock;
  const { O_RDWR, O_CREAT, O_NOFOLLOW } = fs.constants;
  let fd: number;
  try {
    fd = fs.openSync(file, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
  } catch {
    // The directory is gone, and so is whatever was locked.
    return { release: () => {} };
  }
  if (tryLock(fd) && isStill(file, fd)) {
    fs.ftruncateSync(fd);
    fs.writeSync(fd, user.slice(0, maxUserBytes), 0);
    return { release: () => fs.closeSync(fd) };
  }
  const bytes = Buffer.alloc(maxUserBytes);
  const named = bytes.toString("utf8", 0, fs.readSync(fd, bytes, 0, bytes.length, 0)).replace(/[^\x20-\x7e]/g, "?");
  fs.closeSync(fd);
  return { user: named === "" ? undefined : named };
};

/** Changes the record as it is now. Throws E_SESSION_UNKNOWN when somebody has removed it. */
export const updateSession = async (
  host: Host,
  session: Pick<Session, "project" | "id" | "name">,
  change: (now: Session) => Partial<Session>,
): Promise<Session> =>
  await underProjectLock(projectPlace(host, session.project), async () => {
    const directory = sessionPlace(host, session);
    const now = readRecord(directory);
    if (!now) throw errorOf("E_SESSION_UNKNOWN", session.name);
    const next = { ...now, ...change(now) };
    writeRecord(directory, next);
    return next;
  });

/** A running one may be renamed too. Throws E_SESSION_NAME, E_SESSION_EXISTS and E_SESSION_UNKNOWN. */
export const renameSession = async (host: Host, session: Session, name: string): Promise<Session> => {
  checkName(name);
  return await updateSession(host, session, (now) => {
    const other = findSession(host, now.project, name);
    if (other && other.id !== now.id && foldName(other.name) === foldName(name))
      throw errorOf("E_SESSION_EXISTS", other.name);
    return { name };
  });
};
