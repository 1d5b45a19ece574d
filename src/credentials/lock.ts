import fs from "node:fs";
import path from "node:path";
import { tryLock } from "../file-lock.ts";

/**
 * What keeps other processes out: a directory as the npm package `proper-lockfile` makes it (kept young by its time, and
 * free for the taking when it has not been touched for `staleMs`), or a file that is locked as by flock(2). Each client
 * takes its own kind, and cordon the same.
 */
export type Lock = { directory: string; staleMs: number } | { file: string };

const retryMs = 100;
/** Longer than a renewal takes at most. */
const patienceMs = 45_000;

/** Runs `work` while all locks are held, taken in their order. Rejects when they cannot be had. */
export const withLocks = async <T>(locks: readonly Lock[], work: () => Promise<T>): Promise<T> => {
  const release = await acquireAll(locks);
  try {
    return await work();
  } finally {
    release();
  }
};

/** Whoever holds one and waits for the next gives the first back in between, as Claude Code does. */
const acquireAll = async (locks: readonly Lock[]): Promise<() => void> => {
  const endAt = performance.now() + patienceMs;
  for (;;) {
    const held: (() => void)[] = [];
    for (const lock of locks) {
      const release = tryAcquire(lock);
      if (!release) break;
      held.push(release);
    }
    const releaseAll = () => held.reverse().forEach((release) => void release());
    if (held.length === locks.length) return releaseAll;
    releaseAll();
    if (performance.now() > endAt) throw new Error("another process has been renewing it for too long");
    await Bun.sleep(retryMs * (1 + Math.random()));
  }
};

/** Undefined when somebody else holds it. */
const tryAcquire = (lock: Lock): (() => void) | undefined =>
  "file" in lock ? tryFile(lock.file) : tryDirectory(lock.directory, lock.staleMs);

/** The file stays: whoever removed it would let two others lock two files of one name. */
const tryFile = (file: string): (() => void) | undefined => {
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const fd = fs.openSync(file, "a", 0o600);
  const release = () => fs.closeSync(fd);
  if (tryLock(fd)) return release;
  release();
  return undefined;
};

const tryDirectory = (directory: string, staleMs: number): (() => void) | undefined => {
  if (!makeDirectory(directory)) {
    const standing = fs.statSync(directory, { throwIfNoEntry: false });
    if (standing && Date.now() - standing.mtimeMs < staleMs) return undefined;
    removeDirectory(directory);
    if (!makeDirectory(directory)) return undefined;
  }
  const own = fs.statSync(directory).ino;
  const timer = setInterval(() => touch(directory), staleMs / 4);
  timer.unref();
  return () => {
    clearInterval(timer);
    // After a long sleep somebody else may have taken it for abandoned.
    if (fs.statSync(directory, { throwIfNoEntry: false })?.ino === own) removeDirectory(directory);
  };
};

const makeDirectory = (directory: string): boolean => {
  try {
    fs.mkdirSync(path.dirname(directory), { recursive: true, mode: 0o700 });
    fs.mkdirSync(directory, { mode: 0o700 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
};

const removeDirectory = (directory: string): void => {
  try {
    fs.rmdirSync(directory);
  } catch {
    // Gone already, or no lock of this kind: then it cannot be taken either.
  }
};

const touch = (directory: string): void => {
  try {
    fs.utimesSync(directory, new Date(), new Date());
  } catch {
    // Taken away.
  }
};
