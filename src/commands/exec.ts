import { errorOf } from "../errors.ts";
import { joinRun } from "../run/join.ts";
import { findRun } from "../run/registry.ts";
import type { CommandFunction } from "./context.ts";

/** `cordon exec ID [--] PROGRAM …`: one more program in a running sandbox. */
export const runExec: CommandFunction = async ({ host, invocation }) => {
  if (host.env["CORDON_SANDBOX"]) throw errorOf("E_SANDBOX_NESTED");
  const [word = "", ...command] = invocation.words;
  return await joinRun(findRun(host.places, word), command, host);
};
