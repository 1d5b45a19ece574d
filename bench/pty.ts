import { closeSync, readSync } from "node:fs";
import { isReady, openPty, POLLIN } from "../src/terminal/libc.ts";
import type { World } from "./world.ts";

/** A program on a terminal of its own, read as fast as it comes. */
export type OnTerminal = {
  pid: number;
  /** Reads until the terminal is closed or `limitMs` have passed, and says how much came and from when to when. */
  drain(limitMs: number): Drained;
  /** Waits for the program; throws when it failed. Call once, at the end. */
  finish(): Promise<void>;
};

export type Drained = { bytes: number; firstMs: number; lastMs: number; isClosed: boolean };

const buffer = Buffer.alloc(64 * 1024);

export const startOnTerminal = (argv: string[], { project, env }: Pick<World, "project" | "env">): OnTerminal => {
  const { master, slave } = openPty({ cols: 120, rows: 40 });
  // A program that leads no process group yet is replaced by what `setsid` starts: the pid stays.
  const child = Bun.spawn(["setsid", "-c", ...argv], { cwd: project, env, stdio: [slave, slave, slave] });
  closeSync(slave);
  return {
    pid: child.pid,
    drain: (limitMs) => drain(master, limitMs),
    async finish() {
      const code = await child.exited;
      closeSync(master);
      if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code} on a terminal`);
    },
  };
};

const drain = (master: number, limitMs: number): Drained => {
  const deadline = performance.now() + limitMs;
  const drained: Drained = { bytes: 0, firstMs: 0, lastMs: 0, isClosed: false };
  for (let leftMs = limitMs; leftMs > 0 && !drained.isClosed; leftMs = deadline - performance.now()) {
    if (!isReady(master, POLLIN, Math.ceil(leftMs))) continue;
    const count = readChunk(master);
    drained.lastMs = performance.now();
    drained.firstMs ||= drained.lastMs;
    drained.bytes += count;
    drained.isClosed = count === 0;
  }
  return drained;
};

/** Linux answers EIO when no process holds the other end any more. */
const readChunk = (master: number): number => {
  try {
    return readSync(master, buffer);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EIO") return 0;
    throw error;
  }
};
