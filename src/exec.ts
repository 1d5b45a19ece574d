import fs from "node:fs";
import path from "node:path";
import { openPipe } from "./libc.ts";
import { isWithin } from "./places.ts";

/** The only file, besides the terminal's, that starts processes. Arguments stay an array; no shell is involved. */

export type Captured = { code: number; stdout: string; stderr: string };
export type Finished = Captured & { isTimedOut: boolean };
export type Child = { pid: number; exited: Promise<Exit> };
export type Exit = { code: number | null; signal: NodeJS.Signals | null };

/** Tools of the system are called with this alone: nothing of the user's or the project's environment steers them. */
const plainEnv = { PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", LC_ALL: "C" };

/** Runs a tool of the system and waits for it, at most `timeoutMs`; a missing or killed one has code -1. */
export const runCaptured = (
  file: string,
  args: string[],
  { env = {}, timeoutMs = 10_000 }: { env?: Record<string, string>; timeoutMs?: number } = {},
): Captured => {
  try {
    const done = Bun.spawnSync([file, ...args], {
      env: { ...plainEnv, ...env },
      timeout: timeoutMs,
      stdio: ["ignore", "pipe", "pipe"],
      maxBuffer: 16 * 1024 * 1024,
    });
    return { code: done.exitCode ?? -1, stdout: done.stdout.toString(), stderr: done.stderr.toString() };
  } catch {
    return { code: -1, stdout: "", stderr: "" };
  }
};

/** What a captured program gets: `fds` become descriptors from 3 upwards, `input` is what it reads. */
type CaptureOptions = { env?: Record<string, string>; fds?: number[]; input?: string; timeoutMs?: number };

/**
 * The same without holding up the caller. `isTimedOut` when it was killed at the end of its time. Never throws.
 */
export const capture = async (
  file: string,
  args: string[],
  { env = {}, fds = [], input, timeoutMs = 10_000 }: CaptureOptions = {},
): Promise<Finished> => {
  try {
    const stdio = [input === undefined ? "ignore" : new TextEncoder().encode(input), "pipe", "pipe", ...fds];
    const child = Bun.spawn([file, ...args], {
      env: { ...plainEnv, ...env },
      cwd: "/",
      timeout: timeoutMs,
      killSignal: "SIGKILL",
      // The type knows three descriptors only.
      stdio: stdio as ["ignore", "pipe", "pipe"],
    });
    const startedAt = performance.now();
    const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    await child.exited;
    const isTimedOut = child.signalCode === "SIGKILL" && performance.now() - startedAt >= timeoutMs;
    return { code: child.exitCode ?? -1, stdout, stderr, isTimedOut };
  } catch (cause) {
    return { code: -1, stdout: "", stderr: (cause as Error).message, isTimedOut: false };
  }
};

/** What a program prints, at most `maxBytes`; undefined when it fails, prints more or takes longer. Never throws. */
export const captureBytes = async (
  file: string,
  args: string[],
  { env, timeoutMs, maxBytes }: { env: Record<string, string>; timeoutMs: number; maxBytes: number },
): Promise<Uint8Array | undefined> => {
  try {
    const child = Bun.spawn([file, ...args], {
      env: { ...plainEnv, ...env },
      cwd: "/",
      stdio: ["ignore", "pipe", "ignore"],
    });
    const reader = child.stdout.getReader();
    // Whatever the program has started may hold the pipe open: the reader is told to stop as well.
    const stop = () => {
      child.kill("SIGKILL");
      reader.cancel().catch(() => {});
    };
    const timer = setTimeout(stop, timeoutMs);
    const chunks: Uint8Array[] = [];
    let length = 0;
    for (let read = await reader.read(); !read.done && length <= maxBytes; read = await reader.read()) {
      chunks.push(read.value);
      length += read.value.length;
    }
    if (length > maxBytes) stop();
    await child.exited;
    clearTimeout(timer);
    return child.exitCode === 0 && length <= maxBytes ? Buffer.concat(chunks) : undefined;
  } catch {
    return undefined;
  }
};

/** A program of a pipeline; `fds` become its descriptors from 3 upwards. */
export type Program = { file: string; args: string[]; env: Record<string, string>; fds?: number[] };
export type Piped = {
  /** One for each program, -1 for one that was killed or could not be started. */
  codes: number[];
  /** What the last one printed. */
  stdout: Uint8Array;
  /** The beginning of what each one complained. */
  errors: string[];
  isTimedOut: boolean;
  isTooLong: boolean;
};

type PipelineOptions = { input?: Uint8Array; timeoutMs: number; maxBytes: number; signal?: AbortSignal };

const longestComplaint = 16 * 1024;

/**
 * Runs programs side by side, the stdout of each being the stdin of the next: the kernel carries the bytes. `input` is
 * what the first one reads. All are killed after `timeoutMs`, when the last prints more than `maxBytes`, or by `signal`.
 * Never throws.
 */
export const runPipeline = async (
  programs: Program[],
  { input = new Uint8Array(), timeoutMs, maxBytes, signal }: PipelineOptions,
): Promise<Piped> => {
  const children = startPipeline(programs, input);
  const endings = { isTimedOut: false, isTooLong: false };
  const readers: ReadableStreamDefaultReader<Uint8Array>[] = [];
  // Whatever a program has started may hold its pipes open: the readers are told to stop as well.
  const stop = () => {
    for (const child of children) child?.kill("SIGKILL");
    for (const reader of readers) reader.cancel().catch(() => {});
  };
  const timer = setTimeout(() => {
    endings.isTimedOut = true;
    stop();
  }, timeoutMs);
  signal?.addEventListener("abort", stop, { once: true });
  const read = (stream: unknown, most: number, onMore: () => void): Promise<Uint8Array> => {
    if (!(stream instanceof ReadableStream)) return Promise.resolve(new Uint8Array());
    const reader = stream.getReader() as ReadableStreamDefaultReader<Uint8Array>;
    readers.push(reader);
    return readBounded(reader, most, onMore);
  };
  const errors = children.map((child) => read(child?.stderr, longestComplaint, () => {}));
  const stdout = await read(children.at(-1)?.stdout, maxBytes, () => {
    endings.isTooLong = true;
    stop();
  });
  const complaints = await Promise.all(errors);
  await Promise.all(children.map((child) => child?.exited));
  clearTimeout(timer);
  return {
    ...endings,
    codes: children.map((child) => child?.exitCode ?? -1),
    stdout,
    errors: complaints.map((bytes) => Buffer.from(bytes).toString()),
  };
};

/** What comes up to `most` bytes; the rest is read and dropped, so that nobody waits for a reader. */
const readBounded = async (reader: ReadableStreamDefaultReader<Uint8Array>, most: number, onMore: () => void) => {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    if (length <= most) chunks.push(read.value);
    if (length <= most && length + read.value.length > most) onMore();
    length += read.value.length;
  }
  return Buffer.concat(chunks).subarray(0, most);
};

/** A program that cannot be started is undefined; its neighbours then see the end of their pipes. */
const startPipeline = (programs: Program[], input: Uint8Array): (Bun.Subprocess | undefined)[] => {
  let before: number | undefined;
  return programs.map(({ file, args, env, fds = [] }, index) => {
    const [next, out] = index < programs.length - 1 ? openPipe() : [undefined, undefined];
    try {
      const stdio = [before ?? input, out ?? "pipe", "pipe", ...fds];
      // The type knows three descriptors only.
      const options = { env: { ...plainEnv, ...env }, cwd: "/", stdio: stdio as ["pipe", "pipe", "pipe"] };
      return Bun.spawn([file, ...args], options);
    } catch {
      return undefined;
    } finally {
      for (const fd of [before, out]) if (fd !== undefined) fs.closeSync(fd);
      before = next;
    }
  });
};

/**
 * Starts a program in a session of its own, so that the terminal's ^C reaches cordon alone. `fds` become its
 * descriptors from 3 upwards; the caller still owns and closes them. Throws when the program cannot be started.
 */
export const startDetached = (
  file: string,
  args: string[],
  options: { env: Record<string, string>; cwd: string; fds: number[] },
): Child => {
  const stdio = ["inherit", "inherit", "inherit", ...options.fds];
  const child = Bun.spawn([file, ...args], {
    env: options.env,
    cwd: options.cwd,
    detached: true,
    // The type knows three descriptors only.
    stdio: stdio as ["inherit", "inherit", "inherit"],
  });
  return { pid: child.pid, exited: ended(child) };
};

/** Runs a program in the foreground on cordon's own streams and terminal, and waits for it. */
export const runAttached = async (file: string, args: string[], env: Record<string, string>): Promise<Exit> =>
  await ended(Bun.spawn([file, ...args], { env, stdio: ["inherit", "inherit", "inherit"] }));

const ended = async (child: Bun.Subprocess): Promise<Exit> => {
  await child.exited;
  return { code: child.exitCode, signal: child.signalCode as NodeJS.Signals | null };
};

/**
 * Finds an executable on a search path. Relative and empty entries never count, nor do directories of the project:
 * a tool that the project brings is not one that runs on the host.
 */
export const findProgram = (name: string, searchPath: string | undefined, workdir: string): string | undefined => {
  const directories = (searchPath || plainEnv.PATH).split(":").filter((entry) => path.isAbsolute(entry));
  const candidates = directories.map((directory) => path.join(directory, name));
  return candidates.find(
    (candidate) => isExecutable(candidate) && !isWithin(realOf(candidate), workdir) && !isWithin(candidate, workdir),
  );
};

/** True for a regular file that this user may execute. */
export const isExecutable = (file: string): boolean => {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
};

const realOf = (file: string): string => {
  try {
    return fs.realpathSync.native(file);
  } catch {
    return file;
  }
};
