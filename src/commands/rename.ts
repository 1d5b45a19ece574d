import { isGiven } from "../cli/given.ts";
import { renameSession } from "../sessions/store.ts";
import type { CommandFunction } from "./context.ts";
import { chooseSession } from "./session-choice.ts";

/** `cordon rename NAME NEW`: of a session; one that is running may be renamed too. */
export const runRename: CommandFunction = async (context) => {
  const { host, invocation, out } = context;
  const [word, name = ""] = invocation.words;
  const session = await chooseSession(context, word);
  const now = await renameSession(host, session, name);
  if (isGiven(invocation.given, "json")) out.json({ id: now.id, name: now.name, before: session.name });
  else out.line(`${session.name} is ${now.name} now`);
  return 0;
};
