import fs from "node:fs";
import { lazyLibc } from "../libc.ts";

/** How many use something at the same time: one alone may change it, then any number may use it (flock(2)). */
export type UseLock = {
  /** True while nobody else uses it. */
  isAlone: boolean;
  /** From now on others may use it as well. Call it once, when everything is in its place. */
  share(): Promise<void>;
  release(): void;
};

const libc = lazyLibc({ flock: { args: ["i32", "i32"], returns: "i32" } });
const [LOCK_SH, LOCK_EX, LOCK_NB] = [1, 2, 4];

const retryMs = 10;
/** Longer than bringing a private git directory up to date takes. */
const patienceMs = 60_000;

/**
 * Takes the lock alone where nobody has it, else together with those who share it; waits while somebody is alone. The
 * kernel gives it back when the process dies. Rejects after a minute.
 */
export const takeUse = async (file: string): Promise<UseLock> => {
  const fd = fs.openSync(file, fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_NOFOLLOW, 0o600);
  const take = (kind: number) => libc().flock(fd, kind | LOCK_NB) === 0;
  const endAt = performance.now() + patienceMs;
  const wait = async (kinds: number[]): Promise<number> => {
    for (;;) {
      const kind = kinds.find(take);
      if (kind !== undefined) return kind;
      if (performance.now() > endAt) {
        fs.closeSync(fd);
        throw new Error(`another process has been holding ${file} for too long`);
      }
      await Bun.sleep(retryMs);
    }
  };
  const isAlone = (await wait([LOCK_EX, LOCK_SH])) === LOCK_EX;
  return {
    isAlone,
    share: async () => void (await wait([LOCK_SH])),
    release: () => fs.closeSync(fd),
  };
};
