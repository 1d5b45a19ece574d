import fs from "node:fs";
import type { Egress } from "../egress/egress.ts";
import type { Gateway, Surroundings as GatewaySurroundings } from "../egress/gateway.ts";
import { errorOf } from "../errors.ts";
import { openPipe } from "../libc.ts";
import { isRunning, readStatus, trySignal } from "./processes.ts";

/**
 * The pipe on which a new sandbox waits between its making and its first command: meanwhile the gateway takes its
 * place. `far` is for the sandbox; the caller closes it, and `openGate` the other one.
 */
export type Gate = { near: number; far: number };

export const createGate = (): Gate => {
  const [far, near] = openPipe();
  return { near, far };
};

/** With the process that was started to make the sandbox. */
type Surroundings = GatewaySurroundings & { child: number };

/** Opens the gateway of the sandbox behind a gate, and then the gate. Nothing inside runs when it throws. */
export const openGate = async (egress: Egress, gate: Gate, surroundings: Surroundings): Promise<Gateway> => {
  const firstProcess = (): number => findFirst(surroundings);
  try {
    // Loaded while the sandbox is being made, on another processor.
    const { openGateway } = await import("../egress/gateway.ts");
    const gateway = await openGateway(egress, firstProcess, surroundings);
    release(gate);
    return gateway;
  } catch (error) {
    // Before the pipe closes: the command would start at its end.
    if (isRunning(surroundings.child)) trySignal(firstProcess(), "SIGKILL");
    throw error;
  } finally {
    fs.closeSync(gate.near);
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
const findFirst = ({ directory, child }: Surroundings): number => {
  while (true) {
    const { childPid } = readStatus(directory);
    if (childPid !== undefined) return childPid;
    if (!isRunning(child)) throw errorOf("E_LAUNCH_FAILED", "the sandbox did not start", "see the message above");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pollMs);
  }
};
