import { askOnTerminal } from "../cli/ask.ts";
import { isGiven } from "../cli/given.ts";
import { errorOf } from "../errors.ts";
import { showConflicts, showPaths } from "../sessions/merge/conflict.ts";
import { type Merged, type MergeResult, mergeSession } from "../sessions/merge/merge.ts";
import type { Choice } from "../sessions/merge/work.ts";
import type { Session } from "../sessions/record.ts";
import { noteShown, shownTip } from "../sessions/shown.ts";
import { updateSession } from "../sessions/store.ts";
import type { CommandFunction, Context } from "./context.ts";
import { chooseParts } from "./merge-choice.ts";
import { tell } from "./notes.ts";
import { canAsk, chooseSession, collectIfStale, pathsInside, repositoryOf } from "./session-choice.ts";
import { count } from "./session-report.ts";

/** `cordon merge [NAME] [PATH…]`: a session's work becomes the user's; all of it, or what was chosen. */
export const runMerge: CommandFunction = async (context) => {
  const { host, invocation, out } = context;
  const { given } = invocation;
  const [word, ...paths] = invocation.words;
  const session = await collectIfStale(context, await chooseSession(context, word));
  const { collected } = session;
  if (!collected || collected.commits + collected.files === 0) {
    if (isGiven(given, "json")) out.json({ session: session.name, kind: "nothing" });
    else out.line(`session ${session.name}: there is nothing to merge`);
    return 0;
  }
  checkTip(context, session, collected.tip);
  const repository = repositoryOf(context, session);
  const chosen = choiceOf(context, paths);
  const choice = chosen ?? (word === undefined ? await chooseParts(context, session, repository) : { kind: "all" });
  const message = given.findLast(({ flag }) => flag.long === "message")?.value;
  const sign = isGiven(given, "sign") ? true : isGiven(given, "no-sign") ? false : undefined;
  const result = await mergeSession({
    ...{ host, repository, session, choice },
    tip: collected.tip,
    squash: isGiven(given, "squash"),
    ...(sign !== undefined && { sign }),
    ...(message !== undefined && { message }),
  });
  if (result.kind === "merged" && result.isWhole) {
    noteShown(host, session, collected.tip);
    await updateSession(host, session, () => ({ merged: { tip: collected.tip, at: new Date().toISOString() } }));
  }
  if (isGiven(given, "json")) out.json({ session: session.name, ...result });
  else report(result, session, context);
  return result.kind === "merged" || result.kind === "nothing" ? 0 : 1;
};

/** Only what the user has seen is merged: with `--tip` exactly that, else what `diff` has shown last. */
const checkTip = (context: Context, session: Session, tip: string): void => {
  const { host, invocation } = context;
  const named = invocation.given.findLast(({ flag }) => flag.long === "tip")?.value;
  if (named !== undefined) {
    if (named.length < 7 || !tip.startsWith(named)) throw errorOf("E_SESSION_CHANGED", session.name, tip.slice(0, 12));
    return;
  }
  const shown = shownTip(host, session);
  // What has been merged since was another piece of work.
  if (shown === undefined || shown === tip || shown === session.merged?.tip) return;
  if (isGiven(invocation.given, "yes")) return;
  const question = `Session ${session.name} has changed since \`cordon diff\` showed it. Merge it as it is now?`;
  if (!canAsk(context) || !askOnTerminal(question)) throw errorOf("E_SESSION_CHANGED", session.name, tip.slice(0, 12));
};

/** What the command line chooses; undefined when it says nothing. Throws E_USAGE. */
const choiceOf = ({ host, invocation }: Context, paths: string[]): Choice | undefined => {
  const ids = invocation.given.flatMap(({ flag, value }) => (flag.long === "commit" ? [value] : []));
  if (ids.length > 0 && paths.length > 0)
    throw errorOf("E_USAGE", "commits and paths cannot be chosen together", "merge twice");
  if (ids.length > 0) return { kind: "commits", ids };
  if (paths.length === 0) return undefined;
  return { kind: "files", paths: pathsInside(host, paths) };
};

const report = (result: MergeResult, session: Session, { out }: Context): void => {
  const { name } = session;
  switch (result.kind) {
    case "merged":
      out.line(describeMerge(result, session));
      if (result.skipped.length > 0) tell(out, `${count(result.skipped.length, "commit")} brought nothing new`);
      if (result.problem !== undefined) tell(out, result.problem);
      if (!result.isWhole) tell(out, `the rest stays in session ${name}`);
      return;
    case "nothing":
      out.line(`session ${name}: all of it is merged already`);
      return;
    case "conflict":
      tell(out, `session ${name} and your project have both changed the same; nothing was merged`);
      for (const line of showConflicts(result.conflicts)) out.note(`  ${line}`);
      out.note(`hint: ${result.hint}`);
      return;
    case "refused":
      tell(out, `nothing was merged: ${result.why}`);
      if (result.paths.length > 0) out.note(`  ${showPaths(result.paths, mostPaths)}`);
      out.note(`hint: ${result.hint}`);
  }
};

const mostPaths = 10;

const ways: Record<Merged["how"], string> = {
  "fast-forward": "fast-forward",
  signed: "fast-forward, signed",
  merge: "a merge of both sides",
  squash: "one commit",
  commits: "chosen commits",
  files: "chosen files",
};

const describeMerge = ({ how, head, branch, files, commits }: Merged, { name, hasGit }: Session): string => {
  if (!hasGit) return `merged ${name} into your files: ${count(files, "file")}`;
  const place = branch === undefined ? "HEAD" : branch.replace(/^refs\/heads\//, "");
  const what = `${count(commits, "commit")}, ${count(files, "file")}`;
  return `merged ${name} into ${place}: ${what} (${ways[how]}), now ${head.slice(0, 12)}`;
};
