import fs from "node:fs";
import path from "node:path";
import type { Host } from "../host.ts";
import { projectKey } from "../places.ts";
import {
  childrenOf,
  closedMark,
  countOf,
  type DirectoryRow,
  type DirectoryTable,
  gitMark,
  isLarge,
  isMarked,
  makeTable,
  notableMark,
  pathAt,
  reachedMark,
  readTable,
  rowAt,
  rowsMarked,
  writeTable,
} from "./directory-table.ts";
import { isNotable, isReached } from "./later-reach.ts";
import { encodeName } from "./name-bytes.ts";
import { beginLook, type Look } from "./native-look.ts";
import { type Seen, seeDirectory } from "./seen-directory.ts";

/**
 * Every `.git` below a working tree's top. A directory that is the same one with the change time that is remembered has
 * the same entries as then (the time cannot be set from user space), so a later look costs one system call a directory.
 * Links are not followed, and what lies in a git directory is not looked at. Names are as `name-bytes.ts` spells them.
 */
export type Nested = {
  /** Relative paths of the `.git` entries. */
  paths: string[];
  /**
   * Directories that could not be looked into: closed to their owner, or too deep for the system's calls. Somebody
   * inside could open them again, and a repository of the user's may lie there.
   */
  closed: string[];
  /** False when the tree has more directories than anybody wants to wait for. */
  isComplete: boolean;
  /** All directories that were seen. */
  table: DirectoryTable;
};

const maxDirectories = 1_000_000;

/** When so many directories have changed, all are looked through. */
const mostRenewed = 1_000;

/** Where the looks at a project remember what they saw. */
export const nestedCache = ({ places }: Pick<Host, "places">, project: string): string =>
  path.join(places.state, "live", projectKey(project), "nested.table");

/** A look that goes on, and what can be said before it is over. */
export type OngoingLook = Look<Nested> & {
  /** What there was when somebody looked before, unless that is certainly not so any more. */
  remembered?: Pick<Nested, "paths" | "closed">;
};

/** `cache` names a file of cordon's own, whose directory is made. */
export const findNested = (top: string, cache: string | undefined): Nested => beginFinding(top, cache).finish();

/** The same, while other work is done. `scratch` names a private directory, better in memory; else that of the cache. */
export const beginFinding = (top: string, cache: string | undefined, scratch?: string): OngoingLook => {
  if (cache !== undefined) fs.mkdirSync(path.dirname(cache), { recursive: true, mode: 0o700 });
  const before = cache === undefined ? undefined : readTable(cache);
  const startedAt = Date.now();
  const look = before && beginLook(top, before, scratch ?? path.dirname(cache!));
  const finish = (): Nested => {
    const differing = look?.finish();
    const renewed = before && differing && renew(top, before, differing, startedAt);
    const { found, isChanged } = renewed ?? lookThrough(top, before, differing, startedAt);
    if (cache !== undefined && isChanged) writeTable(cache, found.table);
    return found;
  };
  if (!look) return { finish };
  const paths = gitPathsOf(before);
  const isLikely = rowsMarked(before, closedMark).length === 0 && paths.every((entry) => isThere(top, entry));
  return { finish, ...(isLikely && { remembered: { paths, closed: [] } }) };
};

const isThere = (top: string, entry: string): boolean => {
  try {
    return fs.lstatSync(encodeName(`${top}/${entry}`), { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
};

type Outcome = { found: Nested; isChanged: boolean };

/** When all directories are where they were, and hold the same ones: only their times are new. Else undefined. */
const renew = (top: string, table: DirectoryTable, differing: number[], startedAt: number): Outcome | undefined => {
  const closed: string[] = [];
  let isChanged = false;
  if (differing.length > mostRenewed) return undefined;
  for (const row of differing) {
    const directory = pathAt(table, row);
    const seen = seeDirectory(top, directory, startedAt);
    if (seen === undefined) return undefined;
    if (seen.isClosed) closed.push(directory);
    const names = new Set(childrenOf(table, row).map((child) => path.posix.basename(pathAt(table, child))));
    const isAlike = names.size === seen.children.length && seen.children.every((name) => names.has(name));
    if (!isAlike || seen.hasGit !== isMarked(table, row, gitMark)) return undefined;
    isChanged ||= table.changedMs[row] !== seen.changedMs || table.inodes[row] !== seen.inode;
    table.changedMs[row] = seen.changedMs;
    table.inodes[row] = seen.inode;
    table.marks[row] = marksOf(seen) | judge(directory, seen);
  }
  return { found: { paths: gitPathsOf(table), closed: closed.sort(), isComplete: true, table }, isChanged };
};

const gitPathsOf = (table: DirectoryTable): string[] =>
  rowsMarked(table, gitMark)
    .filter((row) => row > 0)
    .map((row) => `${pathAt(table, row)}/.git`)
    .sort();

/** Directory by directory. Those that are not among the `differing`, when these are known, need not be asked. */
const lookThrough = (
  top: string,
  table: DirectoryTable | undefined,
  differing: number[] | undefined,
  startedAt: number,
): Outcome => {
  const before = table ? remembered(table, differing) : new Map<string, Remembered>();
  const rows: DirectoryRow[] = [];
  const paths: string[] = [];
  const closed: string[] = [];
  let isChanged = false;
  const unjudged: { row: DirectoryRow; seen: Seen }[] = [];
  const waiting = [""];
  while (waiting.length > 0 && rows.length < maxDirectories) {
    const directory = waiting.pop()!;
    const known = before.get(directory);
    const seen = known?.isSame ? known : seeDirectory(top, directory, startedAt, known);
    if (seen === undefined) continue;
    isChanged ||= seen !== known;
    const marks = seen === known ? known.marks : marksOf(seen);
    const row = { path: directory, changedMs: seen.changedMs, inode: seen.inode, marks };
    rows.push(row);
    if (seen !== known) unjudged.push({ row, seen });
    if (isLarge(rows.length)) for (const one of unjudged.splice(0)) one.row.marks |= judge(one.row.path, one.seen);
    const prefix = directory === "" ? "" : `${directory}/`;
    if (seen.isClosed) closed.push(directory);
    if (seen.hasGit && directory !== "") paths.push(`${prefix}.git`);
    for (const child of seen.children) waiting.push(prefix + child);
  }
  // Nobody has judged what a small tree holds.
  if (table && !isLarge(countOf(table)) && isLarge(rows.length))
    return lookThrough(top, undefined, undefined, startedAt);
  isChanged ||= rows.length !== before.size;
  const found = { paths: paths.sort(), closed: closed.sort(), isComplete: waiting.length === 0 };
  return { found: { ...found, table: isChanged || !table ? makeTable(rows) : table }, isChanged };
};

/** What else was known of a directory is not so any more, now that it has changed. */
const marksOf = ({ hasGit, isClosed }: Seen): number => (hasGit ? gitMark : 0) | (isClosed ? closedMark : 0);

/** In a large tree only: a small one is looked through after a run, and judging costs some milliseconds. */
const judge = (directory: string, { files }: Seen): number =>
  (isReached(directory) ? reachedMark : 0) | (isNotable(directory, files) ? notableMark : 0);

type Remembered = Seen & { isSame: boolean; marks: number };

/** Every row of a table with the names below it; `isSame` of those that need not be asked again. */
const remembered = (table: DirectoryTable, differing: number[] | undefined): Map<string, Remembered> => {
  const others = new Set(differing);
  const seen = Array.from({ length: countOf(table) }, (_, row) => rowAt(table, row));
  const all = seen.map((row, at): Remembered => {
    const isSame = differing !== undefined && !others.has(at);
    return { ...row, hasGit: isMarked(table, at, gitMark), isClosed: false, files: [], children: [], isSame };
  });
  for (let row = 1; row < seen.length; row++) {
    const { path } = seen[row]!;
    all[table.parents[row]!]!.children.push(path.slice(path.lastIndexOf("/") + 1));
  }
  return new Map(seen.map(({ path }, row) => [path, all[row]!]));
};
