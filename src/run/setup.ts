import fs, { constants } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { errorOf } from "../errors.ts";
import { tryLock } from "../file-lock.ts";
import { type Places, projectKey } from "../places.ts";
import type { Setup } from "../plan/setup.ts";
import type { Outcome } from "./interpreter.ts";
import { digestInputs } from "./setup-inputs.ts";

export type SetupRun = {
  /** The host's directory in which its inputs lie, also when the run works on a copy of it. */
  project: string;
  /** Where it is noted that the setup has succeeded in this workspace; nothing inside sees it. */
  stamp: string;
  /** Runs it to its end, inside. */
  run(): Promise<Outcome>;
  tell(sentence: string): void;
};

/** The stamp of a project that is worked on in place. A session has its own. */
export const stampOf = (places: Places, project: string): string =>
  path.join(places.state, "setup", projectKey(project));

const retryMs = 100;

/**
 * Runs the setup unless it has succeeded before with the same command and inputs; side by side only one does. Throws
 * E_SETUP_FAILED when it ends with anything but 0.
 */
export const makeReady = async (setup: Setup, { project, stamp, run, tell }: SetupRun): Promise<void> => {
  fs.mkdirSync(path.dirname(stamp), { recursive: true, mode: 0o700 });
  const lock = fs.openSync(`${stamp}.lock`, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    await waitFor(lock, tell);
    const digest = () => digestInputs(project, setup.command, setup.inputs);
    if (readStamp(stamp) === digest()) return;
    tell(`setting up: ${firstLine(setup.written)}`);
    fs.rmSync(stamp, { force: true });
    const outcome = await run();
    if (outcome.code !== 0) throw failure(setup, outcome);
    // What it writes itself, such as a lock file, is no reason to run again.
    writeStamp(stamp, digest());
  } finally {
    fs.closeSync(lock);
  }
};

const waitFor = async (lock: number, tell: SetupRun["tell"]): Promise<void> => {
  if (tryLock(lock)) return;
  tell("waiting for the setup of another run");
  while (!tryLock(lock)) await sleep(retryMs);
};

const failure = (setup: Setup, { code, reason }: Outcome): Error => {
  const endings: Record<string, string> = {
    timeout: "took longer than `--timeout` allows",
    stopped: "was ended by `cordon stop`",
    "out-of-memory": "was out of memory",
    "not-started": "could not be started",
  };
  const ending = endings[reason ?? ""] ?? `ended with status ${code}`;
  return errorOf("E_SETUP_FAILED", firstLine(setup.written), ending, setup.origin);
};

const firstLine = (text: string): string => {
  const [first = "", ...others] = text.trim().split("\n");
  return others.length > 0 || first.length > 100 ? `${first.slice(0, 100)}…` : first;
};

const readStamp = (stamp: string): string | undefined => {
  try {
    return fs.readFileSync(stamp, "utf8");
  } catch {
    return undefined;
  }
};

const writeStamp = (stamp: string, digest: string): void => {
  const draft = `${stamp}.${process.pid}`;
  fs.writeFileSync(draft, digest, { mode: 0o600 });
  fs.renameSync(draft, stamp);
};
