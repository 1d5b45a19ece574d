import { type GitCall, runGit } from "../../workspace/git.ts";
import { emptyTree, isAncestor } from "../../workspace/host-state.ts";
import { isObjectId } from "../../workspace/refs.ts";
import type { Session } from "../record.ts";

export type ReviewStart = {
  /** What the work is compared with: a commit, or the tree without entries. */
  tree: string;
  /** Whose history is the host's already; undefined when there was no commit at the start. */
  commit: string | undefined;
};

/**
 * Where the work of a session begins: at the host's HEAD of the start, or at a later one that the session has merged
 * since. What the host has by itself is none of the session's work.
 */
export const findReviewStart = async (
  { base, hasGit }: Pick<Session, "base" | "hasGit">,
  tip: string,
  call: GitCall,
): Promise<ReviewStart> => {
  if (!hasGit) return { tree: base.commit, commit: base.commit };
  const asked = await runGit(["merge-base", "HEAD", tip], call);
  const shared = asked.text.trim();
  const isLater =
    asked.code === 0 &&
    isObjectId(shared) &&
    shared !== base.head &&
    (base.head === undefined || (await isAncestor(base.head, shared, call)));
  const commit = isLater ? shared : base.head;
  return { tree: commit ?? emptyTree[tip.length === 64 ? "sha256" : "sha1"], commit };
};
