import fs from "node:fs";
import path from "node:path";
import { CordonError, errorOf } from "../errors.ts";
import { findProgram } from "../exec.ts";
import type { Host } from "../host.ts";
import { findNested, nestedCache } from "../workspace/nested.ts";
import { openPrivateGit } from "../workspace/private-git.ts";
import { isObjectId } from "../workspace/refs.ts";
import type { Repository } from "../workspace/repository.ts";
import { makeBare, shadowFiles, shadowOf, shadowSettings } from "./bare.ts";
import { type TakenBase, takeBase } from "./base.ts";
import { copyProject } from "./materialise.ts";
import { readOrigin, writeOrigin } from "./origin.ts";
import { makeOverlayRoom } from "./overlay.ts";
import {
  checkName,
  foldName,
  partsOf,
  projectPlace,
  readRecord,
  type Session,
  sessionPlace,
  writeRecord,
} from "./record.ts";
import { removeRemains, sweepUnfinished } from "./remains.ts";
import { findSession, type HeldSession, sessionDirectories, takeLock, underProjectLock } from "./store.ts";

export type NewSession = {
  host: Host;
  /** The top of the workspace, a real path. */
  project: string;
  /** Undefined without git. */
  repository: Repository | undefined;
  name: string;
  agent: string;
  workspace: Session["workspace"];
  /** Who makes it, for whoever wants the same at this moment. */
  user?: string;
  /** Relative paths of every `.git` below the top, when somebody has just looked. */
  nested?: string[];
  /** The caller takes the base of an overlay, and soon: until then it is HEAD, if there is one. */
  defersBase?: boolean;
};

export type CreatedSession = HeldSession & { notes: string[]; takeBase?: (() => Promise<TakenBase>) | undefined };

/**
 * Makes a session, and holds it. The name is taken first, the record comes last: what dies in between is no session, and
 * is swept by the next one. Throws E_SESSION_NAME, E_SESSION_EXISTS, E_SESSION_BUSY when it is just being made by
 * somebody else, and E_SESSION_FAILED.
 */
export const createSession = async (request: NewSession): Promise<CreatedSession> => {
  const { host, project, name } = request;
  checkName(name);
  const git = findProgram("git", host.env["PATH"], project);
  if (!git) throw errorOf("E_SESSION_FAILED", name, "git is not installed", "install git");
  const failed = (cause: unknown) =>
    cause instanceof CordonError ? cause : errorOf("E_SESSION_FAILED", name, (cause as Error).message);
  const { id, release } = await reserve(request).catch((cause) => {
    throw failed(cause);
  });
  const directory = sessionPlace(host, { project, id });
  try {
    const { session, notes, takeBase } = await fill(request, id, git);
    writeRecord(directory, session);
    return { session, directory, release, notes, takeBase };
  } catch (cause) {
    await removeRemains(host, directory).catch(() => {});
    release();
    throw failed(cause);
  }
};

/** A directory with its lock held, under a name that is free. */
const reserve = async ({ host, project, repository, name, user }: NewSession) => {
  const place = projectPlace(host, project);
  return await underProjectLock(place, async () => {
    await sweepUnfinished(host, place);
    const same = findSession(host, project, name);
    if (same && foldName(same.name) === foldName(name)) throw errorOf("E_SESSION_EXISTS", same.name);
    const made = sessionDirectories(place).find((other) => {
      const origin = readRecord(other) ? undefined : readOrigin(other);
      return origin && foldName(origin.name) === foldName(name);
    });
    if (made) throw errorOf("E_SESSION_BUSY", name, "the start that is making it");
    const id = makeDirectory(place);
    const directory = path.join(place, id);
    const taken = takeLock(directory, user);
    if ("user" in taken) throw errorOf("E_SESSION_FAILED", name, "its lock is not free");
    const holders = [repository?.gitDir ?? partsOf(directory).shadow];
    writeOrigin(directory, { version: 1, name, project, holders, parts: [] });
    return { id, release: taken.release };
  });
};

const makeDirectory = (place: string): string => {
  for (;;) {
    const id = `s${crypto.randomUUID().slice(0, 8)}`;
    try {
      fs.mkdirSync(path.join(place, id), { mode: 0o700 });
      return id;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
    }
  }
};

type Filled = Pick<CreatedSession, "session" | "notes" | "takeBase">;

const fill = async (request: NewSession, id: string, git: string): Promise<Filled> => {
  const { host, project, name, agent, workspace, defersBase = false } = request;
  const directory = sessionPlace(host, { project, id });
  const { shadow, index, room, tree } = partsOf(directory);
  const hasGit = request.repository !== undefined;
  if (!hasGit) makeBare(shadow, { hashAlgorithm: "sha1", settings: shadowSettings, files: shadowFiles });
  const repository = request.repository ?? shadowOf(shadow, project);
  const take = () => takeBase({ host, git, repository, hasGit, id, name, index });
  const early = defersBase && workspace === "overlay" ? headOf(repository) : undefined;
  const { base, notes } = early ?? (await take());
  if (request.repository) await bringGit(request, id, git, directory);
  if (workspace === "overlay") {
    makeOverlayRoom(room);
    // The top itself is seen as it is in the upper layer.
    fs.chmodSync(path.join(room, "upper"), (fs.statSync(project).mode & 0o777) | 0o700);
  } else {
    fs.mkdirSync(tree, { mode: 0o700 });
    notes.push(...(await copyProject({ host, project, repository: request.repository, into: tree, git })).notes);
  }
  const now = new Date().toISOString();
  const times = { createdAt: now, usedAt: now, isStale: false };
  const session: Session = { version: 1, id, name, project, hasGit, workspace, base, agent, ...times };
  return { session, notes, takeBase: early && take };
};

/** As if nothing had been changed since the last commit; undefined when there is none. */
const headOf = ({ head, branch }: Repository): TakenBase | undefined =>
  head === undefined || !isObjectId(head) ? undefined : { base: { commit: head, head, branch }, notes: [] };

/** Opens the private git directories once, so that they are as the host is now; every run goes on from there. */
export const bringGit = async (
  { host, project, repository, name, nested }: Pick<NewSession, "host" | "project" | "repository" | "name" | "nested">,
  id: string,
  git: string,
  directory: string,
): Promise<string[]> => {
  const paths = nested ?? findNested(project, nestedCache(host, project)).paths;
  const store = partsOf(directory).git;
  const opened = await openPrivateGit({ project: { top: project, nested: paths, repository }, store, git, id });
  opened.release();
  const parts = opened.parts
    .filter(({ isTrusted }) => isTrusted)
    .map((part) => ({
      place: path.relative(project, part.repository.top),
      directory: part.directory,
      base: part.base(),
    }));
  const holders = opened.parts.filter(({ isTrusted }) => isTrusted).map((part) => part.repository.gitDir);
  writeOrigin(directory, { version: 1, name, project, holders, parts });
  return opened.notes;
};
