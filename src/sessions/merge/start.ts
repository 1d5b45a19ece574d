import { runGit } from "../../workspace/git.ts";
import { diffTrees, linkMode, type TreeChange } from "../tree-diff.ts";
import { type Entries, nameIndex, writeTree } from "./git-index.ts";
import { lookAt, readPlain } from "./look.ts";
import { mergeTrees } from "./tree.ts";
import type { MergeWork } from "./work.ts";

/** Files of the working tree that are not as the branch has them, and may be replaced all the same. */

/**
 * What lay uncommitted at these paths when the session began, where the result has it in it: the same lines, or others
 * that a session which saw them has put in their place. A result that never knew of them does not replace them.
 */
export const findBuiltUpon = async (work: MergeWork, spots: TreeChange[]): Promise<Entries> => {
  const { session, call, emptyTree, room, choice } = work;
  const { base, hasGit } = session;
  if (!hasGit || base.commit === base.head) return new Map();
  const results = new Map(spots.map(({ path, after }) => [path, after]));
  const all = (await diffTrees(base.head ?? emptyTree, base.commit, call)) ?? [];
  const dirty = all.filter(({ path }) => results.has(path));
  if (dirty.length === 0) return new Map();
  const treeOf = async (entryOf: (change: TreeChange) => TreeChange["after"]) =>
    await writeTree(emptyTree, new Map(dirty.map((change) => [change.path, entryOf(change)])), nameIndex(room), call);
  const [before, atStart, result] = [
    await treeOf((change) => change.before),
    await treeOf((change) => change.after),
    await treeOf(({ path }) => results.get(path)),
  ];
  const config = [...(call.config ?? []), "merge.renames=false"];
  const merged = await mergeTrees({ base: before, ours: atStart, theirs: result }, { ...call, config });
  if (merged.kind === "failed") return new Map();
  const added = (await diffTrees(result, merged.tree, call)) ?? [];
  const without = new Set(added.map(({ path }) => path));
  // Where both have changed the same lines, the session saw those of the start, but one of its commits may be older.
  if (merged.kind === "conflict")
    for (const { path } of merged.conflicts) choice.kind === "commits" ? without.add(path) : without.delete(path);
  return new Map(dirty.flatMap(({ path, after }) => (without.has(path) ? [] : [[path, after] as const])));
};

const mostBytes = 64 * 1024 * 1024;

/** True for a file that git had begun to write when it died: nothing of it, or its beginning. */
export const isHalfWritten = async (
  { repository: { top }, call }: MergeWork,
  { path, after }: TreeChange,
): Promise<boolean> => {
  if (!after) return false;
  const { kind } = lookAt(top, path);
  if (kind !== "file" || after.mode === linkMode) return kind === "missing";
  const bytes = readPlain(top, path, mostBytes);
  const whole = await runGit(["cat-file", "blob", after.id], { ...call, maxBytes: mostBytes });
  if (!bytes || whole.code !== 0) return false;
  const text = withoutReturns(Buffer.from(whole.stdout));
  return text.subarray(0, withoutReturns(bytes).length).equals(withoutReturns(bytes));
};

/** Line ends may be written in another way than they are stored. */
const withoutReturns = (bytes: Buffer): Buffer =>
  bytes.includes(13) ? Buffer.from(bytes.filter((byte) => byte !== 13)) : bytes;
