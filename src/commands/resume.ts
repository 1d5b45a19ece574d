import { withConversation } from "../agents/continuing.ts";
import { findAgent, knownAgents } from "../agents/registry.ts";
import { locateState } from "../agents/state.ts";
import { partsOf, sessionPlace } from "../sessions/record.ts";
import type { CommandFunction } from "./context.ts";
import { runSession } from "./run-session.ts";
import { chooseSession } from "./session-choice.ts";

/** `cordon resume [NAME] [ARGS…]`: goes on in a session, with the agent that worked in it last and its conversation. */
export const runResume: CommandFunction = async (context) => {
  const { host, invocation } = context;
  const [word, ...words] = invocation.words;
  const session = await chooseSession(context, word);
  const config = await context.config();
  const isAgent = knownAgents(config).some(({ name }) => name === session.agent);
  const agent = findAgent(isAgent ? session.agent : config.agent.value, config);
  const place = partsOf(sessionPlace(host, session)).state;
  const states = locateState(agent, host, session.project, "none", place);
  const all = withConversation(agent, words, states);
  return await runSession(
    { ...context, invocation: { ...invocation, command: "agent", agent: agent.name, words: all } },
    { name: session.name, isKnown: true },
  );
};
