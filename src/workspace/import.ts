import path from "node:path";
import { findProgram, type Program } from "../exec.ts";
import type { Host } from "../host.ts";
import { projectKey } from "../places.ts";
import type { GitCall } from "./git.ts";
import { finishMove } from "./host-index.ts";
import { readHostState } from "./host-state.ts";
import { explainStash, explainSwitch, type Hint } from "./import-hint.ts";
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
import { type Base, carried, readUnchanged } from "./unchanged.ts";

/**
 * The way by which commits leave a git directory that somebody hostile has written. No git of the host opens it: a
 * throw-away sandbox prints a pack, the host checks every object in a quarantine, then moves the pack in and its refs on.
 */

export type ImportRequest = {
  host: Host;
  repository: Repository;
  /** The private git directory; of linked working trees the one that they share. */
  directory: string;
  /** Of the run or session: what does not come to its own place is kept below `refs/cordon/ID`. Letters, digits, `-`, `_`. */
  id: string;
  /** What the private directory began with: refs that are still like that are of no interest. */
  base: Base;
  /** False: nothing but `refs/cordon/ID` changes, as for a session that is merged later. */
  advances: boolean;
  limits?: Partial<ImportLimits>;
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
  const room = path.join(host.places.state, "imports", projectKey(repository.commonDir));
  const call: GitCall = { git, repository };
  const done = await underLock(path.join(room, "lock"), 2 * limits.timeoutMs, async () => {
    const journal = path.join(room, `${projectKey(repository.gitDir)}.json`);
    sweepQuarantines(storeOf(repository));
    sweepRoom(room);
    await finishMove(journal, call);
    return await importUnderLock({ ...request, limits, git, room, journal, call });
  });
  return (
    done ?? { ...nothing, seen: undefined, problems: ["another import of this repository does not come to an end"] }
  );
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
  const unchanged = readUnchanged(work.directory, belowOf(work.repository), work.base);
  if (unchanged) return { ...nothing, hints: await hintsOf(work, unchanged, nothing), seen: unchanged };
  const bounds = { ...work.limits, deadline: performance.now() + work.limits.timeoutMs };
  try {
    const listed = await listPrivateRefs(sandboxOf(work), leftMs(bounds));
    if ("problem" in listed) return { ...nothing, seen: undefined, problems: [complain(work, listed.problem)] };
    const { entries, problems } = selectEntries(work, listed);
    const received = entries.length > 0 ? await receive(work, entries, bounds) : { entries, problems: [] };
    problems.push(...received.problems.map((problem) => complain(work, problem)));
    const placed = await placeEntries(work, received.entries);
    problems.push(...placed.problems);
    const hints = [...placed.hints, ...(await hintsOf(work, listed, placed))];
    return { ...placed, hints, problems, seen: problems.length === 0 ? listed : undefined };
  } catch (cause) {
    return { ...nothing, seen: undefined, problems: [complain(work, (cause as Error).message)] };
  }
};

const complain = ({ directory }: Import, problem: string): string => `commits stay in ${directory}, because ${problem}`;

const sandboxOf = ({ host, repository, directory, git, room, limits }: Import) => ({
  host,
  id: `import-${projectKey(repository.commonDir).slice(-16)}`,
  directory,
  below: belowOf(repository),
  objects: repository.objects,
  git,
  memoryBytes: limits.memoryBytes,
  room,
});

/** What is new inside. HEAD comes first: it must come over whatever else does not. */
const selectEntries = (work: Import, { refs, branch, head, detached, stash }: PrivateRefs) => {
  const { base, limits } = work;
  const known = new Set([...Object.values(base.refs), base.head, ...(base.stash ?? [])]);
  const changed = Object.entries(refs)
    .filter(([name, id]) => carried.test(name) && base.refs[name] !== id)
    .map(([name, id]): Entry => ({ name, id }));
  const taken = new Set(changed.map(({ id }) => id));
  const loose = branch === undefined && head !== undefined && !known.has(head) && !taken.has(head);
  const others = (kind: "stash" | "worktrees", ids: string[]) =>
    ids.filter((id) => !known.has(id) && !taken.has(id) && id !== head).map((id): Entry => ({ name: kind, id }));
  const isMain = ({ name }: Entry) => name === (base.branch ?? "HEAD") || name === (branch ?? "HEAD");
  const all = [
    ...(loose ? [{ name: "HEAD", id: head }] : []),
    ...changed,
    ...others("stash", stash),
    ...others("worktrees", detached),
  ].sort((a, b) => Number(isMain(b)) - Number(isMain(a)));
  if (all.length <= limits.refs) return { entries: all, problems: [] };
  const problem = complain(work, `${all.length} refs are new, and at most ${limits.refs} come over`);
  return { entries: all.filter(isMain), problems: [problem] };
};

type Received = { entries: Entry[]; problems: string[] };

/** All of it; when something about it is wrong, at least the first: what one branch holds should not cost another. */
const receive = async (work: Import, entries: Entry[], bounds: Bounds): Promise<Received> => {
  const whole = await receiveOnce(work, entries, bounds);
  if (entries.length < 2 || whole.entries.length > 0) return whole;
  const first = await receiveOnce(work, entries.slice(0, 1), bounds);
  return { entries: first.entries, problems: whole.problems };
};

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
