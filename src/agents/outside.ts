import { errorOf } from "../errors.ts";
import type { CredentialMode } from "../policy.ts";
import type { Agent } from "./agent.ts";

/**
 * Refuses words of an agent that come to nothing inside: an update changes what the sandbox forgets, and behind a broker
 * no sign-in may get its token. Throws E_UPDATE_OUTSIDE and E_LOGIN_OUTSIDE. Pure.
 */
export const refuseOutside = (agent: Agent, words: readonly string[], credentials: CredentialMode): void => {
  const { name, command, updates = [], signIn } = agent;
  if (words.some((word) => word === "--help" || word === "-h")) return;
  if (words[0] !== undefined && updates.includes(words[0])) throw errorOf("E_UPDATE_OUTSIDE", `${command} ${words[0]}`);
  const meant = signIn?.words.find((spelling) => isSpelt(words, spelling));
  if (meant && credentials === "broker") throw errorOf("E_LOGIN_OUTSIDE", [command, ...meant].join(" "), name);
};

/** The words themselves, with nothing behind them but options: `codex login status` only asks. */
const isSpelt = (words: readonly string[], spelling: readonly string[]): boolean => {
  const next = words[spelling.length];
  return spelling.every((word, at) => words[at] === word) && (next === undefined || next.startsWith("-"));
};
