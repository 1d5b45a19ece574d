import { runGit } from "../../workspace/git.ts";
import { isAncestor } from "../../workspace/host-state.ts";
import { idPattern } from "../../workspace/private-refs.ts";
import { diffTrees } from "../tree-diff.ts";
import { readCommits, trailerOf } from "./commit.ts";
import { explainByHand, explainConflicts } from "./conflict.ts";
import { type Entries, nameIndex, writeTree } from "./git-index.ts";
import { MergeStop, refuse } from "./refusal.ts";
import { mergeCommits, mergeTrees, type Three, type TreeMerge } from "./tree.ts";
import type { MergeWork } from "./work.ts";

/**
 * Merges of a session into the host, against the best common start. What history says comes first. Where that makes
 * conflicts, others may know better: a session builds upon files that were not committed when it began, and upon work of
 * its own that the host has taken already, squashed or commit by commit.
 */

/** Two commits. Gives the tree; throws a conflict or a refusal. */
export const mergeHistories = async (work: MergeWork, ours: string, theirs: string): Promise<string> => {
  const base = (await mergeBaseOf(work, ours, theirs)) ?? work.session.base.head ?? work.emptyTree;
  const first = await mergeCommits(ours, theirs, work.call);
  const isUnrelated = first.kind === "failed" && first.problem === "unrelated";
  return await settle(work, isUnrelated ? undefined : first, { base, ours, theirs });
};

/** Three trees, or commits for their trees. Gives the tree; throws a conflict or a refusal. */
export const mergeChange = async (work: MergeWork, three: Three): Promise<string> =>
  await settle(work, undefined, three);

/** The commit in which two histories meet; the first if there are more. */
export const mergeBaseOf = async ({ call }: MergeWork, ours: string, theirs: string): Promise<string | undefined> => {
  const found = (await runGit(["merge-base", ours, theirs], call)).text.trim();
  return idPattern.test(found) ? found : undefined;
};

const settle = async (work: MergeWork, known: TreeMerge | undefined, three: Three): Promise<string> => {
  const plain = { base: asTree(three.base), ours: asTree(three.ours), theirs: asTree(three.theirs) };
  const first = known ?? (await mergeTrees(plain, work.call));
  if (first.kind === "clean") return first.tree;
  if (first.kind === "failed") return refuseFailed(work, first);
  for (const base of [await baseWithStart(work, three), await baseTaken(work, three)]) {
    const merged = base === undefined ? undefined : await mergeTrees({ ...plain, base: asTree(base) }, work.call);
    if (merged?.kind === "clean") return merged.tree;
  }
  const replayed = work.choice.kind === "all" ? await replay(work, three) : undefined;
  if (replayed !== undefined) return replayed;
  throw new MergeStop({ kind: "conflict", ...explainConflicts(work, first.conflicts) });
};

const asTree = (id: string): string => `${id}^{tree}`;

const refuseFailed = ({ session }: MergeWork, { problem, detail }: TreeMerge & { kind: "failed" }): never => {
  const byHand = explainByHand(session);
  if (problem === "old")
    return refuse("git-old", "this git cannot merge beside the working tree: 2.38 is needed", byHand);
  if (problem === "bounds") return refuseSize(session, `: ${detail}`);
  return refuse("failed", `git cannot merge the two sides: ${detail}`, byHand);
};

/**
 * The base, with files as they lay on the host uncommitted when the session began, where the session has built upon
 * them and the host has another version by now: most likely the same changes, committed.
 */
const baseWithStart = async (work: MergeWork, { base, ours, theirs }: Three): Promise<string | undefined> => {
  const { session, call, emptyTree, room } = work;
  const start = session.base.head ?? emptyTree;
  if (session.base.commit === session.base.head) return undefined;
  const dirty = (await diffTrees(start, session.base.commit, call)) ?? [];
  const moved = await changedPaths(work, start, base);
  const onHost = await changedPaths(work, base, ours);
  const inSession = await changedPaths(work, base, theirs);
  const entries: Entries = new Map();
  for (const { path, after } of dirty)
    if (!moved.has(path) && onHost.has(path) && inSession.has(path)) entries.set(path, after);
  return entries.size === 0 ? undefined : await writeTree(base, entries, nameIndex(room), call);
};

/** What was merged as one commit before: when a commit of such a merge is still there, and no file of it was dropped. */
const baseTaken = async (work: MergeWork, { base, ours }: Three): Promise<string | undefined> => {
  const { session, tip, call, choice } = work;
  const taken = session.merged?.tip;
  if (taken === undefined || choice.kind !== "all" || !(await isAncestor(taken, tip, call))) return undefined;
  const search = ["--no-merges", "--fixed-strings", `--grep=${trailerOf(session)}`, ours, `^${base}`, "--"];
  const squashed = await runGit(["rev-list", "--max-count=1", ...search], call);
  if (squashed.code !== 0 || squashed.text.trim() === "") return undefined;
  const onHost = await changedPaths(work, base, ours);
  return [...(await changedPaths(work, base, taken))].every((path) => onHost.has(path)) ? taken : undefined;
};

const mostReplayed = 200;

/** One commit after the other: those that the host has taken by choice change nothing, and the next builds on them. */
const replay = async ({ call, emptyTree }: MergeWork, { ours, theirs }: Three): Promise<string | undefined> => {
  const range = [`--max-count=${mostReplayed + 1}`, "--topo-order", "--reverse", theirs, `^${ours}`, "--"];
  const ids = (await runGit(["rev-list", ...range], call)).text.split("\n").filter(Boolean);
  if (ids.length < 2 || ids.length > mostReplayed) return undefined;
  let tree = asTree(ours);
  for (const { parents, tree: after } of await readCommits(ids, call)) {
    if (parents.length > 1) return undefined;
    const base = parents[0] === undefined ? emptyTree : asTree(parents[0]);
    const merged = await mergeTrees({ base, ours: tree, theirs: after }, call);
    if (merged.kind !== "clean") return undefined;
    tree = merged.tree;
  }
  return tree;
};

const changedPaths = async ({ call, session }: MergeWork, from: string, to: string): Promise<Set<string>> => {
  const changes = await diffTrees(from, to, call);
  return changes ? new Set(changes.map(({ path }) => path)) : refuseSize(session);
};

/** Refuses what is beyond the limits of a merge. */
export const refuseSize = (session: MergeWork["session"], detail = ""): never =>
  refuse("too-large", `the changes are more than can be merged here${detail}`, explainByHand(session));
