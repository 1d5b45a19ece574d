import { isGiven } from "../cli/given.ts";
import { errorOf } from "../errors.ts";
import { findProgram } from "../exec.ts";
import { printCommits, printPatch, printStat, selectFiles } from "../sessions/review/print.ts";
import { reviewSession } from "../sessions/review/review.ts";
import { noteShown } from "../sessions/shown.ts";
import { summarizeLater } from "../workspace/later.ts";
import { showPath } from "../workspace/shown-path.ts";
import type { CommandFunction } from "./context.ts";
import { tell } from "./notes.ts";
import { chooseSession, collectIfStale, pathsInside, repositoryOf } from "./session-choice.ts";

/** `cordon diff [NAME] [PATH…] [--stat|--commits] [--json]`: what a merge would bring, and what of it is executed later. */
export const runDiff: CommandFunction = async (context) => {
  const { host, invocation, out } = context;
  const { given, words } = invocation;
  const [word, ...rest] = words;
  const session = await collectIfStale(context, await chooseSession(context, word));
  const tip = session.collected?.tip;
  const isJson = isGiven(given, "json");
  if (tip === undefined) {
    if (isJson) out.json({ session: session.name, ...noReview });
    else out.line(`session ${session.name}: nothing has changed`);
    return 0;
  }
  const git = findProgram("git", host.env["PATH"], session.project);
  if (!git) throw errorOf("E_SESSION_FAILED", session.name, "git is not installed", "install git");
  const call = { git, repository: repositoryOf(context, session) };
  const review = await reviewSession({ call, session, tip });
  noteShown(host, session, tip);
  const paths = rest.length > 0 ? pathsInside(host, rest) : undefined;
  const files = selectFiles(review, paths);
  if (isJson) {
    out.json({ session: session.name, ...review, files });
    return 0;
  }
  if (review.commitCount === 0 && files.length === 0) {
    out.line(`session ${session.name}: ${session.merged ? "all of it is merged already" : "nothing has changed"}`);
    return 0;
  }
  for (const path of (paths ?? []).filter((path) => selectFiles(review, [path]).length === 0))
    tell(out, `session ${session.name} has not changed ${showPath(path)}`);
  const look = { isColoured: out.colour, ...(paths && { paths }) };
  const [asksStat, asksCommits] = [isGiven(given, "stat"), isGiven(given, "commits")];
  const isBrief = asksStat || asksCommits;
  // What matters most stands last, where a terminal shows it.
  const patch = isBrief ? "" : await printPatch(call, review, look);
  if (patch !== "") out.line(patch);
  if (!asksStat || asksCommits) for (const line of printCommits(review, look)) out.line(line);
  if (!asksCommits || asksStat) for (const line of printStat(review, look)) out.line(line);
  const later = summarizeLater(review.findings);
  if (later.length > 0) out.line("executed on this machine later, if it is merged; look before you run them:");
  for (const line of later) out.line(`  ${line}`);
  return 0;
};

const noReview = { commits: [], commitCount: 0, files: [], findings: [], gitlinks: [], gitmodules: [] };
