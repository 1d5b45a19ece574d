import fs from "node:fs";
import path from "node:path";

/** What bubblewrap reports through `--json-status-fd`: host pids, and the exit code once the command really ran. */
export type Status = { childPid?: number; exitCode?: number /** Inode number. */; pidNamespace?: number };

export const statusName = "status.json";

export const readStatus = (directory: string): Status => {
  const status: Status = {};
  for (const line of readText(path.join(directory, statusName)).split("\n")) {
    const record = parseRecord(line);
    if (typeof record["child-pid"] === "number") status.childPid = record["child-pid"];
    if (typeof record["pid-namespace"] === "number") status.pidNamespace = record["pid-namespace"];
    if (typeof record["exit-code"] === "number") status.exitCode = record["exit-code"];
  }
  return status;
};

/** What `nohup` and a shell's `&` make a program ignore (signal(7): the same numbers everywhere). */
const ignorable: [NodeJS.Signals, number][] = [
  ["SIGHUP", 1],
  ["SIGINT", 2],
  ["SIGQUIT", 3],
];

/** Those of them that cordon was told to ignore: row `SigIgn` of /proc/PID/status (proc(5)), a set in hexadecimal. */
export const ignoredSignals = (): NodeJS.Signals[] => {
  const set = BigInt(`0x${/^SigIgn:\s*([0-9a-f]+)$/m.exec(readText("/proc/self/status"))?.[1] ?? "0"}`);
  return ignorable.flatMap(([signal, number]) => ((set >> BigInt(number - 1)) & 1n ? [signal] : []));
};

/** Direct children of a process, by host pid (proc(5), CONFIG_PROC_CHILDREN). */
export const childrenOf = (pid: number): number[] =>
  readText(`/proc/${pid}/task/${pid}/children`).split(" ").filter(Boolean).map(Number);

/**
 * Sends a signal to the command of a sandbox: the innermost child of its first process, as a group when it leads one,
 * as a terminal would. bubblewrap itself must not get it, it would die and take the command with it, unasked.
 * Gives false when there is no command (yet).
 */
export const signalCommand = (directory: string, signal: NodeJS.Signals, depth: number): boolean => {
  const first = readStatus(directory).childPid;
  return first !== undefined && signalDescendant(first, signal, depth);
};

/** The same for the descendant of any process, `depth` levels below it. */
export const signalDescendant = (ancestor: number, signal: NodeJS.Signals, depth: number): boolean => {
  let pid: number | undefined = ancestor;
  for (let level = 0; pid !== undefined && level < depth; level++) pid = childrenOf(pid)[0];
  if (pid === undefined) return false;
  return trySignal(-pid, signal) || trySignal(pid, signal);
};

/** Ends everything inside at once: the first process takes its pid namespace with it. */
export const killSandbox = (directory: string): boolean => {
  const first = readStatus(directory).childPid;
  return first !== undefined && trySignal(first, "SIGKILL");
};

/**
 * Waits until the last process inside is gone: bubblewrap may return before the kernel has emptied the pid namespace,
 * and nothing of a run may still write when cordon has ended. Gives up after two seconds.
 */
export const untilEmpty = async (directory: string): Promise<void> => {
  const first = readStatus(directory).childPid;
  for (let waitedMs = 0; first !== undefined && waitedMs < 2_000 && isRunning(first); waitedMs += 1) await Bun.sleep(1);
};

/** A zombie that nobody has reaped yet runs no more (proc(5), field 3 of stat). */
export const isRunning = (pid: number): boolean => {
  const stat = readText(`/proc/${pid}/stat`);
  return stat !== "" && !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
};

/** False when there is no such process (any more). */
export const trySignal = (pid: number, signal: NodeJS.Signals): boolean => {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
};

const parseRecord = (line: string): Record<string, unknown> => {
  try {
    const record: unknown = JSON.parse(line);
    return typeof record === "object" && record !== null ? (record as Record<string, unknown>) : {};
  } catch {
    return {};
  }
};

const readText = (file: string): string => {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return "";
  }
};

/** Field 4 of /proc/PID/stat (proc(5)); 0 when there is no such process. */
export const parentOf = (pid: number): number => {
  const stat = readText(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1] ?? 0);
};
