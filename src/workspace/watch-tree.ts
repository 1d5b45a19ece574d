import fs, { type Stats } from "node:fs";
import { decodeName, encodeName } from "./name-bytes.ts";
import { foldName } from "./name-fold.ts";

/**
 * All `.git` of a working tree, found again and again. A directory that is the same inode with the same change time has
 * the same entries as before (the time cannot be set from user space), so a later look costs one system call for each:
 * 2 µs measured. Watching by inotify would be a watch and 13 µs each, and reading them all another 12 µs each. Links are
 * not followed, and what lies in a git directory is not looked at.
 */
export type Tree = { root: string; rows: Map<string, Row> };

export type GitEntry = {
  /** Relative to the root, as `name-bytes.ts` spells it. */
  path: string;
  kind: "directory" | "file" | "link" | "other";
  /** The same as long as the entry is; what is no directory has another one after any change. */
  identity: string;
};

/** What somebody has seen before, parents first: the directory at `path`, empty for the root; inode 0 is any. */
export type Seen = { path: string; changedMs: number; inode: number };

type Row = { changedMs: number; inode: number; git?: GitEntry; isClosed?: boolean };

const mostDirectories = 1_000_000;
const mostNamed = 20;

/** Changes within one tick of the kernel's clock have one time: what changed just now is looked at again. */
const tickMs = 50;
const rowsPerStep = 64;

/** A tree that nobody has looked at yet, or of which `seen` says what is known. */
export const startTree = (root: string, seen: Iterable<Seen> = []): Tree => {
  const rows = new Map<string, Row>([["", unseen()]]);
  for (const { path, changedMs, inode } of seen) rows.set(path, { changedMs, inode });
  return { root, rows };
};

const unseen = (): Row => ({ changedMs: 0, inode: 0 });

/** One look at the whole tree, a few directories a step. Never throws; may be left unfinished. */
export function* lookAgain({ root, rows }: Tree): Generator<void, void> {
  const startedAt = Date.now();
  const gone = new Set<string>();
  let count = 0;
  for (const [path, row] of rows) {
    if (++count % rowsPerStep === 0) yield;
    if (gone.size > 0 && isBelow(path, gone)) {
      rows.delete(path);
      continue;
    }
    const place = encodeName(path === "" ? root : `${root}/${path}`);
    const stat = statOf(place);
    row.isClosed = stat === "closed";
    if (typeof stat === "string") {
      if (stat !== "missing") continue;
      rows.delete(path);
      gone.add(path);
      continue;
    }
    const wasSeen = row.inode !== 0 || path === "";
    const isSame = row.changedMs === stat.ctimeMs && (!wasSeen || row.inode === stat.ino);
    row.inode = stat.ino;
    if (isSame) continue;
    row.changedMs = stat.ctimeMs < startedAt - tickMs ? stat.ctimeMs : 0;
    const read = readDirectory(place);
    row.isClosed = read === undefined;
    const prefix = path === "" ? "" : `${path}/`;
    for (const name of read?.directories ?? []) {
      const child = rows.get(prefix + name);
      if (!child && rows.size < mostDirectories) rows.set(prefix + name, unseen());
      // By a rename another directory may have come here, and what lies in it be as old as what was there.
      else if (child?.inode === 0 && !wasSeen) child.changedMs = 0;
    }
    const git = read?.gitName === undefined ? undefined : describeGit(root, prefix, read.gitName);
    if (git) row.git = git;
    else delete row.git;
  }
}

/** Where a link has taken the place of a directory, what was below it would be looked for where the link leads. */
const isBelow = (path: string, gone: ReadonlySet<string>): boolean => {
  for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1))
    if (gone.has(path.slice(0, at))) return true;
  return false;
};

/** What the looks have found so far; what `seen` told of is not among it, unless its directory has changed. */
export const entriesOf = ({ rows }: Tree): GitEntry[] => [...rows.values()].flatMap(({ git }) => git ?? []);

/** Directories that could not be looked into, the first of them, and whether the tree is larger than anybody waits for. */
export const gapsOf = ({ rows }: Tree): { closed: string[]; isComplete: boolean } => ({
  closed: [...rows].flatMap(([path, { isClosed }]) => (isClosed ? [path] : [])).slice(0, mostNamed),
  isComplete: rows.size < mostDirectories,
});

/** The one `.git` of a directory, as `lookAgain` describes it; `prefix` ends with a slash unless it is empty. */
export const describeGit = (root: string, prefix: string, name = ".git"): GitEntry | undefined => {
  const entry = bigStatOf(encodeName(`${root}/${prefix}${name}`));
  // By another spelling it is one only where the file system makes no difference.
  const asGit = name === ".git" ? entry : bigStatOf(encodeName(`${root}/${prefix}.git`));
  if (!entry || entry.ino !== asGit?.ino) return undefined;
  const kind = entry.isDirectory() ? "directory" : entry.isFile() ? "file" : entry.isSymbolicLink() ? "link" : "other";
  const identity = `${kind}:${entry.dev}:${entry.ino}${kind === "directory" ? "" : `:${entry.ctimeNs}`}`;
  return { path: `${prefix}.git`, kind, identity };
};

const statOf = (place: string | Buffer): Stats | "missing" | "closed" => {
  try {
    const stat = fs.lstatSync(place, { throwIfNoEntry: false });
    return stat?.isDirectory() ? stat : "missing";
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "ENOTDIR" ? "missing" : "closed";
  }
};

const bigStatOf = (place: string | Buffer) => {
  try {
    return fs.lstatSync(place, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
};

type Read = { directories: string[]; gitName: string | undefined };

const readDirectory = (place: string | Buffer): Read | undefined => {
  const read: Read = { directories: [], gitName: undefined };
  let isForeign = false;
  try {
    for (const entry of fs.readdirSync(place as string, { withFileTypes: true })) {
      isForeign ||= entry.name.includes("\ufffd");
      note(read, entry.name, () => entry.isDirectory());
    }
    return isForeign ? readForeign(place) : read;
  } catch {
    return undefined;
  }
};

/** A name that is no UTF-8 arrives with U+FFFD in it: then the directory is read again, as bytes. */
const readForeign = (place: string | Buffer): Read => {
  const read: Read = { directories: [], gitName: undefined };
  for (const bytes of fs.readdirSync(place, { encoding: "buffer" })) {
    const full = Buffer.concat([Buffer.from(place), Buffer.from("/"), bytes]);
    note(read, decodeName(bytes), () => fs.lstatSync(full, { throwIfNoEntry: false })?.isDirectory() ?? false);
  }
  return read;
};

const note = (read: Read, name: string, isDirectory: () => boolean): void => {
  if (name === ".git" || (read.gitName === undefined && mayMeanGit(name))) read.gitName = name;
  if (name !== ".git" && isDirectory()) read.directories.push(name);
};

/** Names are many: only one that begins like it is looked at closely. */
const mayMeanGit = (name: string): boolean => {
  const first = name.charCodeAt(0);
  const isAscii = first < 128;
  return (!isAscii || first === 46 || first === 71 || first === 103) && foldName(name) === ".git";
};
