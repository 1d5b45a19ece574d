import { errorOf } from "../errors.ts";
import { findProgram } from "../exec.ts";
import { readCommits, subjectOf } from "../sessions/merge/commit.ts";
import type { Choice } from "../sessions/merge/work.ts";
import type { Session } from "../sessions/record.ts";
import { findReviewStart } from "../sessions/review/start.ts";
import { diffTrees } from "../sessions/tree-diff.ts";
import { escapeControls } from "../terminal/escape.ts";
import { type GitCall, runGit } from "../workspace/git.ts";
import type { Repository } from "../workspace/repository.ts";
import { showPath } from "../workspace/shown-path.ts";
import type { Context } from "./context.ts";
import { canAsk } from "./session-choice.ts";

/** More than anybody would want to go through in a list. */
const mostListed = 500;

/** What to merge, chosen from lists; everything where nobody can be asked. Throws E_USAGE when nothing was chosen. */
export const chooseParts = async (context: Context, session: Session, repository: Repository): Promise<Choice> => {
  const git = findProgram("git", context.host.env["PATH"], session.project);
  const tip = session.collected?.tip;
  if (!canAsk(context) || !git || tip === undefined) return { kind: "all" };
  const call: GitCall = { git, repository };
  const start = await findReviewStart(session, tip, call);
  const commits = await listCommits(tip, start.commit, call);
  const files = ((await diffTrees(start.tree, tip, call)) ?? []).slice(0, mostListed);
  const { pickOne, pickSome } = await import("../terminal/pick.ts");
  const kind = await pickOne(`What of session ${session.name}?`, [
    { value: "all", label: "everything" },
    ...(commits.length > 1 ? [{ value: "commits", label: "some of its commits" }] : []),
    ...(files.length > 1 ? [{ value: "files", label: "some of its files" }] : []),
  ]);
  if (kind === "all") return { kind };
  const picked =
    kind === "commits"
      ? await pickSome("Which commits?", commits)
      : kind === "files" &&
        (await pickSome(
          "Which files?",
          files.map(({ path }) => ({ value: path, label: showPath(path) })),
        ));
  if (!picked || picked.length === 0)
    throw errorOf("E_USAGE", "nothing was chosen", `\`cordon merge ${session.name}\``);
  return kind === "commits" ? { kind, ids: picked } : { kind: "files", paths: picked };
};

/** Oldest first, as they are applied. */
const listCommits = async (tip: string, head: string | undefined, call: GitCall) => {
  const range = head === undefined ? [] : ["--not", head];
  const args = ["rev-list", "--reverse", "--topo-order", `--max-count=${mostListed}`, tip, ...range];
  const ids = (await runGit(args, call)).text.split("\n").filter(Boolean);
  const commits = await readCommits(ids, call);
  return commits.map((commit) => ({
    value: commit.id,
    label: escapeControls(`${commit.id.slice(0, 10)} ${subjectOf(commit)}`),
    hint: escapeControls(commit.author.name),
  }));
};
