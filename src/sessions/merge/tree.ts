import { type GitAnswer, type GitCall, runGit } from "../../workspace/git.ts";
import { decodeName } from "../../workspace/name-bytes.ts";
import { lastLine } from "../../workspace/private-refs.ts";
import { splitBytes } from "../tree-diff.ts";
import { runWell } from "./git-index.ts";

/** Merges that touch neither files nor index: git's own, with every merge driver off (`findPrograms`). */

/** Paths are spelled as `name-bytes.ts` does. `what` is a phrase about the path: "both changed the same lines". */
export type Conflict = { path: string; what: string };

export type TreeMerge =
  | { kind: "clean"; tree: string }
  | { kind: "conflict"; tree: string; conflicts: Conflict[] }
  | { kind: "failed"; problem: "old" | "bounds" | "unrelated" | "other"; detail: string };

export type Three = { base: string; ours: string; theirs: string };

/** Comparing every new file with every deleted one takes the square of the time. */
const mostRenames = 2_000;
const mostMemory = 2 * 1024 ** 3;
const timeoutMs = 120_000;

/** Two commits with all their history, as `git merge` does. */
export const mergeCommits = async (ours: string, theirs: string, call: GitCall): Promise<TreeMerge> => {
  const top = call.repository?.top;
  // Attributes are looked for from here: those that the user has, not those that the session brings.
  const place = top === undefined ? [] : ["-C", top];
  const args = [...place, "merge-tree", "--write-tree", "-z", "--messages", ours, theirs];
  const config = [...(call.config ?? []), `merge.renameLimit=${mostRenames}`, `diff.renameLimit=${mostRenames}`];
  const bounds = { maxBytes: 64 * 1024 * 1024, memoryBytes: mostMemory, timeoutMs };
  return readMerge(await runGit(args, { ...call, config, ...bounds }));
};

/** Three trees. git before 2.40 knows no `--merge-base`, so they become commits, which nothing leads to. */
export const mergeTrees = async ({ base, ours, theirs }: Three, call: GitCall): Promise<TreeMerge> => {
  const start = await commitTree(base, [], call);
  return await mergeCommits(await commitTree(ours, [start], call), await commitTree(theirs, [start], call), call);
};

const nobody = { GIT_AUTHOR_NAME: "cordon", GIT_AUTHOR_EMAIL: "cordon@localhost", GIT_AUTHOR_DATE: "@0 +0000" };

const commitTree = async (tree: string, parents: string[], call: GitCall): Promise<string> => {
  const env = { ...call.env, ...nobody, GIT_COMMITTER_DATE: "@0 +0000" };
  return await runWell(["commit-tree", ...parents.flatMap((id) => ["-p", id]), "-m", "x", tree], { ...call, env });
};

const readMerge = (done: GitAnswer): TreeMerge => {
  if (done.isTimedOut || done.isTooLong || done.code === -1)
    return {
      kind: "failed",
      problem: "bounds",
      detail: done.isTimedOut ? "it takes too long" : "it takes too much memory",
    };
  const [first, ...fields] = splitBytes(done.stdout);
  const tree = Buffer.from(first ?? [])
    .toString()
    .trim();
  if (done.code === 0) return { kind: "clean", tree };
  if (done.code === 1) return { kind: "conflict", tree, conflicts: parseConflicts(fields) };
  const problem = done.code === 129 ? "old" : /unrelated histories/.test(done.stderr) ? "unrelated" : "other";
  return { kind: "failed", problem, detail: lastLine(done.stderr) };
};

/**
 * Reads what follows the tree: `MODE ID STAGE TAB PATH` for each conflicted entry, an empty field, then for each message
 * the number of its paths, the paths, its kind and its text (git-merge-tree(1), output).
 */
const parseConflicts = (fields: Uint8Array[]): Conflict[] => {
  const end = fields.findIndex(({ length }) => length === 0);
  const stages = new Map<string, number>();
  for (const field of fields.slice(0, end < 0 ? undefined : end)) {
    const tab = field.indexOf(9);
    const path = decodeName(field.subarray(tab + 1));
    stages.set(path, (stages.get(path) ?? 0) | (1 << Number(String.fromCharCode(field[tab - 1]!))));
  }
  const found = new Map<string, string>();
  const text = (at: number) => Buffer.from(fields[at] ?? []).toString();
  for (let at = end + 1; end >= 0 && at < fields.length; ) {
    const count = Number(text(at));
    const paths = fields.slice(at + 1, at + 1 + count).map(decodeName);
    const kind = text(at + 1 + count);
    at += count + 3;
    // Of a file and a directory of one name, git names the copy that it would make first.
    const path = kind.includes("file/directory") ? paths[1] : paths[0];
    if (!kind.startsWith("CONFLICT") || path === undefined) continue;
    if (!found.has(path)) found.set(path, describe(kind, stages.get(path) ?? 0, paths));
    for (const other of paths) stages.delete(other);
  }
  for (const [path, mask] of stages) if (!found.has(path)) found.set(path, describe("", mask, []));
  return [...found].map(([path, what]) => ({ path, what }));
};

const [baseStage, hereStage, thereStage] = [2, 4, 8];

const describe = (kind: string, mask: number, paths: string[]): string => {
  if (kind.includes("binary")) return "both changed it, and it is no text";
  if (kind.includes("file/directory")) return "a file on one side, a directory on the other";
  if (kind.includes("rename/rename")) return "both gave it another name";
  if (kind.includes("rename/delete")) return "one side gave it another name, the other deleted it";
  if (kind.includes("distinct")) return "of another kind on each side";
  if (kind.includes("submodule")) return "both moved the submodule";
  if (kind.includes("directory rename") || kind.includes("file location"))
    return "one side added it in a directory that the other side gave another name";
  if (mask === (baseStage! | hereStage!)) return "changed here, deleted in the session";
  if (mask === (baseStage! | thereStage!)) return "deleted here, changed in the session";
  if (mask === (hereStage! | thereStage!)) return "both added it, each with other text";
  return paths.length > 1 ? "both moved or changed it" : "both changed the same lines";
};
