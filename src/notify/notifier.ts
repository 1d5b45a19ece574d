import path from "node:path";
import type { NotifySettings } from "../config/config.ts";
import { captureBytes, findProgram } from "../exec.ts";
import { type Host, inspectPath } from "../host.ts";
import { isWithin } from "../places.ts";
import type { Watch } from "../terminal/watch.ts";
import { writeNow } from "../terminal/write.ts";
import { desktopCall } from "./desktop.ts";
import { describeEvent, type Event, type Subject, variablesOf } from "./event.ts";
import { createWaiting } from "./waiting.ts";

export type NotifyContext = {
  settings: NotifySettings;
  host: Pick<Host, "env" | "home" | "platform" | "project" | "tty">;
  subject: Subject;
  /** Only an agent waits for its person: a shell rings for other reasons. */
  isAgent: boolean;
  /** Directories that the sandbox may write, besides the project: no program of theirs is started. */
  writable: readonly string[];
  /** Takes one line about what does not work, at most one for each way. */
  tell(sentence: string): void;
};

export type Notifier = {
  /** For the private terminal of an agent; absent without one. */
  watch: Watch | undefined;
  /** Says that the run has ended, if it lasted long enough; resolves when everybody has been told. */
  finish(code: number, elapsedMs: number): Promise<void>;
};

/** A notifier or a program of the user's may take this long; then it is killed. */
const timeoutMs = 10_000;
const defaultAfterMs = 10_000;
const lookEveryMs = 1000;

/** Undefined when nobody wants to be told anything. Starts nothing. */
export const createNotifier = (context: NotifyContext): Notifier | undefined => {
  const { settings, host } = context;
  const ways = new Set(settings.by.map(({ value }) => value));
  if (ways.size === 0 && !settings.command) return undefined;
  const call = createCaller(context);

  const send = (event: Event, hasRung: boolean): Promise<unknown> => {
    if (ways.has("bell") && !hasRung) ring(host.tty);
    const sentence = describeEvent(event, context.subject);
    const { name, args } = desktopCall(host.platform, sentence);
    return Promise.all([
      ...(ways.has("desktop") ? [call([name, ...args], {})] : []),
      ...(settings.command ? [call(settings.command.value, variablesOf(event, context.subject))] : []),
    ]);
  };

  const waiting = createWaiting(
    () => performance.now(),
    (by) => void send({ kind: "waiting" }, by === "bell"),
  );
  const isWatched = context.isAgent && host.tty.stdout;
  const timer = isWatched ? setInterval(waiting.look, lookEveryMs) : undefined;
  timer?.unref();
  return {
    watch: isWatched ? waiting : undefined,
    finish: async (code, elapsedMs) => {
      clearInterval(timer);
      if (elapsedMs >= (settings.afterMs?.value ?? defaultAfterMs)) await send({ kind: "finished", code }, false);
    },
  };
};

const ring = ({ stdout, stderr }: NotifyContext["host"]["tty"]): void => {
  if (stdout || stderr) writeNow(stdout ? 1 : 2, "\x07");
};

/** Starts a program of the host and complains about each one once. Nothing it prints is shown. */
const createCaller = ({ host, writable, tell }: NotifyContext) => {
  const faulty = new Set<string>();
  return async ([name = "", ...args]: readonly string[], variables: Record<string, string>): Promise<void> => {
    const file = locate(name, host, writable);
    const done = file && (await captureBytes(file, args, { env: { ...host.env, ...variables }, timeoutMs, maxBytes }));
    if (done || faulty.has(name)) return;
    faulty.add(name);
    const problem = file ? "it failed, or took longer than 10 seconds" : "there is no such program outside the project";
    tell(`nobody was notified by ${name}: ${problem}`);
  };
};

const maxBytes = 1024 * 1024;

/** A program on the PATH or at an absolute place, never one that the sandbox could have written. */
const locate = (name: string, { env, home, project }: NotifyContext["host"], writable: readonly string[]) => {
  const spelled = name.startsWith("~/") ? path.join(home, name.slice(2)) : name;
  const isPlace = spelled.includes("/");
  if (isPlace && !path.isAbsolute(spelled)) return undefined;
  const directories = isPlace ? path.dirname(spelled) : env["PATH"];
  const file = findProgram(path.basename(spelled), directories, project);
  const isForeign =
    file !== undefined && writable.some((place) => isWithin(inspectPath(file).real, inspectPath(place).real));
  return isForeign ? undefined : file;
};
