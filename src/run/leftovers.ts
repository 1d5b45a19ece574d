import fs from "node:fs";
import path from "node:path";
import { isRunning, readStatus, statusName, trySignal } from "./processes.ts";
import type { Run } from "./record.ts";

const waitMs = 2_000;

/**
 * Ends what a dead cordon left running. Usually nothing: bubblewrap dies with it. But one that had only just been
 * started has not asked the kernel for that yet. Returns when all of it is gone, or after two seconds.
 */
export const endLeftovers = (run: Run, directory: string): void => {
  const end = performance.now() + waitMs;
  for (let left = leftovers(run, directory); left.length > 0; left = leftovers(run, directory)) {
    for (const pid of left) trySignal(pid, "SIGKILL");
    if (performance.now() > end) return;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
  }
};

const leftovers = (run: Run, directory: string): number[] => {
  const { childPid, pidNamespace } = readStatus(directory);
  const first = childPid !== undefined && isIn(childPid, pidNamespace) ? [childPid] : [];
  const limited = run.join.groups.filter((group) => path.basename(group) === `cordon-${run.id}`).flatMap(membersOf);
  return [...new Set([...first, ...limited, ...holdersOf(path.join(directory, statusName))])].filter(isRunning);
};

/** A pid may be in use again; in this very namespace it is not. */
const isIn = (pid: number, namespace: number | undefined): boolean => {
  try {
    return namespace !== undefined && fs.statSync(`/proc/${pid}/ns/pid`).ino === namespace;
  } catch {
    return false;
  }
};

/** Processes in a control group and the groups below it. */
export const membersOf = (group: string): number[] => {
  try {
    const own = fs.readFileSync(path.join(group, "cgroup.procs"), "utf8").split("\n").filter(Boolean).map(Number);
    const inner = fs.readdirSync(group, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [...own, ...inner.flatMap(({ name }) => membersOf(path.join(group, name)))];
  } catch {
    return [];
  }
};

/** This user's processes that have a file open: bubblewrap holds its run's status file all its life. */
export const holdersOf = (file: string): number[] => {
  const real = realOf(file);
  if (real === undefined) return [];
  const pids = fs
    .readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 1 && pid !== process.pid);
  return pids.filter((pid) => descriptorsOf(pid).includes(real));
};

const descriptorsOf = (pid: number): string[] => {
  try {
    return fs.readdirSync(`/proc/${pid}/fd`).map((fd) => realLink(`/proc/${pid}/fd/${fd}`));
  } catch {
    return [];
  }
};

const realLink = (link: string): string => {
  try {
    return fs.readlinkSync(link);
  } catch {
    return "";
  }
};

const realOf = (file: string): string | undefined => {
  try {
    return fs.realpathSync.native(file);
  } catch {
    return undefined;
  }
};
