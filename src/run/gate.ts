import fs from "node:fs";
import { errorOf } from "../errors.ts";
import type { Child } from "../exec.ts";
import { openPipe } from "../libc.ts";
import { isRunning, readStatus, trySignal } from "./processes.ts";

/**
 * The pipe on which a new sandbox waits between its making and its first command: meanwhile the gateway takes its place,
 * and the look at a large project comes to its end. `far` is for the sandbox; the caller closes it, and `openGate` the
 * other one.
 */
export type Gate = { near: number; far: number };

export const createGate = (): Gate => {
  const [far, near] = openPipe();
  return { near, far };
};

/** What was started to make the sandbox, with the run's own directory. */
type Making = { directory: string; child: Child };

/**
 * Does what has to be done before the first command, and opens the gate. `work` may wait for the first process of the
 * sandbox, and is given its pid. Nothing inside runs when it throws, and nothing is left of the sandbox then.
 */
export const openGate = async <T>(
  gate: Gate,
  { directory, child }: Making,
  work: (firstProcess: () => number) => Promise<T>,
): Promise<T> => {
  const firstProcess = (): number => findFirst(directory, child.pid);
  try {
    const result = await work(firstProcess);
    release(gate);
    return result;
  } catch (error) {
    // Before the pipe closes: the command would start at its end.
    killFirst(firstProcess);
    await child.exited;
    throw error;
  } finally {
    fs.closeSync(gate.near);
  }
};

const killFirst = (firstProcess: () => number): void => {
  try {
    trySignal(firstProcess(), "SIGKILL");
  } catch {
    // It has never begun, or has ended.
  }
};

/** A child that has failed in the meantime waits no more; its exit code tells. */
const release = (gate: Gate): void => {
  try {
    fs.writeSync(gate.near, "\n");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
  }
};

const pollMs = 0.2;

/**
 * The first process of the sandbox, as soon as bubblewrap has said which it is. Through a file and no pipe: when cordon
 * is killed now, a broken pipe would end bubblewrap before its first process has asked to die with it.
 */
const findFirst = (directory: string, child: number): number => {
  while (true) {
    const { childPid } = readStatus(directory);
    if (childPid !== undefined) return childPid;
    if (!isRunning(child)) throw errorOf("E_LAUNCH_FAILED", "the sandbox did not start", "see the message above");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pollMs);
  }
};
