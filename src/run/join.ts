import fs from "node:fs";
import path from "node:path";
import { errorOf } from "../errors.ts";
import { type Child, startDetached } from "../exec.ts";
import { type Entry, hiddenVerb } from "../guest/entry.ts";
import type { Host } from "../host.ts";
import { copyAbove } from "../libc.ts";
import { supervise, terminalFds } from "../terminal/supervisor.ts";
import { forbidCoreDumps } from "./hardening.ts";
import { signalDescendant } from "./processes.ts";
import { type Run, runDirectory } from "./registry.ts";
import { openLimits, openTarget } from "./target.ts";

const forwarded: NodeJS.Signals[] = ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2"];
const signalRetryMs = 10;

/**
 * Runs a program in a running sandbox, behind the same boundary: its namespaces, limits, filter and environment. Gives
 * the exit status as a run does. Throws errors of the catalogue when it cannot be joined completely.
 */
export const joinRun = async (run: Run, command: string[], host: Host): Promise<number> => {
  const directory = runDirectory(host.places, run.id);
  const scratch = fs.mkdtempSync(path.join(directory, "exec-"));
  const fds: number[] = [];
  try {
    const { pid, namespaces } = await openTarget(run, directory);
    fds.push(...namespaces);
    const limits = openLimits(run, pid);
    fds.push(...limits);
    const first = 3 + terminalFds(host.tty);
    const entry: Entry = {
      command: supervise(command, host.tty),
      env: run.join.env,
      directory: run.project,
      filter: run.join.filter,
      namespaces: namespaces.map((_, index) => first + 1 + index),
      limits: limits.map((_, index) => first + 1 + namespaces.length + index),
      ...groupsToSet(pid, host),
      firstClosed: first,
      newSession: first === 3,
    };
    fds.unshift(writeEntry(entry, scratch));
    const child = await start(host, [hiddenVerb, String(first)], scratch, fds);
    const stopForwarding = forwardSignals(child, first === 3 ? 1 : 2);
    const exit = await child.exited;
    stopForwarding();
    return exit.code ?? 128 + 9;
  } finally {
    for (const fd of fds) fs.closeSync(fd);
    fs.rmSync(scratch, { recursive: true, force: true });
  }
};

const start = async (host: Host, args: string[], scratch: string, sources: number[]): Promise<Child> => {
  forbidCoreDumps();
  const options = { env: { TMPDIR: scratch }, cwd: "/" };
  const fds = sources.map(copyAbove);
  try {
    if (!host.tty.stdin && !host.tty.stdout && !host.tty.stderr)
      return startDetached(host.executable, args, { ...options, fds });
    const { openTerminal } = await import("../terminal/pty.ts");
    return openTerminal(host.tty).spawn(host.executable, args, { ...options, extraFds: fds });
  } finally {
    for (const fd of fds) fs.closeSync(fd);
  }
};

/** The environment may hold secrets: it goes through a file that only this user could open, and is unlinked at once. */
const writeEntry = (entry: Entry, scratch: string): number => {
  const file = path.join(scratch, "entry");
  fs.writeFileSync(file, JSON.stringify(entry), { mode: 0o600, flag: "wx" });
  const fd = fs.openSync(file, "r");
  fs.unlinkSync(file);
  return fd;
};

/** A signal that comes before the program has started waits for it. */
const forwardSignals = ({ pid }: Child, depth: number): (() => void) => {
  let isOver = false;
  const deliver = (signal: NodeJS.Signals): void => {
    if (!isOver && !signalDescendant(pid, signal, depth)) setTimeout(deliver, signalRetryMs, signal).unref();
  };
  for (const signal of forwarded) process.on(signal, deliver);
  return () => {
    isOver = true;
    for (const signal of forwarded) process.off(signal, deliver);
  };
};

/**
 * Groups decide what files may be touched, so they must be the sandbox's: set where cordon may (as root), else compared.
 */
const groupsToSet = (pid: number, host: Host): Pick<Entry, "groups"> => {
  const [theirs, ours] = [groupsOf(pid), groupsOf("self")];
  if (host.uid === 0) return { groups: theirs };
  if (theirs.main === ours.main && ours.others.every((group) => theirs.others.includes(group))) return {};
  throw errorOf(
    "E_LAUNCH_FAILED",
    "cannot join the sandbox",
    "this shell has groups that the sandbox has not; use a shell like the one that started it",
  );
};

/** Rows `Gid` and `Groups` of /proc/PID/status (proc(5)). */
const groupsOf = (pid: number | "self"): NonNullable<Entry["groups"]> => {
  const status = fs.readFileSync(`/proc/${pid}/status`, "utf8");
  const numbers = (row: string) =>
    (new RegExp(`^${row}:(.*)$`, "m").exec(status)?.[1] ?? "").split(/\s+/).filter(Boolean).map(Number);
  return { main: numbers("Gid")[0] ?? 0, others: numbers("Groups") };
};
