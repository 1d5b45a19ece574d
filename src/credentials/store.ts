import fs from "node:fs";
import path from "node:path";
import { type Lock, withLocks } from "./lock.ts";

/** Where a client keeps its logins. */
export type Store = {
  /** As a person knows it. */
  label: string;
  /** Something that differs whenever the text does; undefined where only reading tells. */
  stamp(): string | undefined;
  /** Undefined when there is nothing. */
  read(): Promise<string | undefined>;
  /** Keeps everybody out who renews by the same lock. */
  exclude<T>(work: () => Promise<T>): Promise<T>;
  /** Gets ready to write, so that a new token is not asked for where it could not be kept. Rejects when it cannot. */
  prepare(): Promise<Replacement>;
};
export type Replacement = { commit(text: string): Promise<void>; discard(): void };

const maxBytes = 8 * 1024 * 1024;

/** A file. Writing replaces it whole, keeps its mode and follows a link. `writeLock` is held for the moment of writing. */
export const fileStore = (file: string, label: string, locks: readonly Lock[], writeLock?: Lock): Store => ({
  label,
  stamp: () => {
    const stat = fs.statSync(file, { throwIfNoEntry: false });
    return stat ? `${stat.ino}:${stat.mtimeMs}:${stat.size}` : "missing";
  },
  read: async () => readCredentialFile(file),
  exclude: (work) => withLocks(locks, work),
  prepare: async () => {
    const replacement = replaceFile(file);
    return {
      commit: (text) => withLocks(writeLock ? [writeLock] : [], async () => replacement.commit(text)),
      discard: replacement.discard,
    };
  },
});

/** Undefined when there is no such regular file, it cannot be read, or it is larger than any credential file. */
export const readCredentialFile = (file: string): string | undefined => {
  try {
    const fd = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    try {
      const stat = fs.fstatSync(fd);
      return stat.isFile() && stat.size <= maxBytes ? fs.readFileSync(fd, "utf8") : undefined;
    } finally {
      fs.closeSync(fd);
    }
  } catch {
    return undefined;
  }
};

/**
 * Opens a new file beside the old one; `commit` writes it to the disk and puts it in the old one's place, so that at any
 * moment there is one of the two, whole. Throws when the directory cannot be written.
 */
export const replaceFile = (file: string) => {
  const target = fs.existsSync(file) ? fs.realpathSync(file) : file;
  const mode = fs.statSync(target, { throwIfNoEntry: false })?.mode ?? 0o600;
  const temporary = path.join(path.dirname(target), `.${path.basename(target)}.cordon`);
  // Of a process that died: the lock is held.
  fs.mkdirSync(path.dirname(target), { recursive: true, mode: 0o700 });
  fs.rmSync(temporary, { force: true });
  const fd = fs.openSync(temporary, "wx", 0o600);
  const discard = () => {
    fs.closeSync(fd);
    fs.rmSync(temporary, { force: true });
  };
  return {
    discard,
    commit: (text: string) => {
      try {
        // Never wider than the owner, whatever the old one was.
        fs.fchmodSync(fd, mode & 0o600);
        fs.writeSync(fd, text);
        fs.fsyncSync(fd);
        fs.renameSync(temporary, target);
      } catch (error) {
        discard();
        throw error;
      }
      fs.closeSync(fd);
    },
  };
};
