import fs from "node:fs";
import path from "node:path";
import { findProgram } from "../exec.ts";
import type { Host } from "../host.ts";
import { type GitCall, runGit } from "../workspace/git.ts";
import { emptyTree } from "../workspace/host-state.ts";
import { defaultLimits, type ImportLimits, type ImportResult, importCommits } from "../workspace/import.ts";
import { underLock } from "../workspace/lock.ts";
import { type Repository, readRepository } from "../workspace/repository.ts";
import { shadowOf } from "./bare.ts";
import { type OriginPart, readOrigin } from "./origin.ts";
import { type Collected, partsOf, type Session, sessionPlace, tipRef } from "./record.ts";
import { findReviewStart } from "./review/start.ts";
import { type ScanRequest, scanSession } from "./scan.ts";
import { makeScratch, scratchMounts, treeInside, upperInside } from "./scratch.ts";
import { updateSession } from "./store.ts";
import { type Found, findTip } from "./tip.ts";
import { diffTrees } from "./tree-diff.ts";
import { findUntouched } from "./untouched.ts";

/** What a session holds comes to the host: the commits that were made inside, and the files that were not committed. */

export type Collecting = {
  host: Host;
  session: Session;
  /** The host's; undefined for a session without git. */
  repository: Repository | undefined;
  /** It is at work: then it stays stale. */
  isRunning?: boolean;
  limits?: Partial<ImportLimits>;
};

export type Collection = {
  /** The record as it is now. */
  session: Session;
  /** Undefined when nothing new could be brought over. */
  collected: Collected | undefined;
  /** What else came over, by the repository that it came from. */
  imports: ImportResult[];
  /** One sentence each, without its full stop: what did not come over, and stays in the session. */
  problems: string[];
  notes: string[];
};

/** Never throws for what a session holds: that is a problem in the result. */
export const collectSession = async (request: Collecting): Promise<Collection> => {
  const { host, session } = request;
  const nothing = { session, collected: undefined, imports: [], notes: [] };
  const directory = sessionPlace(host, session);
  const git = findProgram("git", host.env["PATH"], session.project);
  if (!git) return { ...nothing, problems: ["git is not installed"] };
  if (session.hasGit && !request.repository) return { ...nothing, problems: ["the project's repository is gone"] };
  const limits = { ...defaultLimits, ...request.limits };
  try {
    const done = await underLock(path.join(directory, "collect.lock"), 4 * limits.timeoutMs, () =>
      collectUnderLock({ ...request, directory, git, limits }),
    );
    return done ?? { ...nothing, problems: ["another collection of it does not come to an end"] };
  } catch (cause) {
    return { ...nothing, problems: [(cause as Error).message] };
  }
};

type Working = Collecting & { directory: string; git: string; limits: ImportLimits };
type Result = Pick<Collection, "imports" | "problems" | "notes">;

const collectUnderLock = async (work: Working): Promise<Collection> => {
  const { host, session, directory, isRunning = false } = work;
  const repository = work.repository ?? shadowOf(partsOf(directory).shadow, session.project);
  const call: GitCall = { git: work.git, repository };
  const parts = readOrigin(directory)?.parts ?? [];
  const main = parts.find(({ place }) => place === "");
  const result: Result = { imports: [], problems: [], notes: [] };
  let found =
    (await findUntouched(session, directory, repository, main, call)) ??
    (await bringTip(work, repository, main, result));
  // Whatever it is that keeps the commits inside: the files should not stay there for it.
  if (found?.isHeld === false && session.hasGit && found.own !== session.base.head)
    found = await bringTip(work, repository, undefined, result);
  result.imports.push(...(await importOthers(work, parts)));
  result.problems.push(...result.imports.flatMap(({ problems }) => problems));
  const collected = found?.isHeld ? await describe(session, found, call) : undefined;
  const isLeft = found?.isHeld === false || result.imports.some(({ problems }) => problems.length > 0);
  const now = await updateSession(host, session, (before) => ({
    isStale: isRunning || isLeft,
    collected: collected ?? (isLeft ? before.collected : undefined),
  }));
  return { ...result, session: now, collected };
};

/**
 * Looks at the files, and brings the tip over together with everything that is new in the private git directory `main`;
 * without one the files stand upon the start. Undefined when there is nothing that could be a tip.
 */
const bringTip = async (
  work: Working,
  repository: Repository,
  main: OriginPart | undefined,
  result: Result,
): Promise<(Found & { isHeld: boolean }) | undefined> => {
  const { host, session, directory, git, limits } = work;
  const call: GitCall = { git, repository };
  const scratch = await makeScratch(host, session, directory, repository, call);
  const request = scanOf(work, repository, main?.directory ?? scratch, main !== undefined);
  const scan = await scanSession(request);
  if ("problem" in scan) result.problems.push(scan.problem);
  else if (request.keepsIndex) keepIndex(directory);
  const hostIndex = path.join(directory, "host-index");
  const found = "problem" in scan ? undefined : await findTip(session, request, scan, call, hostIndex, result);
  const isMute = "isMute" in scan && scan.isMute;
  const tip = found && { id: found.tip, directory: scratch, objects: [path.join(scratch, "objects")] };
  const brought = await importCommits({
    ...{ host, id: session.id, advances: false, limits, repository },
    ...(main && !isMute ? { directory: main.directory, base: main.base } : { directory: scratch, base: noBase }),
    ...(tip && { tip }),
  });
  result.imports.push(brought);
  if (!found) return "problem" in scan ? { tip: "", isWork: false, own: session.base.head, isHeld: false } : undefined;
  const isHeld = brought.kept.some(({ name, id }) => name === "tip" && id === found.tip);
  return { ...found, isHeld };
};

/** Only sandboxes read it. */
const keepIndex = (directory: string): void => {
  const { index, scratch } = partsOf(directory);
  const next = path.join(scratch, "next");
  if (fs.lstatSync(next, { throwIfNoEntry: false })?.isFile()) fs.renameSync(next, index);
};

const noBase = { branch: undefined, head: undefined, refs: {} };

const scanOf = (work: Working, repository: Repository, directory: string, asksPrivate: boolean): ScanRequest => {
  const { host, session, git, limits } = work;
  return {
    host,
    id: `collect-${session.id}`,
    directory,
    below: asksPrivate ? path.relative(repository.commonDir, repository.gitDir) : "",
    objects: repository.objects,
    git,
    room: work.directory,
    mounts: scratchMounts(session, work.directory),
    base: session.base.commit,
    start: startOf(session, repository),
    hasGit: session.hasGit,
    asksPrivate,
    keepsIndex: session.workspace === "copy",
    own: session.workspace === "overlay" ? upperInside : treeInside,
    memoryBytes: limits.memoryBytes,
    inputBytes: limits.inputBytes,
    timeoutMs: limits.timeoutMs,
  };
};

/** The commit that work is compared with: HEAD of the host at the start. Without git the base itself. */
const startOf = ({ base, hasGit }: Session, { hashAlgorithm }: Repository): string =>
  base.head ?? (hasGit ? emptyTree[hashAlgorithm] : base.commit);

/** What submodules hold comes to their own repositories on the host. */
const importOthers = async (work: Working, parts: OriginPart[]) => {
  const { host, session, limits } = work;
  const root = path.join(partsOf(work.directory).git, "git");
  const results: ImportResult[] = [];
  for (const { place, directory, base } of parts.filter(({ place }) => place !== "")) {
    const repository = readRepository(path.join(session.project, place));
    if (!repository) continue;
    const request = { host, repository, directory, root, id: session.id, base, advances: false, limits };
    results.push(await importCommits(request));
  }
  return results;
};

const mostCounted = 1_000_000;

const describe = async (session: Session, found: Found, call: GitCall): Promise<Collected> => {
  const { tip, isWork, own } = found;
  const start = await findReviewStart(session, tip, call);
  const args = [
    "rev-list",
    "--count",
    `--max-count=${mostCounted}`,
    ...(own ? [own] : []),
    "--not",
    ...(start.commit ? [start.commit] : []),
  ];
  const [counted, changes] = await Promise.all([
    own === undefined ? undefined : runGit(args, { ...call, timeoutMs: 60_000 }),
    start.tree === tip ? [] : diffTrees(start.tree, tip, call),
  ]);
  return {
    tip,
    work: isWork,
    commits: Number(counted?.text.trim() || 0),
    files: changes?.length ?? 0,
    at: new Date().toISOString(),
    ref: tipRef(session.id),
  };
};
