import { accessSync, closeSync, constants, openSync, readdirSync, readSync } from "node:fs";
import { type Facts, readCanary } from "./facts.ts";

/** Up to 64 KiB of a file, never waiting for a writer; undefined if it cannot be read. */
export function readSome(path: string, length = 65_536): string | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    const buffer = Buffer.alloc(length);
    return buffer.toString("latin1", 0, readSync(fd, buffer, 0, length, null));
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** The path itself if the canary can be read there. */
export function findCanary(facts: Facts, path: string): string | undefined {
  return readSome(path)?.includes(readCanary(facts)) ? `canary read at ${path}` : undefined;
}

/** Whether the file can be opened for writing. Nothing is written. */
export function describeWritable(path: string): string | undefined {
  try {
    closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY));
    return `${path} is writable`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ETXTBSY") return undefined;
    // A running program: the kernel has not yet looked at the mount, and opens it as soon as the program has ended.
    return attempt(() => accessSync(path, constants.W_OK) ?? `${path} is writable once it stops running`);
  }
}

/** Names in a directory, none if it cannot be listed. */
export function listNames(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

export const listPids = (): number[] => listNames("/proc").map(Number).filter(Number.isInteger);

/** Result of something that throws where it is refused. */
export function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
