import fs from "node:fs";
import path from "node:path";
import { isStill, tryLock } from "../file-lock.ts";
import type { Places } from "../places.ts";

/** A private place for as long as this process lives; its lock tells others so, also after a crash. */
export type Scratch = {
  directory: string /** An empty directory in it, for a project. */;
  work: string;
  remove(): void;
};

const placeOf = (places: Places): string => path.join(places.state, "scratch");

export const makeScratch = (places: Places): Scratch => {
  fs.mkdirSync(placeOf(places), { recursive: true, mode: 0o700 });
  for (;;) {
    const directory = path.join(placeOf(places), crypto.randomUUID());
    const fd = fs.openSync(lockOf(directory), "wx", 0o600);
    // Whoever clears leftovers away may have met the lock before it was held.
    if (tryLock(fd) && isStill(lockOf(directory), fd)) {
      const work = path.join(directory, "work");
      fs.mkdirSync(work, { recursive: true, mode: 0o700 });
      const remove = () => {
        removeBoth(directory);
        fs.closeSync(fd);
      };
      return { directory, work, remove };
    }
    fs.closeSync(fd);
  }
};

/** The directories whose owner is gone. */
export const findAbandonedScratch = (places: Places): string[] => sweep(places, () => {});

/** Removes them, as far as it can, and says which. */
export const removeAbandonedScratch = (places: Places): string[] => sweep(places, removeBoth);

/** The lock last: as long as it is there, somebody will try again. */
const removeBoth = (directory: string): void => {
  try {
    if (fs.existsSync(directory)) enterAll(directory);
    fs.rmSync(directory, { recursive: true, force: true });
    fs.rmSync(lockOf(directory), { force: true });
  } catch {
    // Somebody else is at it, or a name is too long for the kernel.
  }
};

/** A program may have left directories that nobody can enter, or so remove. */
const enterAll = (directory: string): void => {
  fs.chmodSync(directory, 0o700);
  for (const entry of fs.readdirSync(directory, { withFileTypes: true }))
    if (entry.isDirectory()) enterAll(path.join(directory, entry.name));
};

const sweep = (places: Places, found: (directory: string) => void): string[] => {
  if (!fs.existsSync(placeOf(places))) return [];
  const locks = fs.readdirSync(placeOf(places)).filter((name) => name.endsWith(lockEnd));
  return locks.flatMap((name) => {
    const directory = path.join(placeOf(places), name.slice(0, -lockEnd.length));
    const fd = openLock(lockOf(directory));
    if (fd === undefined) return [];
    try {
      if (!tryLock(fd)) return [];
      found(directory);
      return [directory];
    } finally {
      fs.closeSync(fd);
    }
  });
};

const lockEnd = ".lock";
const lockOf = (directory: string): string => `${directory}${lockEnd}`;

/** Undefined when it has just been taken away. */
const openLock = (file: string): number | undefined => {
  try {
    return fs.openSync(file, fs.constants.O_RDWR | fs.constants.O_NOFOLLOW);
  } catch {
    return undefined;
  }
};
