import { ptr } from "bun:ffi";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { addressesOf, compileNative } from "../guest/native.ts";
import { isRunning } from "../run/processes.ts";
import {
  countOf,
  type DirectoryRow,
  type DirectoryTable,
  hasMarked,
  isLarge,
  notableMark,
  pathAt,
  placesOf,
  reachedMark,
  rowAt,
  rowsMarked,
} from "./directory-table.ts";
import source from "./look.c" with { type: "text" };

/** Looks at all directories of a table at once, of a tree that is so large that this pays. */

const leastEach = 1_000;
const rowsPerStep = 1_500;
/** As in look.c. */
const mostThreads = 4;
const functions = [
  "statx",
  ...["create", "join", "sigmask", "mutex_lock", "mutex_unlock"].map((of) => `pthread_${of}`),
  "usleep",
];
/** What it keeps there for itself: a counter, a mutex and the threads. */
const room = Array<bigint>(1 + 16 + mostThreads).fill(0n);
const { O_DIRECTORY, O_NOFOLLOW } = fs.constants;
const O_PATH = 0o10000000;

let compiled: ReturnType<typeof compile> | undefined;

/** Some rows of a table, from one to before another. */
type Range = { from: number; to: number };

/** Goes on beside whatever else is done. `finish` must be called, whatever happens; whoever does helps. */
export type Look<T> = { finish(): T };

/**
 * Rows of `table` whose directory below `top` is not the one with the change time that is remembered, or no directory.
 * Undefined where that cannot be told: the caller looks at each. `place` is a directory of cordon's own.
 */
export const beginLook = (
  top: string,
  table: DirectoryTable,
  place: string,
  { from, to }: Range = { from: 0, to: countOf(table) },
): Look<number[]> | undefined => {
  if (!isLarge(countOf(table)) || process.platform !== "linux") return undefined;
  let directory: number | undefined;
  try {
    compiled ??= compile(place);
    const { look_begin: begin, look_finish: finish } = compiled;
    const addresses = addressesOf(...functions);
    if (addresses.includes(0n)) return undefined;
    directory = fs.openSync(top, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    const fd = directory;
    const differs = new Uint8Array(to - from).fill(1);
    const { paths, starts, changedMs, inodes } = table;
    const columns = [paths, starts.subarray(from), changedMs.subarray(from), inodes.subarray(from), differs];
    const numbers = [fd, differs.length, threadsFor(differs.length), ...columns.map((column) => ptr(column))];
    const request = new BigInt64Array([...addresses, ...numbers.map(BigInt), ...room]);
    begin(ptr(request));
    let found: number[] | undefined;
    const end = (): number[] => {
      finish(ptr(request));
      fs.closeSync(fd);
      return placesOf(1, columns.at(-1) as Uint8Array).map((at) => from + at);
    };
    return {
      finish: () => {
        found ??= end();
        return found;
      },
    };
  } catch {
    if (directory !== undefined) fs.closeSync(directory);
    return undefined;
  }
};

/** Whoever waits for them helps. */
const threadsFor = (count: number): number =>
  Math.min(Math.max(1, os.availableParallelism() - 1), mostThreads, Math.floor(count / leastEach));

/** What of a tree is not as a table has it: of a large tree nothing else needs to be looked at again, or remembered. */
export type Part = {
  /** Paths of the directories that differ. */
  differing: string[];
  /** These, with what is remembered of those right below them, and the top: parents first. */
  rows: DirectoryRow[];
};

/** And which directories hold something that the host executes later, by its name. */
export type KnownDirectories = Part & {
  notable: string[];
  /** True when so many directories are looked at at all. */
  isReached(atLeast: number): boolean;
};

/** Undefined where it cannot be told. */
export type Changed = {
  atOnce(): Part | undefined;
  /** Some three milliseconds a step. */
  inSteps(): Generator<void, Part | undefined>;
  judged(): Pick<KnownDirectories, "notable" | "isReached">;
};

/** `tableOf` is asked when somebody wants to know. */
export const changedSince = (top: string, tableOf: () => DirectoryTable, place: string): Changed => ({
  atOnce: () => {
    const differing = beginLook(top, tableOf(), place)?.finish();
    return differing && partOf(tableOf(), differing);
  },
  *inSteps() {
    const table = tableOf();
    const all: number[] = [];
    for (let from = 0; from < countOf(table); from += rowsPerStep) {
      const to = Math.min(from + rowsPerStep, countOf(table));
      const look = beginLook(top, table, place, { from, to });
      if (look === undefined) return undefined;
      for (const row of look.finish()) all.push(row);
      yield;
    }
    return partOf(table, all);
  },
  judged: () => ({
    notable: rowsMarked(tableOf(), notableMark).map((row) => pathAt(tableOf(), row)),
    isReached: (atLeast) => hasMarked(tableOf(), reachedMark, atLeast),
  }),
});

const partOf = (table: DirectoryTable, differing: number[]): Part => {
  const wanted = new Set([0, ...differing]);
  const around = new Set(differing);
  if (around.size > 0)
    table.parents.forEach((parent, row) => {
      if (around.has(parent)) wanted.add(row);
    });
  const rows = [...wanted].sort((a, b) => a - b).map((row) => rowAt(table, row));
  return { differing: differing.map((row) => pathAt(table, row)), rows };
};

/** What a killed one has left is taken away. */
const compile = (place: string) => {
  for (const name of fs.readdirSync(place))
    if (/^look-\d+-/.test(name) && !isRunning(Number(name.split("-")[1])))
      fs.rmSync(path.join(place, name), { recursive: true, force: true });
  const scratch = fs.mkdtempSync(path.join(place, `look-${process.pid}-`));
  try {
    return compileNative(scratch, source, "look_begin", "look_finish");
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
};
