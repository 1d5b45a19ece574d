import { exportHistory } from "../agents/history-export.ts";
import { findAgent } from "../agents/registry.ts";
import { locateState } from "../agents/state.ts";
import { isGiven } from "../cli/given.ts";
import { formatAge, formatSize, formatTable } from "../cli/table.ts";
import { errorOf } from "../errors.ts";
import { partsOf, sessionPlace } from "../sessions/record.ts";
import { listSessions } from "../sessions/store.ts";
import { measureSession, type Summary, summarise } from "../sessions/summary.ts";
import { escapeControls } from "../terminal/escape.ts";
import { hasLeft } from "../workspace/live.ts";
import type { CommandFunction, Context } from "./context.ts";
import { recoverLive } from "./ending.ts";
import { tell } from "./notes.ts";
import { chooseSession, collectIfStale } from "./session-choice.ts";

/** `cordon sessions [--all] [--json]`, `cordon sessions export NAME [DIRECTORY]`. */
export const runSessions: CommandFunction = async (context) => {
  const [verb, ...words] = context.invocation.words;
  if (verb === undefined) return await list(context);
  if (verb === "export") return await exportConversations(context, words);
  throw errorOf("E_USAGE", `\`cordon sessions\` cannot \`${verb}\``, "`cordon sessions [export NAME [DIRECTORY]]`");
};

/** Of this project, or of all; those whose run was killed are collected first. */
const list = async (context: Context): Promise<number> => {
  const { host, invocation, out } = context;
  if (hasLeft(host)) await recoverLive(context);
  const sessions = listSessions(host, isGiven(invocation.given, "all") ? undefined : host.project);
  const summaries: Summary[] = [];
  for (const session of sessions) {
    const now = await collectIfStale(context, session);
    summaries.push({ ...summarise(host, now), bytes: await measureSession(host, now) });
  }
  if (isGiven(invocation.given, "json")) out.json(summaries);
  else if (summaries.length === 0) out.line("no sessions; `cordon --session NAME AGENT …` makes one");
  else for (const line of formatTable([head, ...summaries.map(rowOf)])) out.line(escapeControls(line));
  return 0;
};

const head = ["NAME", "STATE", "COMMITS", "FILES", "DISK", "AGENT", "BRANCH", "KIND", "AGE", "USED", "PROJECT"];

const rowOf = (summary: Summary): string[] => {
  const { name, state, commits, files, bytes, agent, branch, workspace, createdAt, usedAt, project } = summary;
  const age = (time: string) => formatAge(Date.now() - Date.parse(time));
  const disk = bytes === undefined ? "?" : formatSize(bytes);
  const counts = [String(commits), String(files), disk];
  return [name, state, ...counts, agent, branch ?? "-", workspace, age(createdAt), age(usedAt), project];
};

/** Hands conversations back to the agent outside, or into an empty directory. */
const exportConversations = async (context: Context, [word, to]: string[]): Promise<number> => {
  const { host, out } = context;
  const session = await chooseSession(context, word);
  const agent = findAgent(session.agent, await context.config());
  const place = partsOf(sessionPlace(host, session)).state;
  const states = locateState(agent, host, session.project, "none", place);
  const handed = exportHistory(agent, states, to);
  if (isGiven(context.invocation.given, "json")) {
    out.json({ session: session.name, ...handed });
    return 0;
  }
  const { copied, same, left, notes } = handed;
  for (const { file, resume } of copied) out.line(escapeControls(`${file}  # ${resume}`));
  for (const { file, why } of left) tell(out, `${file} was left: ${why}`);
  for (const sentence of notes) tell(out, sentence);
  if (copied.length === 0) tell(out, same > 0 ? "all of it is there already" : "there is no conversation to hand back");
  return 0;
};
