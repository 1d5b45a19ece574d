import { quoteWord } from "../../workspace/ref-name.ts";
import { type Repository, readHostRefs } from "../../workspace/repository.ts";
import { showPath } from "../../workspace/shown-path.ts";
import { shownName } from "../host-branches.ts";
import type { Conflict } from "./tree.ts";
import type { MergeWork } from "./work.ts";

/** What to tell a person whose changes and the session's do not go together. */

const mostShown = 20;

/** The conflicts in the order of their paths, and what to type. */
export const explainConflicts = (
  work: Pick<MergeWork, "session" | "choice" | "repository">,
  conflicts: Conflict[],
): { conflicts: Conflict[]; hint: string } => ({
  conflicts: [...conflicts].sort((a, b) => (a.path < b.path ? -1 : 1)),
  hint: hintOf(work, conflicts),
});

const hintOf = (
  { session, choice, repository }: Pick<MergeWork, "session" | "choice" | "repository">,
  conflicts: Conflict[],
): string => {
  const { id, name, hasGit } = session;
  if (!hasGit)
    return `\`cordon diff ${name}\` shows what it did; \`cordon merge ${name} PATH\` takes files that do not conflict`;
  const agent = `\`cordon resume ${name} "commit everything, merge ${theirName(repository)} and resolve the conflicts"\` lets the agent do it`;
  if (choice.kind === "commits")
    return `\`cordon merge ${name}\` may do better with all commits; ${agent}; \`git cherry-pick ${choice.ids[0] ?? ""}\` does it by hand`;
  if (choice.kind === "files") {
    const first = conflicts[0] ? quoteWord(showPath(conflicts[0].path)) : "PATH";
    return `\`git checkout --patch refs/cordon/${id}/tip -- ${first}\` takes parts of a file by hand; ${agent}`;
  }
  return `\`git merge refs/cordon/${id}/tip\` lets you resolve them by hand; ${agent}`;
};

/** The host's HEAD as it is seen inside. A name that a shell would read in its own way is not offered for typing. */
const theirName = (repository: Repository): string => {
  const name = shownName(repository, readHostRefs(repository.commonDir));
  return /^[\w./-]+$/.test(name) ? name : "what git branch -r lists";
};

/** What a person can do without cordon, or with less of it. */
export const explainByHand = ({ id, name, hasGit }: MergeWork["session"]): string =>
  hasGit
    ? `\`git merge refs/cordon/${id}/tip\` merges by hand`
    : `\`cordon merge ${name} PATH\` takes some of the files`;

/** A line for each conflict, fit to be printed. */
export const showConflicts = (conflicts: Conflict[]): string[] => {
  const lines = conflicts.slice(0, mostShown).map(({ path, what }) => `${showPath(path)}: ${what}`);
  return conflicts.length > mostShown ? [...lines, `… and ${conflicts.length - mostShown} more`] : lines;
};

/** A few paths in one line, fit to be printed. */
export const showPaths = (paths: string[], most = 3): string =>
  paths.length > most
    ? `${paths.slice(0, most).map(showPath).join(", ")} and ${paths.length - most} more`
    : paths.map(showPath).join(", ");
