import path from "node:path";
import { findProgram, type Program } from "../exec.ts";
import type { Host } from "../host.ts";
import { projectKey } from "../places.ts";
import type { GitCall } from "./git.ts";
import { finishMove } from "./host-index.ts";
import { readHostState } from "./host-state.ts";
import { explainStash, explainSwitch, type Hint } from "./import-hint.ts";
import { complain, selectEntries } from "./import-select.ts";
import { underLock } from "./lock.ts";
import { type Entry, type Placement, placeEntries } from "./placement.ts";
import { listPrivateRefs, type PrivateRefs } from "./private-refs.ts";
import {
  admitPacks,
  type Bounds,
  checkConnectivity,
  closeQuarantine,
  kindsOf,
  leftMs,
  openQuarantine,
  type Quarantine,
  receivePack,
  sweepQuarantines,
} from "./quarantine.ts";
import type { Repository } from "./repository.ts";
import { prepareThrowaway, sweepRoom } from "./throwaway.ts";
import { type Base, readUnchanged } from "./unchanged.ts";

/**
 * The way by which commits leave a git directory that somebody hostile has written. No git of the host opens it: a
 * throw-away sandbox prints a pack, the host checks every object in a quarantine, then moves the pack in and its refs on.
 */

export type ImportRequest = {
  host: Host;
  repository: Repository;
  /** The private git directory; of linked working trees the one that they share. `root` as in `ThrowawayRequest`. */
  directory: string;
  root?: string | undefined;
  /** Of the run or session: what does not come to its own place is kept below `refs/cordon/ID`. Letters, digits, `-`, `_`. */
  id: string;
  /** What the private directory began with: refs that are still like that are of no interest. */
  base: Base;
  /** False: nothing but `refs/cordon/ID` changes, as for a session that is merged later. */
  advances: boolean;
  /** A commit that comes over as well, and is kept as `refs/cordon/ID/tip`. */
  tip?: Tip;
  limits?: Partial<ImportLimits>;
};

/** It need not stand in the private directory, nor be of its making; it comes over also when nothing else does. */
export type Tip = {
  id: string;
  /** A git directory of cordon's own: the one to ask when the private one gives no answer. */
  directory: string;
  /** Stores of objects that it needs, beside the host's. */
  objects: string[];
};

export type ImportLimits = { inputBytes: number; memoryBytes: number; refs: number; timeoutMs: number };

export const defaultLimits: ImportLimits = {
  inputBytes: 2 * 1024 ** 3,
  memoryBytes: 2 * 1024 ** 3,
  refs: 2_000,
  timeoutMs: 60_000,
};

export type ImportResult = Placement & {
  hints: Hint[];
  /** One sentence each. What they are about is still in the private directory. */
  problems: string[];
  /** Everything as it stood inside: the base of the next import. Undefined when something did not come over. */
  seen: PrivateRefs | undefined;
};

const nothing = { imported: [], kept: [], hints: [], problems: [] };

/** Brings over what is new. Never throws for what the private directory holds: that is a problem in the result. */
export const importCommits = async (request: ImportRequest): Promise<ImportResult> => {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(request.id)) throw new Error(`no id: ${request.id}`);
  const { host, repository } = request;
  const limits = { ...defaultLimits, ...request.limits };
  const git = findProgram("git", host.env["PATH"], repository.top);
  if (!git) return { ...nothing, seen: undefined, problems: ["git is not installed"] };
  const done = await inRoom(host, repository, git, limits, async (place) =>
    importUnderLock({ ...request, ...place, limits, git }),
  );
  return (
    done ?? { ...nothing, seen: undefined, problems: ["another import of this repository does not come to an end"] }
  );
};

/**
 * Finishes what an import has left that was killed: HEAD may have moved, and the index not yet. Call it before anybody
 * takes the index for what the user has staged.
 */
export const finishInterrupted = async (host: Host, repository: Repository): Promise<void> => {
  const git = findProgram("git", host.env["PATH"], repository.top);
  if (git) await inRoom(host, repository, git, defaultLimits, async () => true);
};

/** One import of a repository at a time; whatever the one before has left is cleared away first. Undefined when it stays locked. */
const inRoom = async <T>(
  host: Host,
  repository: Repository,
  git: string,
  { timeoutMs }: ImportLimits,
  work: (place: Pick<Import, "room" | "journal" | "call">) => Promise<T>,
): Promise<T | undefined> => {
  const room = path.join(host.places.state, "imports", projectKey(repository.commonDir));
  return await underLock(path.join(room, "lock"), 2 * timeoutMs, async (lock) => {
    // Should cordon be killed, git may go on writing for a moment, and the next one must not begin before that.
    const call: GitCall = { git, repository, lock };
    const journal = path.join(room, `${projectKey(repository.gitDir)}.json`);
    sweepQuarantines(storeOf(repository));
    sweepRoom(room);
    await finishMove(journal, call);
    return await work({ room, journal, call });
  });
};

export type Import = ImportRequest & {
  limits: ImportLimits;
  git: string;
  room: string;
  journal: string;
  call: GitCall;
};

const storeOf = ({ commonDir }: Repository): string => path.join(commonDir, "objects");

/** Of a linked working tree its own git directory, relative to the shared one. */
const belowOf = ({ commonDir, gitDir }: Repository): string => path.relative(commonDir, gitDir);

const importUnderLock = async (work: Import): Promise<ImportResult> => {
  const { tip, limits } = work;
  const unchanged = readUnchanged(work.directory, belowOf(work.repository), work.base);
  if (unchanged && !tip) return { ...nothing, hints: await hintsOf(work, unchanged, nothing), seen: unchanged };
  const bounds = { ...limits, deadline: performance.now() + limits.timeoutMs };
  try {
    const listed = unchanged ?? (await listPrivateRefs(sandboxOf(work), leftMs(bounds)));
    if ("problem" in listed && !tip) return { ...nothing, seen: undefined, problems: [complain(work, listed.problem)] };
    if ("problem" in listed) bounds.deadline = performance.now() + limits.timeoutMs;
    const { entries, problems } =
      "problem" in listed ? { entries: [], problems: [complain(work, listed.problem)] } : selectEntries(work, listed);
    if (tip) entries.unshift({ name: "tip", id: tip.id });
    const received = entries.length > 0 ? await receive(work, entries, bounds) : { entries, problems: [] };
    problems.push(...received.problems.map((problem) => complain(work, problem)));
    const placed = await placeEntries(work, received.entries);
    problems.push(...placed.problems);
    if ("problem" in listed) return { ...placed, problems, seen: undefined };
    const hints = [...placed.hints, ...(await hintsOf(work, listed, placed))];
    return { ...placed, hints, problems, seen: problems.length === 0 ? listed : undefined };
  } catch (cause) {
    return { ...nothing, seen: undefined, problems: [complain(work, (cause as Error).message)] };
  }
};

const sandboxOf = ({ host, repository, directory, root, git, room, limits, tip }: Import) => ({
  host,
  id: `import-${projectKey(repository.commonDir).slice(-16)}`,
  directory,
  root,
  below: belowOf(repository),
  objects: [...repository.objects, ...(tip?.objects ?? [])],
  git,
  memoryBytes: limits.memoryBytes,
  room,
});

type Received = { entries: Entry[]; problems: string[] };

/** All of it; when something about it is wrong, at least the first: what one branch holds should not cost another. */
const receive = async (work: Import, entries: Entry[], bounds: Bounds): Promise<Received> => {
  const { tip, limits } = work;
  const whole = await receiveOnce(work, entries, bounds);
  const others = [
    ...(entries.length > 1 ? [work] : []),
    // Asked in the directory of cordon's own, whatever stands in the private one.
    ...(tip ? [{ ...work, directory: tip.directory, root: undefined, repository: withoutTree(work.repository) }] : []),
  ];
  let received = whole;
  for (const other of others) {
    if (received.entries.length > 0) break;
    const again = tip ? { ...bounds, deadline: performance.now() + limits.timeoutMs } : bounds;
    received = await receiveOnce(other, entries.slice(0, 1), again);
  }
  return received.entries.length === entries.length
    ? received
    : { entries: received.entries, problems: whole.problems };
};

const withoutTree = (repository: Repository): Repository => ({ ...repository, gitDir: repository.commonDir });

const receiveOnce = async (work: Import, entries: Entry[], bounds: Bounds): Promise<Received> => {
  const { call, repository } = work;
  const { refs } = await readHostState(call);
  const present = new Set(refs.values());
  if (entries.every(({ id }) => present.has(id))) return { entries, problems: [] };
  const quarantine = openQuarantine(storeOf(repository));
  try {
    const tips = [...new Set(entries.map(({ id }) => id))];
    const problem = await fillQuarantine(work, tips, [...present], quarantine, bounds);
    if (problem !== undefined) return { entries: [], problems: [problem] };
    const kinds = await kindsOf(tips, quarantine, call, bounds);
    const good = entries.filter(({ name, id }) => name.startsWith("refs/tags/") || kinds.get(id) === "commit");
    admitPacks(quarantine, storeOf(repository));
    return { entries: good, problems: good.length < entries.length ? ["a branch of it is no commit"] : [] };
  } finally {
    closeQuarantine(quarantine);
  }
};

/** Revisions go in as ids alone, so that no name can be taken for an option. */
const packScript = 'exec "$@" pack-objects --revs --thin --stdout --delta-base-offset --missing=allow-any -q';

const fillQuarantine = async (
  work: Import,
  tips: string[],
  present: string[],
  quarantine: Quarantine,
  bounds: Bounds,
): Promise<string | undefined> => {
  const { program, release } = prepareThrowaway({ ...sandboxOf(work), script: packScript });
  try {
    const revisions = [...tips, ...new Set(present.map((id) => `^${id}`)), ""].join("\n");
    const problem = await receivePack(program satisfies Program, revisions, quarantine, work.call, bounds);
    return problem ?? (await checkConnectivity(tips, quarantine, work.call, bounds));
  } finally {
    release();
  }
};

const hintsOf = async (work: Import, listed: PrivateRefs, placed: Placement): Promise<Hint[]> => {
  const stash = placed.kept.filter(({ name }) => name === "stash").map(({ ref }) => ref);
  const offered = await findSwitch(work, listed);
  return [...(offered ? [explainSwitch(offered)] : []), ...(stash.length > 0 ? [explainStash(stash)] : [])];
};

/** The branch that was checked out inside at the end, when the host has the same one and stands on another. */
const findSwitch = async (
  { base, advances, call }: Import,
  { branch, refs }: PrivateRefs,
): Promise<string | undefined> => {
  if (!advances || branch === undefined || branch === base.branch) return undefined;
  const state = await readHostState(call);
  return state.branch !== branch && state.refs.get(branch) === refs[branch] ? branch : undefined;
};
