import fs from "node:fs";
import path from "node:path";
import { tryLock } from "../file-lock.ts";

const retryMs = 25;

/**
 * Runs `work` while this process alone holds the lock. The kernel gives it back when the process dies. The file stays:
 * whoever removed it would let two others lock two files of one name. Undefined when it is not free in time.
 * `lock` is its descriptor: a program that has it too keeps the lock until it has ended as well.
 */
export const underLock = async <T>(
  file: string,
  patienceMs: number,
  work: (lock: number) => Promise<T>,
): Promise<T | undefined> => {
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const fd = fs.openSync(file, fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_NOFOLLOW, 0o600);
  try {
    const endAt = performance.now() + patienceMs;
    while (!tryLock(fd)) {
      if (performance.now() > endAt) return undefined;
      await Bun.sleep(retryMs);
    }
    return await work(fd);
  } finally {
    fs.closeSync(fd);
  }
};
