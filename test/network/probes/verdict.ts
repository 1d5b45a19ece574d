import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { breached, failed, held, type Outcome } from "../../escape/facts.ts";
import { ask, request } from "./talk.ts";

type Way = string | false | undefined | Promise<string | false | undefined>;

/** What is wrong with the technique itself, or undefined when it works towards what is allowed. */
export type Control = () => Promise<string | undefined>;

/** Breached if any way got through; held only if the same technique also proved to work. */
export const conclude = async (ways: readonly Way[], control: Control): Promise<Outcome> => {
  const open = (await Promise.all(ways)).filter((way) => typeof way === "string" && way !== "");
  if (open.length > 0) return breached(open.join("; ").slice(0, 600));
  const problem = await control();
  return problem === undefined ? held(`${ways.length} ways tried`) : failed(`the control failed: ${problem}`);
};

/** A plain request to an allowed host is answered. */
export const reachAllowed: Control = async () => {
  const heard = await ask("allowed.test", 80, request("allowed.test"));
  return heard.includes("reached 11.1.1.1:80\n") ? undefined : `allowed.test answered ${JSON.stringify(heard)}`;
};

/** Tells the other side of the boundary how far this one is, by a file in the workspace. */
export const tell = (workspace: string, word: string): void => writeFileSync(join(workspace, `told-${word}`), "");

/** Waits for the word of the other side; the limit is only there so that nothing hangs. */
export const waitFor = async (workspace: string, word: string): Promise<void> => {
  for (let turns = 0; !existsSync(join(workspace, `told-${word}`)); turns += 1) {
    if (turns > 3000) throw new Error(`nobody told ${word}`);
    await Bun.sleep(10);
  }
};
