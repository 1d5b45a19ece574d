import fs, { type BigIntStats } from "node:fs";
import { type DirectoryEntry, kindOf, readEntries } from "./directory-entries.ts";
import { decodeName, encodeName } from "./name-bytes.ts";

/** A directory that was looked into; `path` is relative to the root, empty for the root itself. */
export type Folder = { path: string; stat: BigIntStats; parent: Folder | undefined };
export type Entry = { name: string; path: string; kind: DirectoryEntry["kind"]; folder: Folder };

/** What is done about a directory: entered before others, in its turn, after all others, or left alone. */
export type Turn = "first" | "later" | "last" | "never";

/** What was not seen: directories beyond the limit, and those of this user that could not be read. */
export type Unseen = { beyond: number; unreadable: string[] };

export type Visitor = {
  /** Called once for each directory, before its entries. */
  folder?(folder: Folder): void;
  /** Called for each entry. The answer counts for directories only. */
  entry(entry: Entry): Turn;
  /** Names to ask for in a directory that is too large to read. */
  known?(): string[];
};

/** A directory to begin with, and when. What stands in it by a known name is not entered from here. */
export type Seed = { path: string; turn: Exclude<Turn, "never">; isKnown(name: string): boolean };

/** A directory costs about as much as this many of its entries (measured: 10 µs against 1 µs). */
const looksPerDirectory = 8;

/** A directory's size tells how many names it holds at least, on ext4 and tmpfs; elsewhere a large one takes longer. */
const bytesPerName = 24n;

/** So many names are read also when fewer looks are left. */
const leastNames = 4_000;

/** All of the tree. */
const wholeTree: Seed[] = [{ path: "", turn: "later", isKnown: () => false }];

/**
 * Walks a tree, the shallow before the deep, at most `mostLooks` looks far. Links are never followed and nothing is
 * opened but directories. Names are data; see `name-bytes.ts`. Never throws.
 */
export const walkTree = (root: string, mostLooks: number, visitor: Visitor, seeds = wholeTree): Unseen => {
  const unseen: Unseen = { beyond: 0, unreadable: [] };
  const queues: Record<Exclude<Turn, "never">, Queue> = {
    first: { waiting: [], at: 0 },
    later: { waiting: [], at: 0 },
    last: { waiting: [], at: 0 },
  };
  for (const seed of seeds) queues[seed.turn].waiting.push(seed);
  const rows = Object.values(queues);
  const next = () => rows.find(({ waiting, at }) => at < waiting.length);
  const folders = foldersOf(root, visitor);
  let looks = mostLooks;
  for (let row = next(); row; row = next()) {
    const { path, isKnown } = row.waiting[row.at++]!;
    if (looks <= 0) {
      unseen.beyond += 1;
      continue;
    }
    const folder = folders(path);
    if (folder === "unreadable" && isOurs(folderAround(path, folders))) unseen.unreadable.push(path);
    if (typeof folder === "string") continue;
    const { stat } = folder;
    const isTooLarge = stat.size > bytesPerName * BigInt(Math.max(mostLooks, leastNames));
    if (isTooLarge) unseen.beyond++;
    const named = isTooLarge ? askFor(root, path, visitor.known?.() ?? []) : readNames(root, path);
    if (named === "unreadable") unseen.unreadable.push(...(isOurs(folder) ? [path] : []));
    else {
      looks -= looksPerDirectory + named.length;
      for (const { name, kind } of named) {
        const entry: Entry = { name, path: path === "" ? name : `${path}/${name}`, kind, folder };
        const turn = visitor.entry(entry);
        if (kind !== "directory" || turn === "never" || isKnown(name)) continue;
        queues[turn].waiting.push({ path: entry.path, turn, isKnown: () => false });
      }
    }
  }
  return unseen;
};

type Queue = { waiting: Seed[]; at: number };
type Found = Folder | "missing" | "unreadable";

/** Each directory once, after the one around it. */
const foldersOf = (root: string, visitor: Visitor): ((path: string) => Found) => {
  const found = new Map<string, Found>();
  const folderAt = (path: string): Found => {
    const known = found.get(path);
    if (known !== undefined) return known;
    const parent = folderAround(path, folderAt);
    const stat = path !== "" && parent === undefined ? "missing" : statOf(root, path);
    const isDirectory = typeof stat !== "string" && stat.isDirectory();
    const folder = isDirectory ? { path, stat, parent } : typeof stat === "string" ? stat : "missing";
    found.set(path, folder);
    if (typeof folder !== "string") visitor.folder?.(folder);
    return folder;
  };
  return folderAt;
};

const folderAround = (path: string, folderAt: (path: string) => Found): Folder | undefined => {
  if (path === "") return undefined;
  const found = folderAt(path.slice(0, Math.max(0, path.lastIndexOf("/"))));
  return typeof found === "string" ? undefined : found;
};

/** What this user may not enter is closed to a run as well, unless it is this user's own and can be opened again. */
export const isOurs = (folder: Folder | undefined): boolean => folder?.stat.uid === BigInt(process.getuid?.() ?? 0);

/**
 * The facts of one entry itself, never of what it links to. Unreadable: behind a directory that may not be entered,
 * or deeper than the system's calls reach.
 */
export const statOf = (root: string, path: string): BigIntStats | "missing" | "unreadable" => {
  try {
    return fs.lstatSync(placeOf(root, path), { bigint: true, throwIfNoEntry: false }) ?? "missing";
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "ENOTDIR" ? "missing" : "unreadable";
  }
};

/** True when an entry has certainly not changed since a time in milliseconds. Half as expensive as its exact facts. */
export const isOlder = (root: string, path: string, thanMs: number): boolean => {
  try {
    return fs.lstatSync(placeOf(root, path)).ctimeMs < thanMs;
  } catch {
    return false;
  }
};

/** The text of a link, undefined when there is none. */
export const linkOf = (root: string, path: string): string | undefined => {
  try {
    return decodeName(fs.readlinkSync(placeOf(root, path), { encoding: "buffer" }));
  } catch {
    return undefined;
  }
};

const placeOf = (root: string, path: string) => encodeName(path === "" ? root : `${root}/${path}`);

const askFor = (root: string, path: string, names: string[]): DirectoryEntry[] =>
  names.flatMap((name) => {
    const stat = statOf(root, path === "" ? name : `${path}/${name}`);
    return typeof stat === "string" ? [] : [{ name, kind: kindOf(stat) }];
  });

/** The names in a directory, none when it cannot be read. */
export const namesOf = (root: string, path: string): string[] => {
  const named = readNames(root, path);
  return named === "unreadable" ? [] : named.map(({ name }) => name);
};

const readNames = (root: string, path: string): DirectoryEntry[] | "unreadable" => {
  try {
    return readEntries(placeOf(root, path));
  } catch {
    return "unreadable";
  }
};

const flags = fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK | fs.constants.O_NOCTTY;

/**
 * The text of a regular file of at most `maxBytes`, undefined for anything else. No link is followed, neither the
 * file itself nor a directory on the way to it, and no pipe or device holds it up.
 */
export const readText = (root: string, path: string, maxBytes: number): string | undefined => {
  let fd: number | undefined;
  try {
    fd = fs.openSync(placeOf(root, path), flags);
    const stat = fs.fstatSync(fd);
    if (!stat.isFile() || stat.size > maxBytes || !isAt(fd, `${root}/${path}`)) return undefined;
    const bytes = Buffer.alloc(Number(stat.size));
    return bytes.toString("utf8", 0, fs.readSync(fd, bytes, 0, bytes.length, 0));
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
};

/** The kernel says where an open file really is (proc(5), `/proc/self/fd`); elsewhere `O_NOFOLLOW` has to do. */
const isAt = (fd: number, place: string): boolean => {
  if (process.platform !== "linux") return true;
  return fs.readlinkSync(`/proc/self/fd/${fd}`) === place;
};
