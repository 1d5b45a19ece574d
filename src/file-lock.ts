import fs from "node:fs";
import { lazyLibc } from "./libc.ts";

const libc = lazyLibc({ flock: { args: ["i32", "i32"], returns: "i32" } });
const LOCK_EX = 2;
const LOCK_NB = 4;

/** Takes the lock of an open file until it is closed, or the process ends; false when somebody else has it (flock(2)). */
export const tryLock = (fd: number): boolean => libc().flock(fd, LOCK_EX | LOCK_NB) === 0;

/** True while the name stands for this open file. */
export const isStill = (file: string, fd: number): boolean => {
  const named = fs.lstatSync(file, { throwIfNoEntry: false });
  const { dev, ino } = fs.fstatSync(fd);
  return named?.ino === ino && named.dev === dev;
};
