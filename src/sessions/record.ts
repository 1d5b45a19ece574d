import fs from "node:fs";
import path from "node:path";
import { errorOf } from "../errors.ts";
import type { Host } from "../host.ts";
import { projectKey } from "../places.ts";
import { isObjectId, isRefName } from "../workspace/refs.ts";

/** What is known of a session between its runs. Only cordon writes it; the state of the work itself is in its directory. */
export type Session = {
  version: 1;
  /** `s` and eight hex digits; stable over a rename, and names `refs/cordon/ID/…` on the host. */
  id: string;
  /** Unique in its project, whatever the case of its letters. */
  name: string;
  /** The top of the workspace, a real path: where it is mounted inside. */
  project: string;
  /** False: a repository of cordon's own plays the host's. */
  hasGit: boolean;
  workspace: "overlay" | "copy";
  base: Base;
  agent: string;
  /** ISO 8601, as every time here. */
  createdAt: string;
  usedAt: string;
  /** A run has begun since the last collection. */
  isStale: boolean;
  /** What it held when it was last collected. */
  collected?: Collected;
  merged?: { tip: string; at: string };
};

export type Base = {
  /** Its tree is the host's working tree at the start: tracked, changed and untracked files, but not ignored ones. */
  commit: string;
  /** HEAD of the host at the start; undefined when unborn, or without git. */
  head: string | undefined;
  /** The full reference that HEAD stood for. */
  branch: string | undefined;
};

export type Collected = {
  /** Where the session's work ends: a commit of the host's repository. */
  tip: string;
  /** The tip was made by the collection, of what lay in the working tree uncommitted. */
  work: boolean;
  /** Made inside; the one of the collection does not count. */
  commits: number;
  /** That differ between the start and the tip. */
  files: number;
  at: string;
  /** The reference that holds the tip. */
  ref: string;
};

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const idPattern = /^s[0-9a-f]{8}$/;
const maxRecordBytes = 1024 * 1024;

/** Throws E_SESSION_NAME for a name that is none. */
export const checkName = (name: string): void => {
  if (!namePattern.test(name)) throw errorOf("E_SESSION_NAME", name.replace(/[^\x20-\x7e]/g, "?").slice(0, 80));
};

/** The same for names of which a project can hold one only. */
export const foldName = (name: string): string => name.toLowerCase();

export const isSessionId = (text: string): boolean => idPattern.test(text);

/** Where all sessions are, those of a project, and one of them. */
export const sessionsPlace = (host: Host): string => path.join(host.places.state, "sessions");
export const projectPlace = (host: Host, project: string): string =>
  path.join(sessionsPlace(host), projectKey(project));
export const sessionPlace = (host: Host, { project, id }: Pick<Session, "project" | "id">): string =>
  path.join(projectPlace(host, project), id);

/** What stands in a session's directory. */
export const partsOf = (directory: string) => ({
  record: path.join(directory, "session.json"),
  origin: path.join(directory, "origin.json"),
  lock: path.join(directory, "lock"),
  /** The store of its private git directories. */
  git: path.join(directory, "git"),
  /** What an overlay needs. */
  room: path.join(directory, "room"),
  /** The files of a copy. */
  tree: path.join(directory, "tree"),
  /** Of its agents. */
  state: path.join(directory, "state"),
  shadow: path.join(directory, "shadow.git"),
  /** The index of the base, with what git remembers of the files as they are seen inside. */
  index: path.join(directory, "index"),
  /** Of a collection. */
  scratch: path.join(directory, "scratch"),
});

/** Where the host holds the base and the tip of a session. */
export const startRef = (id: string): string => `refs/cordon/${id}/start`;
export const tipRef = (id: string): string => `refs/cordon/${id}/tip`;

/** Undefined for what is no record of this version: half written, of somebody else, of another session. */
export const readRecord = (directory: string): Session | undefined => {
  const value = readJson(partsOf(directory).record);
  return isSession(value) && value.id === path.basename(directory) ? value : undefined;
};

/** Replaces it at once: whoever reads sees the old or the new one. */
export const writeRecord = (directory: string, session: Session): void => writeJson(partsOf(directory).record, session);

/** The content of a small file of cordon's own; undefined when it cannot be read. */
export const readJson = (file: string, maxBytes = maxRecordBytes): unknown => {
  try {
    if (fs.lstatSync(file).size > maxBytes) return undefined;
    return JSON.parse(fs.readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
};

export const writeJson = (file: string, value: unknown): void => {
  const temporary = `${file}.${crypto.randomUUID()}`;
  try {
    fs.writeFileSync(temporary, `${JSON.stringify(value, undefined, 2)}\n`, { mode: 0o600, flag: "wx" });
    fs.renameSync(temporary, file);
  } catch (cause) {
    fs.rmSync(temporary, { force: true });
    throw cause;
  }
};

const isText = (value: unknown): value is string => typeof value === "string";
const isTime = (value: unknown): boolean => isText(value) && !Number.isNaN(Date.parse(value));
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isId = (value: unknown): boolean => isText(value) && isObjectId(value);
const isOptional = (value: unknown, is: (value: unknown) => boolean): boolean => value === undefined || is(value);

/** True for an object whose fields all pass their checks; others may stand beside them. */
export const isPlain = (value: unknown, checks: Record<string, (value: unknown) => boolean>): boolean =>
  typeof value === "object" &&
  value !== null &&
  Object.entries(checks).every(([key, check]) => check((value as Record<string, unknown>)[key]));

const isSession = (value: unknown): value is Session =>
  isPlain(value, {
    version: (version) => version === 1,
    id: (id) => isText(id) && isSessionId(id),
    name: (name) => isText(name) && namePattern.test(name),
    project: (project) => isText(project) && path.isAbsolute(project),
    hasGit: (hasGit) => typeof hasGit === "boolean",
    workspace: (workspace) => workspace === "overlay" || workspace === "copy",
    base: (base) =>
      isPlain(base, {
        commit: isId,
        head: (head) => isOptional(head, isId),
        branch: (branch) => isOptional(branch, (name) => isText(name) && isRefName(name)),
      }),
    agent: isText,
    createdAt: isTime,
    usedAt: isTime,
    isStale: (isStale) => typeof isStale === "boolean",
    collected: (collected) => isOptional(collected, isCollected),
    merged: (merged) => isOptional(merged, (value) => isPlain(value, { tip: isId, at: isTime })),
  });

const isCollected = (value: unknown): boolean =>
  isPlain(value, {
    tip: isId,
    work: (work) => typeof work === "boolean",
    commits: isCount,
    files: isCount,
    at: isTime,
    ref: (ref) => isText(ref) && isRefName(ref),
  });
