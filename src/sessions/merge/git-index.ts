import path from "node:path";
import { type GitAnswer, type GitCall, runGit } from "../../workspace/git.ts";
import { decodeName, encodeName } from "../../workspace/name-bytes.ts";
import { parseRaw, splitBytes, type TreeEntry } from "../tree-diff.ts";

/** Indexes of cordon's own: the user's is only read until everything else is done. */

/** What stands at paths; undefined where there is nothing. */
export type Entries = Map<string, TreeEntry | undefined>;

/** The same call with another index. */
export const withIndex = (call: GitCall, file: string): GitCall => ({
  ...call,
  env: { ...call.env, GIT_INDEX_FILE: file },
});

/** A name for an index that nobody else uses, in a directory that goes away with the merge. */
export const nameIndex = (directory: string): string => path.join(directory, `index-${crypto.randomUUID()}`);

/** Puts entries into an index; what stands in the way of one goes. */
export const setEntries = async (entries: Entries, call: GitCall): Promise<GitAnswer> => {
  const removed = [...entries].flatMap(([path, entry]) => (entry ? [] : [path]));
  const set = [...entries].flatMap(([path, entry]) => (entry ? [{ path, ...entry }] : []));
  const input = formatPaths(removed);
  const done = await runGit(["update-index", "-z", "--force-remove", "--stdin"], { ...call, input });
  if (done.code !== 0 || set.length === 0) return done;
  const lines = set.flatMap(({ path, mode, id }) => [
    Buffer.from(`${mode.toString(8)} ${id} 0\t`),
    formatPaths([path]),
  ]);
  return await runGit(["update-index", "-z", "--replace", "--index-info"], { ...call, input: Buffer.concat(lines) });
};

/** Paths as git reads them from its input, each with a NUL behind it. */
export const formatPaths = (paths: Iterable<string>): Uint8Array =>
  Buffer.concat([...paths].flatMap((path) => [Buffer.from(encodeName(path) as string), Buffer.of(0)]));

/** The tree that is like another one but for some entries. Throws when there can be none. */
export const writeTree = async (from: string, entries: Entries, file: string, call: GitCall): Promise<string> => {
  const own = withIndex(call, file);
  await runWell(["read-tree", from], own);
  const set = await setEntries(entries, own);
  if (set.code !== 0) throw new Error(`git cannot put a tree together: ${set.stderr.trim()}`);
  return await runWell(["write-tree"], own);
};

/** What git prints, without the line end. Throws when it fails. */
export const runWell = async (args: string[], call: GitCall): Promise<string> => {
  const done = await runGit(args, call);
  if (done.code !== 0)
    throw new Error(`git ${args[0]}: ${done.stderr.trim() || (done.isTimedOut ? "too slow" : "failed")}`);
  return done.text.trimEnd();
};

/** Brings an index up to date with the files, also where the user has told git not to look. */
export const refreshIndex = async (call: GitCall): Promise<void> =>
  void (await runGit(["update-index", "-q", "--really-refresh", "--ignore-submodules"], {
    ...call,
    timeoutMs: refreshMs,
  }));

/** Every file may have to be read. */
const refreshMs = 300_000;

/** The paths at which the working tree is not what a refreshed index says; repositories inside do not count. Throws. */
export const listDirty = async (call: GitCall): Promise<Set<string>> => {
  const args = ["diff-files", "--raw", "-z", "--no-abbrev", "--no-renames", "--ignore-submodules=all", "--no-ext-diff"];
  const listed = await runGit(args, { ...call, maxBytes: 128 * 1024 * 1024 });
  if (listed.code !== 0) throw new Error(`git cannot compare the files: ${listed.stderr.trim()}`);
  return new Set(parseRaw(listed.stdout).map(({ path }) => path));
};

export type IndexEntry = TreeEntry & { stage: number; isSparse: boolean };

/** The entries of an index at some of its paths; `isUnmerged` when any path at all is. Throws. */
export const readEntries = async (
  wanted: { has(path: string): boolean },
  call: GitCall,
): Promise<{ entries: Map<string, IndexEntry>; isUnmerged: boolean }> => {
  const listed = await runGit(["ls-files", "-t", "--stage", "-z"], { ...call, maxBytes: 512 * 1024 * 1024 });
  if (listed.code !== 0) throw new Error(`git cannot read the index: ${listed.stderr.trim()}`);
  return parseStages(listed.stdout, wanted);
};

/** Reads `TAG MODE ID STAGE TAB PATH NUL …` (git-ls-files(1)); the tag `S` is for what sparse checkouts leave out. */
const parseStages = (bytes: Uint8Array, wanted: { has(path: string): boolean }) => {
  const entries = new Map<string, IndexEntry>();
  let isUnmerged = false;
  for (const field of splitBytes(bytes)) {
    const tab = field.indexOf(9);
    const [tag = "", mode = "", id = "", stage = ""] = Buffer.from(field.subarray(0, tab))
      .toString("latin1")
      .split(" ");
    isUnmerged ||= stage !== "0";
    const path = decodeName(field.subarray(tab + 1));
    if (wanted.has(path))
      entries.set(path, { mode: Number.parseInt(mode, 8), id, stage: Number(stage), isSparse: tag === "S" });
  }
  return { entries, isUnmerged };
};
