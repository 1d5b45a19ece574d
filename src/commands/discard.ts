import { askOnTerminal } from "../cli/ask.ts";
import { isGiven } from "../cli/given.ts";
import { errorOf } from "../errors.ts";
import type { Session } from "../sessions/record.ts";
import { forgetSession } from "../sessions/remains.ts";
import { summarise } from "../sessions/summary.ts";
import type { CommandFunction, Context } from "./context.ts";
import { canAsk, chooseSession, collectIfStale } from "./session-choice.ts";
import { count } from "./session-report.ts";

/** `cordon discard [NAME…] [--force]`: removes sessions; work that is not merged only when somebody says so. */
export const runDiscard: CommandFunction = async (context) => {
  const { host, invocation, out } = context;
  const words = invocation.words.length > 0 ? invocation.words : [undefined];
  const sessions: Session[] = [];
  for (const word of words) sessions.push(await collectIfStale(context, await chooseSession(context, word)));
  // All questions first: nothing is removed when one of them is refused.
  const isForced = isGiven(invocation.given, "force");
  for (const session of sessions) if (!isForced && !mayGo(context, session)) return 1;
  const isJson = isGiven(invocation.given, "json");
  for (const session of sessions) {
    await forgetSession(host, session);
    if (!isJson) out.line(`discarded ${session.name}`);
  }
  if (isJson) out.json(sessions.map(({ id, name }) => ({ id, name })));
  return 0;
};

/** Throws E_SESSION_UNMERGED where nobody can be asked. */
const mayGo = (context: Context, session: Session): boolean => {
  const { state, commits, files } = summarise(context.host, session);
  if (state === "merged" || state === "empty") return true;
  const work =
    state === "stale"
      ? "what could not be looked at"
      : `${count(commits, "commit")} and ${count(files, "changed file")}`;
  if (!canAsk(context)) throw errorOf("E_SESSION_UNMERGED", session.name, work);
  return askOnTerminal(`Session ${session.name} holds ${work} that are not merged. Remove it?`);
};
