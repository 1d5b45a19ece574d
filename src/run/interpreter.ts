import fs from "node:fs";
import path from "node:path";
import type { LiveCredentials } from "../credentials/credential.ts";
import type { Notify } from "../egress/egress.ts";
import type { Gateway, Surroundings } from "../egress/gateway.ts";
import type { CertificateAuthority } from "../egress/intercept/certificate-authority.ts";
import { type Child, type Exit, startDetached } from "../exec.ts";
import type { FdSource, Launch } from "../launch.ts";
import { copyAbove } from "../libc.ts";
import type { Places } from "../places.ts";
import type { Watch } from "../terminal/watch.ts";
import { openUnnamed } from "../unnamed-file.ts";
import type { ProjectWatch } from "../workspace/watch-project.ts";
import { serveControl } from "./control.ts";
import { createGate, type Gate, openGate } from "./gate.ts";
import { forbidCoreDumps, releaseStartPages, sealProgram } from "./hardening.ts";
import { ignoredSignals, killSandbox, readStatus, signalCommand, untilEmpty } from "./processes.ts";
import { controlSocket, enterRun, leaveRun, type Run } from "./registry.ts";
import { serveSockets } from "./sockets.ts";
import { carryOut } from "./steps.ts";

/** How a run ended. `code` is what cordon exits with; `reason` says when the ending was not the command's own. */
export type Outcome = { code: number; reason?: "timeout" | "stopped" | "replaced" | "out-of-memory" | "not-started" };

export type RunOptions = {
  timeoutMs?: number;
  /** The environment outside; it may name the proxy by which this machine reaches the world. */
  hostEnv: Record<string, string>;
  /** With a filtered network: what it signs with, and the values of what it injects. */
  authority: CertificateAuthority | undefined;
  credentials: LiveCredentials;
  /** Tells the person at the terminal one line, unless a program inside owns the terminal. */
  notify: Notify;
  /** Hears when the program asks for attention, on a terminal. */
  watch?: Watch | undefined;
  /** Looks after the project from outside. */
  project?: Pick<ProjectWatch, "begin"> | undefined;
};

/** How long a command may take to end after SIGTERM before everything inside is killed. */
const graceMs = 10_000;
const signalRetryMs = 10;
/** A run that lasts longer than this keeps only the pages that waiting needs. */
const releaseAfterMs = 300;
const forwarded: NodeJS.Signals[] = ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2"];

/** Carries out a launch from the first setup step to the last teardown step, for any backend. */
export const runLaunch = async (launch: Launch, run: Run, places: Places, options: RunOptions): Promise<Outcome> => {
  const directory = enterRun(places, run);
  const ending: Ending = { directory, depth: launch.main.depth };
  // Before anything is started: a signal that nobody heard would leave the sandbox behind.
  const stopForwarding = forwardSignals(ending);
  let sockets: Awaited<ReturnType<typeof serveSockets>> | undefined;
  try {
    for (const step of launch.setup) carryOut(step, { tolerant: false });
    sockets = launch.sockets && (await serveSockets(launch.sockets, directory, options.notify));
    const begin = () =>
      options.project?.begin({
        onAppear: (sentence) => options.notify(sentence, "repository"),
        onReplaced: (sentence) => endAtOnce(ending, sentence, options),
      });
    if (!launch.waits) begin();
    const { child, gate } = await start(launch, directory, options.watch);
    const surroundings = { directory, run, places, ...options, onQuiet: releaseStartPages };
    const ready = (firstProcess: () => number) => makeReady(launch, firstProcess, surroundings, begin);
    const gateway = gate && (await openGate(gate, { directory, child }, ready));
    const control = serveControl(controlSocket(places, run.id), (request) => {
      if (request.verb === "stop") {
        end(ending, "stopped");
        return { ok: true };
      }
      return gateway ? gateway.answer(request) : { ok: false, problem: "its network has no rules: it is not filtered" };
    });
    const timer =
      options.timeoutMs === undefined ? undefined : setTimeout(() => end(ending, "timeout"), options.timeoutMs);
    const release = setTimeout(releaseStartPages, releaseAfterMs);
    const exit = await child.exited;
    clearTimeout(release);
    clearTimeout(timer);
    clearTimeout(ending.killer);
    control.close();
    gateway?.close();
    await untilEmpty(directory);
    return outcomeOf(exit, ending, launch);
  } finally {
    sockets?.close();
    stopForwarding();
    leaveRun(places, run);
  }
};

type Making = Omit<Surroundings, "authority"> & Pick<RunOptions, "authority">;

/** Everything around a sandbox that waits. */
const makeReady = async (
  launch: Launch,
  firstProcess: () => number,
  making: Making,
  begin: () => void,
): Promise<Gateway | undefined> => {
  const gateway = await openNetwork(launch, firstProcess, making);
  try {
    begin();
    return gateway;
  } catch (error) {
    gateway?.close();
    throw error;
  }
};

/** Undefined when it is not filtered. Loaded while the sandbox is being made, on another processor. */
const openNetwork = async (
  { egress }: Launch,
  firstProcess: () => number,
  { authority, ...surroundings }: Making,
): Promise<Gateway | undefined> => {
  if (!egress || !authority) return undefined;
  const { openGateway } = await import("../egress/gateway.ts");
  return await openGateway(egress, firstProcess, { ...surroundings, authority });
};

type Ending = {
  directory: string;
  depth: number;
  reason?: "timeout" | "stopped" | "replaced";
  killer?: NodeJS.Timeout;
};

type Started = { child: Child; gate?: Gate };

const start = async (launch: Launch, directory: string, watch: Watch | undefined): Promise<Started> => {
  const { env, cwd, sealed } = launch.main;
  const words = [launch.main.file, ...launch.main.args];
  if (sealed !== undefined) words[sealed] = sealProgram(words[sealed]!);
  forbidCoreDumps();
  const [file = "", ...args] = words;
  const gate = launch.waits ? createGate() : undefined;
  const fds = launch.main.fds.map((source) => openSource(source, directory, gate));
  try {
    return { child: await spawn(launch, file, args, { env, cwd, fds, watch }), ...(gate && { gate }) };
  } finally {
    for (const fd of fds) fs.closeSync(fd);
    if (gate) fs.closeSync(gate.far);
  }
};

type Spawning = { env: Record<string, string>; cwd: string; fds: number[]; watch: Watch | undefined };

const spawn = async (
  { tty }: Launch,
  file: string,
  args: string[],
  { env, cwd, fds, watch }: Spawning,
): Promise<Child> => {
  if (!tty.stdin && !tty.stdout && !tty.stderr) return startDetached(file, args, { env, cwd, fds });
  const { openTerminal } = await import("../terminal/pty.ts");
  return openTerminal(tty, watch).spawn(file, args, { env, cwd, extraFds: fds });
};

const openSource = (source: FdSource, directory: string, gate: Gate | undefined): number => {
  if (source.kind === "release") return copyAbove(gate!.far);
  const fd =
    source.kind === "bytes" ? openUnnamed(source.bytes) : fs.openSync(path.join(directory, source.name), "w", 0o600);
  const copy = copyAbove(fd);
  fs.closeSync(fd);
  return copy;
};

/** Asks the command to end, and after the grace time makes it. */
const end = (ending: Ending, reason: "timeout" | "stopped"): void => {
  ending.reason ??= reason;
  deliver(ending, "SIGTERM");
  ending.killer ??= setTimeout(() => killSandbox(ending.directory), graceMs);
};

/** What stands open inside may be written to at any moment: there is no time to ask. */
const endAtOnce = (ending: Ending, sentence: string, { notify }: RunOptions): void => {
  ending.reason ??= "replaced";
  notify(sentence);
  const kill = () => {
    if (!killSandbox(ending.directory)) ending.killer = setTimeout(kill, signalRetryMs);
  };
  kill();
};

const forwardSignals = (ending: Ending): (() => void) => {
  const ignored = ignoredSignals();
  const heard = forwarded.filter((signal) => !ignored.includes(signal));
  const listeners = heard.map((signal) => [signal, () => deliver(ending, signal)] as const);
  for (const [signal, listener] of listeners) process.on(signal, listener);
  return () => {
    for (const [signal, listener] of listeners) process.off(signal, listener);
  };
};

/** A signal that comes before the command has started waits for it. */
const deliver = (ending: Ending, signal: NodeJS.Signals): void => {
  if (!signalCommand(ending.directory, signal, ending.depth))
    setTimeout(() => deliver(ending, signal), signalRetryMs).unref();
};

const outcomeOf = (exit: Exit, ending: Ending, launch: Launch): Outcome => {
  const reported = readStatus(ending.directory).exitCode;
  if (ending.reason === "timeout") return { code: 124, reason: "timeout" };
  const code = reported ?? exit.code ?? 128 + 9;
  if (ending.reason !== undefined) return { code, reason: ending.reason };
  if (launch.oomEvents !== undefined && code !== 0 && memoryKills(launch.oomEvents) > 0)
    return { code, reason: "out-of-memory" };
  if (reported === undefined && exit.signal === null && exit.code !== 0) return { code: 125, reason: "not-started" };
  return { code };
};

const memoryKills = (file: string): number => {
  try {
    return Number(/^oom_kill (\d+)$/m.exec(fs.readFileSync(file, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
};
