import { type GitCall, runGit } from "../workspace/git.ts";
import { decodeName } from "../workspace/name-bytes.ts";

/** What differs between two trees. */

/** An entry of a tree: type and permissions as trees spell them, `0o120000` a link, `0o160000` a repository. */
export type TreeEntry = { mode: number; id: string };

/** `path` is spelled as `name-bytes.ts` does; `before` and `after` are absent where there is no such entry. */
export type TreeChange = { path: string; before?: TreeEntry; after?: TreeEntry };

export const gitlinkMode = 0o160000;
export const linkMode = 0o120000;

/** git keeps the list in memory before it prints any: enough for some two million changes. */
const mostBytes = 128 * 1024 * 1024;
const mostMemory = 512 * 1024 * 1024;

/** Every path that differs, in the order of the tree; undefined when they are too many, or a tree cannot be read. */
export const diffTrees = async (from: string, to: string, call: GitCall): Promise<TreeChange[] | undefined> => {
  const args = ["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--no-ext-diff", from, to, "--"];
  const listed = await runGit(args, { ...call, maxBytes: mostBytes, memoryBytes: mostMemory, timeoutMs: 60_000 });
  return listed.code === 0 && !listed.isTooLong ? parseRaw(listed.stdout) : undefined;
};

/** Reads `:MODE MODE ID ID STATUS NUL PATH NUL …` (git-diff-tree(1), raw output format). */
export const parseRaw = (bytes: Uint8Array): TreeChange[] => {
  const fields = splitBytes(bytes);
  const changes: TreeChange[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [, modeBefore = "", modeAfter = "", idBefore = "", idAfter = ""] =
      /^:(\d{6}) (\d{6}) ([0-9a-f]+) ([0-9a-f]+) [A-Z]/.exec(Buffer.from(fields[at]!).toString("latin1")) ?? [];
    if (modeBefore === "") continue;
    const [before, after] = [entryOf(modeBefore, idBefore), entryOf(modeAfter, idAfter)];
    changes.push({ path: decodeName(fields[at + 1]!), ...(before && { before }), ...(after && { after }) });
  }
  return changes;
};

const entryOf = (mode: string, id: string): TreeEntry | undefined =>
  mode === "000000" ? undefined : { mode: Number.parseInt(mode, 8), id };

/** The fields between NULs. */
export const splitBytes = (bytes: Uint8Array): Uint8Array[] => {
  const fields: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0, start);
    fields.push(bytes.subarray(start, end < 0 ? bytes.length : end));
    start = end < 0 ? bytes.length : end + 1;
  }
  return fields;
};

export const isSameEntry = (a: TreeEntry | undefined, b: TreeEntry | undefined): boolean =>
  a?.id === b?.id && a?.mode === b?.mode;
