import { diffTrees, type TreeChange } from "../tree-diff.ts";
import { mergeBaseOf, refuseSize } from "./bases.ts";
import { formatPaths, runWell, withIndex } from "./git-index.ts";
import { lookAt } from "./look.ts";
import type { MergeWork } from "./work.ts";

/**
 * Directories without git: what lies there now becomes a commit of the repository that plays git's part, as far as the
 * session has touched it. Then a merge sees both sides, and files are ever as that commit has them.
 */
export const takeDirectory = async (work: MergeWork, start: string, index: string): Promise<string> => {
  const { call, tip, session, repository } = work;
  const own = withIndex(call, index);
  const base = (await mergeBaseOf(work, start, tip)) ?? session.base.commit;
  const changes = (await diffTrees(base, tip, call)) ?? refuseSize(session);
  await runWell(["read-tree", start], own);
  const paths = new Set(changes.flatMap((change) => pathsToTake(repository.top, change)));
  const input = formatPaths(paths);
  await runWell(["update-index", "--add", "--remove", "--replace", "-z", "--stdin"], { ...own, input, timeoutMs });
  const tree = await runWell(["write-tree"], own);
  if (tree === (await runWell(["rev-parse", "--verify", `${start}^{tree}`], call))) return start;
  const author = { GIT_AUTHOR_NAME: "cordon", GIT_AUTHOR_EMAIL: "cordon@localhost" };
  const env = { ...call.env, ...author };
  return await runWell(["commit-tree", "-p", start, "-m", "The directory as it was before the merge", tree], {
    ...call,
    env,
  });
};

const timeoutMs = 300_000;

/** A path, or what stands in the place of one of its directories. What is neither file nor link is left to the merge. */
const pathsToTake = (top: string, { path }: TreeChange): string[] => {
  const look = lookAt(top, path);
  if (look.kind !== "blocked") return ["missing", "file", "link"].includes(look.kind) ? [path] : [];
  return ["file", "link"].includes(lookAt(top, look.by).kind) ? [look.by] : [];
};
