import type { ChangedPath } from "./later.ts";
import { knownNames } from "./later-match.ts";
import { isReached, turnOf, turnOfPath } from "./later-reach.ts";
import { isHeap, judgedNames } from "./later-rule.ts";
import type { KnownDirectories } from "./native-look.ts";
import {
  type Entry,
  type Folder,
  isOlder,
  isOurs,
  linkOf,
  readText,
  type Seed,
  statOf,
  type Unseen,
  type Visitor,
  walkTree,
} from "./walk.ts";

/**
 * Which files of a live working tree changed during a run. Nothing inside is trusted: what decides is the change time
 * (ctime), which no program can set (utimensat(2)), and which file systems renew on write, chmod, link and rename
 * alike. Only a directory that moves takes old files along, so the directories of the start are remembered.
 */

/** What was there before the run. Plain data: it can stand in a run's record. */
export type Snapshot = {
  root: string;
  startedAtMs: number;
  /** Of the clock that never steps back, to notice when the other one did. */
  monotonicMs: number;
  /** The upper directories, by relative path: device and inode, and the names in them that are no directories. */
  directories: Record<string, { identity: string; names: string[] }>;
  /** Texts of the few files whose text says whether a change matters. */
  texts: Record<string, string>;
  ignore: string[];
};

/** `isCapped` when there were more changes than anybody reads: `changed` holds the first of them. */
export type Changes = { changed: ChangedPath[]; unseen: Unseen; isCapped: boolean };

/** Enough for the upper levels of an ordinary project, in about three milliseconds. */
const looksAtStart = 1_000;
const mostTexts = 8;
const mostTextBytes = 256 * 1024;
const mostChanged = 20_000;

/** The kernel stamps files with the time of its last tick: at most 10 ms ago, with HZ=100. */
const tickMs = 20;
/** What a time in floating point may be off by, and more. */
const roundingMs = 1;

type Clocks = { nowMs: number; monotonicMs: number };

const readClocks = (): Clocks => ({ nowMs: Date.now(), monotonicMs: performance.now() });

type SnapshotOptions = { ignore?: string[]; clocks?: Clocks };

/**
 * Remembers the upper directories of a project before a run. `ignore` names paths that the run cannot write, such as
 * the project's own `.git`. Never throws; what lies deeper is judged by its times alone.
 */
export const takeSnapshot = (root: string, options: SnapshotOptions = {}): Snapshot => {
  const { ignore = [], clocks = readClocks() } = options;
  const directories: Snapshot["directories"] = Object.create(null);
  const texts: Snapshot["texts"] = Object.create(null);
  let left = mostTexts;
  walkTree(root, looksAtStart, {
    folder: ({ path, stat }) => {
      directories[path] = { identity: identityOf(stat), names: [] };
    },
    entry: (entry) => {
      const { path, name, kind, folder } = entry;
      if (ignore.length > 0 && ignore.includes(path)) return "never";
      if (kind === "directory") return folder.parent?.parent || isHeap(name) ? "never" : turnOf(folder.path, name);
      directories[folder.path]!.names.push(name);
      if (kind !== "file" || !judgedNames.includes(name) || left-- <= 0) return "never";
      const text = readText(root, path, mostTextBytes);
      if (text !== undefined) texts[path] = text;
      return "never";
    },
  });
  return { root, startedAtMs: clocks.nowMs, monotonicMs: clocks.monotonicMs, directories, texts, ignore };
};

const identityOf = ({ dev, ino }: Folder["stat"]): string => `${dev}:${ino}`;

const baseOf = ({ path }: Folder): string => path.slice(path.lastIndexOf("/") + 1);

const isInHeap = (folder: Folder | undefined): boolean =>
  folder !== undefined && (isHeap(baseOf(folder)) || isInHeap(folder.parent));

/** How far to look after any run: about 10 ms. */
const leastLooks = 4_000;
/** Of a directory with a few files. Where so many are enough for all that are reached, nothing is left out. */
const looksPerReached = 16;

/** How far to look after a run: beyond the least half a percent of its time, at most a second. */
export const looksAtEnd = (ranMs: number): number => Math.min(leastLooks + 2 * Math.floor(Math.max(0, ranMs)), 300_000);

type ChangesOptions = {
  clocks?: Clocks;
  mostLooks?: number;
  /**
   * Of a large project: only in these directories can something have come or gone, or be of a name that matters. They
   * are looked at first. Whatever else a host runs was there before, and only its rights make it a program.
   */
  directories?: KnownDirectories | undefined;
};

/**
 * What changed since. Call when nothing of the run is alive any more: one that still writes makes the answer old, and
 * nothing worse. Never throws; `unseen` says what was beyond `mostLooks` or could not be read, and belongs in the note.
 */
export const findChanges = (snapshot: Snapshot, options: ChangesOptions = {}): Changes => {
  const { clocks = readClocks(), directories } = options;
  const { mostLooks = looksAtEnd(clocks.monotonicMs - snapshot.monotonicMs) } = options;
  const since = thresholdOf(snapshot, clocks);
  const found: { change: ChangedPath; folder: Folder }[] = [];
  const met = new Set<string>();
  const moved = new Map<Folder, boolean>();
  const repositories = new Map<Folder, Set<string>>();
  const closed = new Set<Folder>();
  let isCapped = false;
  const visitor: Visitor = {
    known: knownNames,
    folder: (folder) => {
      moved.set(folder, isMoved(folder, snapshot, since, moved));
    },
    entry: (entry) => {
      if (snapshot.ignore.includes(entry.path)) return "never";
      noteRepository(entry, repositories);
      const turn = entry.kind === "directory" ? turnOf(entry.folder.path, entry.name) : "never";
      if ((entry.kind === "directory" && !isPackageOfChanged(entry, since)) || met.has(entry.path)) return turn;
      met.add(entry.path);
      const change = changeOf(entry, snapshot, since, moved.get(entry.folder) === true);
      if (change === "unreadable") closed.add(entry.folder);
      else if (change && found.length < mostChanged) found.push({ change, folder: entry.folder });
      else if (change) isCapped = true;
      return turn;
    },
  };
  const { root } = snapshot;
  const seeds = directories?.isReached(mostLooks / looksPerReached) ? seedsOf(directories) : undefined;
  const known = seeds?.map((some) => walkTree(root, mostLooks, visitor, some));
  // So much has come or gone that it may be there to hide something.
  const isFlooded = known !== undefined && known[0]!.beyond > 0;
  const unseen = walkTree(root, known && !isFlooded ? mostLooks - leastLooks : mostLooks, visitor);
  isCapped ||= isFlooded && unseen.beyond > 0;
  const changed = found.map(({ change, folder }) => {
    const repository = repositoryAround(folder, repositories);
    return withTexts(repository === undefined ? change : { ...change, repository }, snapshot);
  });
  const unreadable = [...(known ?? []), unseen].flatMap((one) => one.unreadable);
  unseen.unreadable = [...new Set([...unreadable, ...[...closed].filter(isOurs).map(({ path }) => path)])];
  return { changed: [...changed, ...changesOfKnown(snapshot, met, since)], unseen, isCapped };
};

/** Those that are not what they were, and the others, each time the shallow ones first. */
const seedsOf = ({ differing, rows, notable }: KnownDirectories): [changed: Seed[], others: Seed[]] => {
  const known = new Set(rows.map(({ path }) => path));
  const others = new Set(differing);
  const isKnown = (path: string) => (name: string) => known.has(path === "" ? name : `${path}/${name}`);
  const seeds = (paths: string[], isKnownIn: (path: string) => Seed["isKnown"]): Seed[] =>
    paths
      .filter(isReached)
      .sort((a, b) => a.split("/").length - b.split("/").length)
      .map((path) => ({ path, turn: turnOfPath(path), isKnown: isKnownIn(path) }));
  return [
    seeds(differing, isKnown),
    seeds(
      notable.filter((path) => !others.has(path)),
      () => () => true,
    ),
  ];
};

/** When the clock was set back during the run, new files look older than they are: by so much, earlier ones count. */
const thresholdOf = ({ startedAtMs, monotonicMs }: Snapshot, now: Clocks): bigint => {
  const setBackMs = Math.max(0, now.monotonicMs - monotonicMs - (now.nowMs - startedAtMs));
  return BigInt(Math.floor(startedAtMs - tickMs - setBackMs)) * 1_000_000n;
};

/**
 * True when a directory may have come here during the run with old files in it. A move renews the directory's own
 * change time and that of the directory it moves into; one that stands where it stood at the start never moved.
 */
const isMoved = (folder: Folder, snapshot: Snapshot, since: bigint, moved: Map<Folder, boolean>): boolean => {
  const { path, stat, parent } = folder;
  if (parent === undefined || snapshot.directories[path]?.identity === identityOf(stat)) return false;
  return moved.get(parent) === true || (stat.ctimeNs >= since && parent.stat.ctimeNs >= since);
};

const changeOf = (entry: Entry, snapshot: Snapshot, since: bigint, isMovedHere: boolean) => {
  const { path, name, kind, folder } = entry;
  if (!isMovedHere && isOlder(snapshot.root, path, Number(since) / 1e6 - roundingMs)) return undefined;
  const stat = statOf(snapshot.root, path);
  if (stat === "unreadable") return stat;
  if (stat === "missing" || (stat.ctimeNs < since && !isMovedHere)) return undefined;
  const known = snapshot.directories[folder.path];
  const wasThere = known ? known.names.includes(name) : stat.birthtimeNs < since && !isMovedHere;
  const link = kind === "link" ? linkOf(snapshot.root, path) : undefined;
  const change: ChangedPath = { path, kind: wasThere ? "changed" : "added", mode: Number(stat.mode) };
  if (isInHeap(folder)) change.isIgnored = true;
  if (link !== undefined) change.link = link;
  return change;
};

/** A package that may have come or gone: only where its parent changed, which saves a look at each of thousands. */
const isPackageOfChanged = ({ folder }: Entry, since: bigint): boolean =>
  folder.stat.ctimeNs >= since && isHeap(baseOf(folder));

const marks = ["head", "objects", "refs"];

const noteRepository = ({ name, folder }: Entry, repositories: Map<Folder, Set<string>>): void => {
  const mark = name.toLowerCase();
  if (marks.includes(mark)) repositories.set(folder, (repositories.get(folder) ?? new Set()).add(mark));
};

const repositoryAround = (folder: Folder | undefined, repositories: Map<Folder, Set<string>>): string | undefined => {
  if (folder === undefined) return undefined;
  return repositories.get(folder)?.size === marks.length ? folder.path : repositoryAround(folder.parent, repositories);
};

/** Files of the start that the walk did not meet: they are gone, or it did not come so far. */
const changesOfKnown = ({ root, directories }: Snapshot, met: Set<string>, since: bigint): ChangedPath[] =>
  Object.entries(directories).flatMap(([directory, { names }]) =>
    names.flatMap((name): ChangedPath[] => {
      const path = directory === "" ? name : `${directory}/${name}`;
      if (met.has(path) || isOlder(root, path, Number(since) / 1e6 - roundingMs)) return [];
      const stat = statOf(root, path);
      if (stat === "missing") return [{ path, kind: "deleted" }];
      if (stat === "unreadable") return [{ path, kind: "changed" }];
      return stat.ctimeNs >= since ? [{ path, kind: "changed", mode: Number(stat.mode) }] : [];
    }),
  );

const withTexts = (change: ChangedPath, { root, texts }: Snapshot): ChangedPath => {
  const name = change.path.slice(change.path.lastIndexOf("/") + 1);
  if (change.isIgnored || !judgedNames.includes(name)) return change;
  const after = readText(root, change.path, mostTextBytes);
  if (after === undefined) return change;
  const before = texts[change.path];
  return before === undefined ? { ...change, after } : { ...change, before, after };
};
