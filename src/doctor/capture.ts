import crypto from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { type Child, startDetached } from "../exec.ts";

/** How a tool ended; code -1 when it could not be started or was killed at the end of its time. */
export type Finished = { code: number; stdout: string; stderr: string; isTimedOut: boolean };

export type CaptureOptions = { env?: Record<string, string>; inputs?: (Uint8Array | "sink")[]; timeoutMs?: number };

/** The tools that doctor asks get nothing of the user's environment. */
const plainEnv = { PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", LC_ALL: "C" };

/** POSIX shells name descriptors by one digit, and two of them carry the output. */
const maxInputs = 5;

/**
 * Runs a tool and waits for it without holding up the other checks, at most `timeoutMs`. Each input becomes a
 * descriptor from 3 upwards; a sink takes what is written to it. Never throws.
 */
export const capture = async (file: string, args: string[], options: CaptureOptions = {}): Promise<Finished> => {
  const { env = {}, inputs = [], timeoutMs = 10_000 } = options;
  const opened: number[] = [];
  try {
    if (inputs.length > maxInputs) throw new Error("too many descriptors");
    for (const input of [...inputs, "sink", "sink"] as const) opened.push(openAnonymous(input));
    const [out, error] = [3 + inputs.length, 4 + inputs.length];
    // Standard streams of a detached child are cordon's own; the shell moves the output away and becomes the tool.
    const script = `exec </dev/null >&${out} 2>&${error} ${out}>&- ${error}>&-; exec "$@"`;
    const command = ["-c", script, "sh", file, ...args];
    const child = startDetached("/bin/sh", command, { env: { ...plainEnv, ...env }, cwd: "/", fds: opened });
    const ending = await waitFor(child, timeoutMs);
    return { ...ending, stdout: readAll(opened.at(-2)!), stderr: readAll(opened.at(-1)!) };
  } catch (cause) {
    return { code: -1, stdout: "", stderr: cause instanceof Error ? cause.message : String(cause), isTimedOut: false };
  } finally {
    for (const fd of opened) fs.closeSync(fd);
  }
};

const waitFor = async ({ pid, exited }: Child, timeoutMs: number): Promise<{ code: number; isTimedOut: boolean }> => {
  let isTimedOut = false;
  const timer = setTimeout(() => {
    isTimedOut = true;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // It has just ended.
    }
  }, timeoutMs);
  const { code } = await exited;
  clearTimeout(timer);
  return { code: isTimedOut ? -1 : (code ?? -1), isTimedOut };
};

/** A file without a name: nothing is left behind, whatever happens. */
const openAnonymous = (input: Uint8Array | "sink"): number => {
  const file = path.join(os.tmpdir(), `cordon-doctor-${crypto.randomBytes(8).toString("hex")}`);
  const fd = fs.openSync(file, "wx+", 0o600);
  fs.unlinkSync(file);
  if (input === "sink") return fd;
  // A positioned write leaves the offset, which the child shares, at the start.
  for (let at = 0; at < input.length; ) at += fs.writeSync(fd, input, at, input.length - at, at);
  return fd;
};

const readAll = (fd: number): string => {
  const bytes = Buffer.alloc(Math.min(fs.fstatSync(fd).size, 1024 ** 2));
  return bytes.toString("utf8", 0, fs.readSync(fd, bytes, 0, bytes.length, 0));
};
