import fs from "node:fs";
import { type GitAnswer, runGit } from "../../workspace/git.ts";
import { lastLine } from "../../workspace/private-refs.ts";
import type { TreeChange } from "../tree-diff.ts";
import {
  type Entries,
  formatPaths,
  listDirty,
  nameIndex,
  readEntries,
  refreshIndex,
  setEntries,
  withIndex,
  writeTree,
} from "./git-index.ts";
import { lookAt, removePlain } from "./look.ts";
import { isHalfWritten } from "./start.ts";
import type { MergeWork } from "./work.ts";

/** Brings the files of the working tree to the result of a merge, and back when something fails on the way. */

export type Writing = {
  /** The tree that the branch has. */
  from: string;
  to: string;
  changes: TreeChange[];
  /** The copy of the user's index; it holds the result when all went well. */
  index: string;
};

/** Undoes the writing; gives the paths that could not be put back. */
export type Undo = () => Promise<string[]>;

/** Writes them. `problem` says what went wrong: then some may have been written, and `undo` takes them back. */
export const writeFiles = async (
  work: MergeWork,
  { from, to, changes, index }: Writing,
  held: Entries,
): Promise<{ problem?: string; undo: Undo }> => {
  const { call, room } = work;
  const own = withIndex(call, index);
  // git compares with what is really there: then it is git that refuses when a file changes in this moment.
  const start = held.size === 0 ? from : await writeTree(from, held, nameIndex(room), call);
  if (held.size > 0) {
    const set = await setEntries(held, own);
    if (set.code !== 0) throw new Error(`git cannot prepare an index: ${lastLine(set.stderr)}`);
    await refreshIndex(own);
  }
  const before = copyAside(work, index);
  const undo = () => putBack(work, changes, before);
  const done = await runGit(["read-tree", "-m", "-u", start, to], { ...own, timeoutMs: writingMs });
  return done.code === 0 ? { undo } : { problem: complaintOf(done), undo };
};

const writingMs = 600_000;

const complaintOf = ({ stderr, isTimedOut }: GitAnswer): string =>
  isTimedOut ? "writing the files did not come to an end" : lastLine(stderr) || "git was killed";

const copyAside = ({ room }: MergeWork, index: string): string => {
  const copy = nameIndex(room);
  if (fs.existsSync(index)) fs.copyFileSync(index, copy);
  return copy;
};

/** The same for what another process has written. `index` is like the branch, `held` what the files were beside that. */
export const restoreFiles = async (
  work: MergeWork,
  changes: TreeChange[],
  held: Entries,
  index: string,
): Promise<string[]> => {
  const before = copyAside(work, index);
  await setEntries(held, withIndex(work.call, before));
  return await putBack(work, changes, before);
};

/**
 * Puts back what the writing has changed. A file that is neither as it was nor as the result has it is somebody's work
 * of this very moment, and stays. Gives the paths that could not be put back.
 */
const putBack = async (work: MergeWork, changes: TreeChange[], before: string): Promise<string[]> => {
  const own = withIndex(work.call, before);
  const written = (await listUnlike(work, changes, before)).filter(({ isOurs }) => isOurs);
  for (const { path } of written) removePlain(work.repository.top, path);
  const restored = written.flatMap(({ path, isTracked }) => (isTracked ? [path] : []));
  const args = ["checkout-index", "-f", "-u", "-z", "--stdin"];
  if (restored.length > 0) await runGit(args, { ...own, input: formatPaths(restored), timeoutMs: writingMs });
  const unlike = await listUnlike(work, changes, before);
  return unlike.flatMap(({ path, isOurs }) => (isOurs ? [path] : []));
};

type Unlike = { path: string; isTracked: boolean; isOurs: boolean };

/** Where the working tree is not what an index says, among the paths of a merge. */
const listUnlike = async (work: MergeWork, changes: TreeChange[], index: string): Promise<Unlike[]> => {
  const { call, repository, room } = work;
  const own = withIndex(call, index);
  await refreshIndex(own);
  const dirty = await listDirty(own);
  const results = new Map(changes.flatMap(({ path, after }) => (after ? [[path, after] as const] : [])));
  const { entries: tracked } = await readEntries(new Set(changes.map(({ path }) => path)), own);
  const asResult = withIndex(call, nameIndex(room));
  await setEntries(results, asResult);
  await refreshIndex(asResult);
  const notResult = await listDirty(asResult);
  const unlike: Unlike[] = [];
  for (const change of changes) {
    const { path, after } = change;
    const isTracked = tracked.has(path);
    const isGone = ["missing", "blocked"].includes(lookAt(repository.top, path).kind);
    if (isTracked ? !dirty.has(path) : isGone) continue;
    const isResult = after ? !notResult.has(path) : isGone;
    unlike.push({ path, isTracked, isOurs: isResult || isGone || (await isHalfWritten(work, change)) });
  }
  return unlike;
};
