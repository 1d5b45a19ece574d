import { errorOf } from "../errors.ts";
import type { Places } from "../places.ts";
import { askControl } from "./control.ts";
import { endLeftovers } from "./leftovers.ts";
import { trySignal } from "./processes.ts";
import { controlSocket, isAlive, leaveRun, type Run, runDirectory } from "./registry.ts";

const answerMs = 2_000;
/** What cordon gives the command before it kills everything inside, and some time to clear away. */
const endMs = 10_000 + 5_000;
const killedMs = 5_000;

/**
 * Ends a running sandbox and waits until it is gone. When its cordon does not answer, or does not get done, everything
 * is killed and cleared away from here. Throws E_LAUNCH_FAILED when even that does not end it.
 */
export const stopRun = async (run: Run, places: Places): Promise<void> => {
  if ((await isAccepted(run, places)) && (await untilGone(run, endMs))) return;
  if (!isAlive(run)) return;
  trySignal(run.pid, "SIGKILL");
  if (!(await untilGone(run, killedMs))) throw errorOf("E_LAUNCH_FAILED", `sandbox ${run.id}`, "it cannot be ended");
  endLeftovers(run, runDirectory(places, run.id));
  leaveRun(places, run);
};

/** A cordon that is just starting does not listen yet. */
const isAccepted = async (run: Run, places: Places): Promise<boolean> => {
  for (const end = performance.now() + answerMs; performance.now() < end && isAlive(run); await Bun.sleep(20)) {
    const answer = await askControl(controlSocket(places, run.id), { verb: "stop" }, answerMs).catch(() => undefined);
    if (answer?.ok) return true;
  }
  return false;
};

const untilGone = async (run: Run, timeoutMs: number): Promise<boolean> => {
  for (const end = performance.now() + timeoutMs; performance.now() < end; await Bun.sleep(10)) {
    if (!isAlive(run)) return true;
  }
  return false;
};
