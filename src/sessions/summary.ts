import { capture } from "../exec.ts";
import type { Host } from "../host.ts";
import { type Session, sessionPlace } from "./record.ts";
import { sessionUser } from "./store.ts";

/** What is told of a session in a list. Nothing of it was chosen inside. */
export type Summary = {
  id: string;
  name: string;
  project: string;
  agent: string;
  workspace: Session["workspace"];
  /** `stale`: a run has begun since it was last collected. `empty`: nothing was made in it. */
  state: "running" | "stale" | "open" | "merged" | "empty";
  createdAt: string;
  usedAt: string;
  /** Of the last collection; uncommitted work counts by its files only. */
  commits: number;
  files: number;
  /** Short name of the branch that it started from; undefined when detached, or without git. */
  branch: string | undefined;
  /** Disk use of its directory; undefined when it was not asked for, or took too long. */
  bytes: number | undefined;
};

const measureTimeoutMs = 5_000;

/** Reads the record and the lock, nothing else. */
export const summarise = (host: Host, session: Session): Summary => {
  const { id, name, project, agent, workspace, createdAt, usedAt, collected, base } = session;
  return {
    ...{ id, name, project, agent, workspace, createdAt, usedAt },
    state: stateOf(session, sessionUser(host, session) !== undefined),
    commits: collected?.commits ?? 0,
    files: collected?.files ?? 0,
    branch: base.branch?.replace(/^refs\/heads\//, ""),
    bytes: undefined,
  };
};

/** Pure. */
export const stateOf = ({ collected, merged, isStale }: Session, isRunning: boolean): Summary["state"] => {
  if (isRunning) return "running";
  if (isStale) return "stale";
  if (merged && (collected === undefined || merged.tip === collected.tip)) return "merged";
  return collected && collected.commits + collected.files > 0 ? "open" : "empty";
};

/** du(1) walks it from directory to directory and opens no file; what cannot be entered does not count. */
export const measureSession = async (host: Host, session: Session): Promise<number | undefined> => {
  const words = ["-skx", "--", sessionPlace(host, session)];
  const { stdout, isTimedOut } = await capture("du", words, { timeoutMs: measureTimeoutMs });
  const kibibytes = /^(\d+)\s/.exec(stdout)?.[1];
  return isTimedOut || kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
};
