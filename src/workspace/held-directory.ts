import fs from "node:fs";

/**
 * A directory that a sandbox may be writing to at this moment, held open. Every step below it is taken from an open
 * directory and follows no link, so whatever is renamed or replaced meanwhile, nothing outside of it is read or
 * written. Nothing is ever removed recursively: what stands in the way is renamed aside.
 */
export type Held = number;

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;

/** Opens the directory itself; its parents belong to the caller. Throws when it is no directory. Close with `release`. */
export const holdDirectory = (directory: string): Held =>
  fs.openSync(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK);

export const release = (held: Held): void => fs.closeSync(held);

/** Runs `work` in the directory at `names` below `held`; undefined when there is none and `make` is not asked for. */
export const inside = <T>(
  held: Held,
  names: string[],
  work: (directory: Held) => T,
  { make = false }: { make?: boolean } = {},
): T | undefined => {
  const [first, ...rest] = names;
  if (first === undefined) return work(held);
  const child = openChild(held, first, make);
  if (child === undefined) return undefined;
  try {
    return inside(child, rest, work, { make });
  } finally {
    release(child);
  }
};

const openChild = (held: Held, name: string, make: boolean): Held | undefined => {
  const target = at(held, name);
  const child = tryHold(target);
  if (!make) return child;
  if (child !== undefined && isOpenTo(child)) return child;
  if (child !== undefined) release(child);
  // What stands there is no directory, or one that its owner has been locked out of: the start is not held up by it.
  moveAside(held, name);
  fs.mkdirSync(target, { mode: 0o700 });
  return holdDirectory(target);
};

const tryHold = (target: string): Held | undefined => {
  try {
    return holdDirectory(target);
  } catch {
    return undefined;
  }
};

/** Makes it writable for its owner; false when it belongs to somebody else. */
const isOpenTo = (child: Held): boolean => {
  try {
    if ((fs.fstatSync(child).mode & 0o700) !== 0o700) fs.fchmodSync(child, 0o700);
    return true;
  } catch {
    return false;
  }
};

/** The bytes of a regular file of at most `maxBytes`; undefined for anything else. */
export const readBytes = (held: Held, path: string, maxBytes: number): Buffer | undefined =>
  within(held, path, false, (directory, name) => {
    const fd = openFile(directory, name);
    if (fd === undefined) return undefined;
    try {
      const stat = fs.fstatSync(fd);
      return stat.size <= maxBytes ? readUpTo(fd, stat.size) : undefined;
    } finally {
      fs.closeSync(fd);
    }
  });

const openFile = (directory: Held, name: string): number | undefined => {
  let fd: number;
  try {
    fd = fs.openSync(at(directory, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch {
    return undefined;
  }
  if (fs.fstatSync(fd).isFile()) return fd;
  fs.closeSync(fd);
  return undefined;
};

/** A file that grows while it is read does not make the buffer grow. */
const readUpTo = (fd: number, size: number): Buffer => {
  const bytes = Buffer.alloc(size);
  let length = 0;
  for (let got = -1; length < size && got !== 0; length += got)
    got = fs.readSync(fd, bytes, length, size - length, length);
  return bytes.subarray(0, length);
};

/** The same as text. What is no UTF-8 becomes U+FFFD, which no name of a reference may hold. */
export const readText = (held: Held, path: string, maxBytes: number): string | undefined =>
  readBytes(held, path, maxBytes)?.toString();

/** Replaces the name, whatever it stands for, and makes the directories that lead to it. */
export const writeBytes = (held: Held, path: string, bytes: Uint8Array | string, mode = 0o600): void =>
  place(held, path, (temporary) => {
    fs.writeFileSync(temporary, bytes, { mode, flag: "wx" });
    fs.chmodSync(temporary, mode);
  });

/**
 * Copies a regular file from one directory to another, sharing its blocks where the file system can, with the time it
 * was changed at. False when there is no such file.
 */
export const copyBetween = (source: Held, from: string, held: Held, to: string, mode?: number): boolean =>
  within(source, from, false, (directory, name) => {
    const fd = openFile(directory, name);
    if (fd === undefined) return false;
    try {
      const { mtimeMs } = fs.fstatSync(fd);
      place(held, to, (temporary) => {
        fs.copyFileSync(`/proc/self/fd/${fd}`, temporary, fs.constants.COPYFILE_EXCL | fs.constants.COPYFILE_FICLONE);
        // Never later than the original: git looks again at entries that are as young as their index.
        fs.utimesSync(temporary, mtimeMs / 1000 - 0.000001, mtimeMs / 1000 - 0.000001);
        if (mode !== undefined) fs.chmodSync(temporary, mode);
      });
      return true;
    } finally {
      fs.closeSync(fd);
    }
  }) ?? false;

/** What a regular file was like when it was looked at; another text after any change. Undefined for anything else. */
export const signatureOf = (held: Held, path: string): string | undefined =>
  within(held, path, false, (directory, name) => {
    const stat = fs.lstatSync(at(directory, name), { throwIfNoEntry: false });
    return stat?.isFile() ? `${stat.ino} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}` : undefined;
  });

/** What a link says; undefined when it is none. */
export const readLink = (held: Held, path: string): string | undefined =>
  within(held, path, false, (directory, name) => {
    try {
      return fs.readlinkSync(at(directory, name));
    } catch {
      return undefined;
    }
  });

/** True for a file that its owner may execute. */
export const isExecutableIn = (held: Held, path: string): boolean =>
  within(held, path, false, (directory, name) => {
    const stat = fs.lstatSync(at(directory, name), { throwIfNoEntry: false });
    return stat !== undefined && (stat.mode & 0o100) !== 0;
  }) ?? false;

export const linkInto = (held: Held, path: string, link: string): void =>
  place(held, path, (temporary) => fs.symlinkSync(link, temporary));

/** Makes a directory and those that lead to it. */
export const makeDirectory = (held: Held, path: string): void =>
  void inside(held, path.split("/"), () => {}, { make: true });

/** Takes the name away: a file for good, a directory to another name. */
export const removeName = (held: Held, path: string): void =>
  void within(held, path, false, (directory, name) => {
    try {
      fs.unlinkSync(at(directory, name));
    } catch {
      moveAside(directory, name);
    }
  });

export type Entry = { name: string; kind: "file" | "directory" | "other" };

/** What stands in a directory; undefined when there is none, or when it is absurdly large. */
export const listEntries = (held: Held, path: string): Entry[] | undefined =>
  inside(held, path === "" ? [] : path.split("/"), (directory) => {
    if (fs.fstatSync(directory).size > maxListingBytes) return undefined;
    return fs.readdirSync(`/proc/self/fd/${directory}`, { withFileTypes: true }).map(
      (entry): Entry => ({
        name: entry.name,
        kind: entry.isFile() ? "file" : entry.isDirectory() ? "directory" : "other",
      }),
    );
  });

const maxListingBytes = 32 * 1024 * 1024;

const within = <T>(held: Held, path: string, make: boolean, work: (directory: Held, name: string) => T) => {
  const names = path.split("/");
  const name = names.pop()!;
  return inside(held, names, (directory) => work(directory, name), { make });
};

const place = (held: Held, path: string, make: (temporary: string) => void): void =>
  void within(held, path, true, (directory, name) => {
    const temporary = at(directory, `.cordon-${crypto.randomUUID()}`);
    make(temporary);
    try {
      fs.renameSync(temporary, at(directory, name));
    } catch {
      moveAside(directory, name);
      fs.renameSync(temporary, at(directory, name));
    }
  });

const moveAside = (held: Held, name: string): void => {
  try {
    fs.renameSync(at(held, name), at(held, `.cordon-${crypto.randomUUID()}`));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
};

/** proc(5): the entry of an open directory leads to that very directory, wherever it has been moved. */
const at = (held: Held, name: string): string => {
  if (name === "" || name === "." || name === ".." || /[/\0]/.test(name)) throw new Error("not the name of an entry");
  return `/proc/self/fd/${held}/${name}`;
};
