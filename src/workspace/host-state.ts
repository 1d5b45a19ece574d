import fs from "node:fs";
import path from "node:path";
import { type GitCall, runGit } from "./git.ts";
import { canFollow, untilUnlocked } from "./host-index.ts";
import { idPattern, lastLine } from "./private-refs.ts";
import type { Repository } from "./repository.ts";

/** What the host's repository is like at this moment; it may have changed since the run began. */
export type HostState = {
  refs: Map<string, string>;
  /** The ref that HEAD stands for, undefined when detached. */
  branch: string | undefined;
  /** Undefined when unborn. */
  head: string | undefined;
  /** Branches that some working tree has checked out, and its place. */
  checkedOut: Map<string, string>;
};

const mostBytes = 128 * 1024 * 1024;
/** git keeps a list of changes in memory before it prints any. Enough for some two million. */
const mostMemory = 512 * 1024 * 1024;

/** Throws when the repository cannot be read. */
export const readHostState = async (call: GitCall): Promise<HostState> => {
  const answer = await runGit(["for-each-ref", "--format=%(objectname) %(refname)"], { ...call, maxBytes: mostBytes });
  if (answer.code !== 0) throw new Error(`the host's refs cannot be read: ${lastLine(answer.stderr)}`);
  const [branch, head, trees] = await Promise.all([
    runGit(["symbolic-ref", "-q", "HEAD"], call),
    runGit(["rev-parse", "-q", "--verify", "HEAD^{commit}"], call),
    runGit(["worktree", "list", "--porcelain"], call),
  ]);
  const entries = answer.text.split("\n").filter(Boolean);
  return {
    refs: new Map(entries.map((line) => [line.slice(line.indexOf(" ") + 1), line.slice(0, line.indexOf(" "))])),
    branch: branch.code === 0 ? branch.text.trim() : undefined,
    head: idPattern.test(head.text.trim()) ? head.text.trim() : undefined,
    checkedOut: new Map(
      [...trees.text.matchAll(/^worktree (.+)\n(?:.+\n)*?branch (.+)$/gm)].map(([, place, name]) => [name!, place!]),
    ),
  };
};

/** Why the host's branch is not moved forward. */
export type Reason =
  | { kind: "other-branch"; now: string | undefined }
  | { kind: "moved"; isRelated: boolean }
  | { kind: "rewritten" }
  /** The same for a branch that is not checked out, and that the host has left as it was. */
  | { kind: "rewritten-aside" }
  /** Commits of no branch; `isAhead` says that the host's HEAD is among those that they build upon. */
  | { kind: "no-branch"; isAhead: boolean }
  /** In another working tree; `isAhead` says that only commits are missing there, and the files are as the commits have them. */
  | { kind: "checked-out"; place: string; isAhead: boolean }
  | { kind: "staged" }
  | { kind: "busy"; operation: string }
  | { kind: "gitlink"; path: string }
  | { kind: "too-large" }
  /** `isAhead` says that nothing of the host's stands in the way but that it is the host's. */
  | { kind: "exists"; isAhead?: boolean }
  | { kind: "name" }
  | { kind: "session" };

export type Advance = { branch: string | undefined; baseHead: string | undefined; tip: string };

/** Looks whether HEAD may move to `tip`; undefined when it may. Changes nothing. */
export const findObstacle = async (
  state: HostState,
  { branch, baseHead, tip }: Advance,
  repository: Repository,
  call: GitCall,
): Promise<Reason | undefined> => {
  if (state.branch !== branch) return { kind: "other-branch", now: state.branch };
  if (state.head !== undefined && !(await isAncestor(state.head, tip, call)))
    return state.head === baseHead ? { kind: "rewritten" } : await findMove(state.head, tip, call);
  const isDropped = state.head === undefined && baseHead !== undefined;
  if (isDropped || (await isSetBack(state.head, baseHead, call))) return { kind: "moved", isRelated: true };
  const operation = findOperation(repository);
  if (operation) return { kind: "busy", operation };
  if (!(await untilUnlocked(repository.gitDir))) return { kind: "busy", operation: "git command" };
  const from = state.head ?? emptyTree[repository.hashAlgorithm];
  const gitlink = await findGitlink(from, tip, call);
  return gitlink ?? ((await canFollow(from, tip, call)) ? undefined : { kind: "staged" });
};

/** Somebody on the host has taken commits back that both sides had: moving forward would bring them again. */
export const isSetBack = async (now: string | undefined, base: string | undefined, call: GitCall): Promise<boolean> =>
  now !== undefined && base !== undefined && now !== base && (await isAncestor(now, base, call));

const findMove = async (head: string, tip: string, call: GitCall): Promise<Reason> => ({
  kind: "moved",
  isRelated: (await runGit(["merge-base", head, tip], call)).code === 0,
});

/** Files in the git directory that tell of something unfinished (gitrepository-layout(5), wt-status.c). */
const operations = [
  ["MERGE_HEAD", "merge"],
  ["CHERRY_PICK_HEAD", "cherry-pick"],
  ["REVERT_HEAD", "revert"],
  ["rebase-merge", "rebase"],
  ["rebase-apply", "rebase"],
  ["sequencer", "cherry-pick or revert"],
  ["BISECT_LOG", "bisect"],
] as const;

/** What is unfinished in a working tree, in words; undefined when nothing is. */
export const findOperation = ({ gitDir }: Pick<Repository, "gitDir">): string | undefined =>
  operations.find(([file]) => fs.existsSync(path.join(gitDir, file)))?.[1];

/** The id of a tree without entries, which git knows without having it. */
export const emptyTree = {
  sha1: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
  sha256: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
};

export const isAncestor = async (ancestor: string, tip: string, call: GitCall): Promise<boolean> =>
  (await runGit(["merge-base", "--is-ancestor", ancestor, tip], call)).code === 0;

/**
 * A new gitlink would let the host's git run in whatever repository stands there. The list of changes is bounded: a few
 * small trees can describe more files than any index holds.
 */
const findGitlink = async (from: string, tip: string, call: GitCall): Promise<Reason | undefined> => {
  const args = ["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--no-ext-diff", from, tip, "--"];
  const changes = await runGit(args, { ...call, maxBytes: mostBytes, memoryBytes: mostMemory });
  if (changes.code !== 0) return { kind: "too-large" };
  const text = Buffer.from(changes.stdout).toString("latin1");
  const found = /(?:^|\0):(?!160000)\d{6} 160000 [0-9a-f]+ [0-9a-f]+ [A-Z]\d*\0([^\0]*)/.exec(text)?.[1];
  return found === undefined ? undefined : { kind: "gitlink", path: found.replace(/[^\x20-\x7e]/g, "?") };
};
