import { ptr } from "bun:ffi";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { addressesOf, compileNative } from "../guest/native.ts";
import { countOf, type DirectoryRow, type DirectoryTable, rowAt } from "./directory-table.ts";
import source from "./look.c" with { type: "text" };

/** Looks at all directories of a table at once, of a tree that is so large that this pays. */

/** Compiling costs about as much as the runtime needs for so many. */
const leastDirectories = 1_500;
const mostThreads = 4;
const leastEach = 1_000;
const rowsPerStep = 1_500;
const { O_DIRECTORY, O_NOFOLLOW } = fs.constants;
const O_PATH = 0o10000000;

type Look = ReturnType<typeof compileNative>;
let compiled: Look | undefined;

/** Some rows of a table, from one to before another. */
type Range = { from: number; to: number };

/**
 * Rows of `table` whose directory below `top` is not the one with the change time that is remembered, or no directory.
 * Undefined where that cannot be told: the caller looks at each. `place` is a directory of cordon's own.
 */
export const findDiffering = (
  top: string,
  table: DirectoryTable,
  place: string,
  { from, to }: Range = { from: 0, to: countOf(table) },
): number[] | undefined => {
  if (countOf(table) < leastDirectories || process.platform !== "linux") return undefined;
  let directory: number | undefined;
  try {
    compiled ??= compile(place);
    directory = fs.openSync(top, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    const differs = new Uint8Array(to - from).fill(1);
    const { starts, changedMs, inodes } = table;
    const threads = Math.max(
      1,
      Math.min(os.availableParallelism(), mostThreads, Math.floor(differs.length / leastEach)),
    );
    const functions = addressesOf("statx", "pthread_create", "pthread_join", "pthread_sigmask");
    if (functions.includes(0n)) return undefined;
    const columns = [table.paths, starts.subarray(from), changedMs.subarray(from), inodes.subarray(from), differs];
    const fields = [...functions, ...[directory, differs.length, threads].map(BigInt)];
    compiled(ptr(new BigInt64Array([...fields, ...columns.map((column) => BigInt(ptr(column)))])));
    const found: number[] = [];
    for (let at = differs.indexOf(1); at >= 0; at = differs.indexOf(1, at + 1)) found.push(from + at);
    return found;
  } catch {
    return undefined;
  } finally {
    if (directory !== undefined) fs.closeSync(directory);
  }
};

/** What of a table is not so any more; see `changedSince`. Undefined where it cannot be told. */
export type Changed = {
  atOnce(): DirectoryRow[] | undefined;
  /** Some three milliseconds a step. */
  inSteps(): Generator<void, DirectoryRow[] | undefined>;
};

/** The directories that differ, each with what is remembered of those right below it, and the top: parents first. */
export const changedSince = (top: string, table: DirectoryTable, place: string): Changed => ({
  atOnce: () => {
    const differing = findDiffering(top, table, place);
    return differing && withChildren(table, differing);
  },
  *inSteps() {
    const all: number[] = [];
    for (let from = 0; from < countOf(table); from += rowsPerStep) {
      const to = Math.min(from + rowsPerStep, countOf(table));
      const differing = findDiffering(top, table, place, { from, to });
      if (differing === undefined) return undefined;
      for (const row of differing) all.push(row);
      yield;
    }
    return withChildren(table, all);
  },
});

const withChildren = (table: DirectoryTable, differing: number[]): DirectoryRow[] => {
  const isWanted = new Uint8Array(countOf(table));
  for (const row of [0, ...differing]) isWanted[row] = 1;
  const around = new Set(differing);
  table.parents.forEach((parent, row) => {
    if (around.has(parent)) isWanted[row] = 1;
  });
  const found: DirectoryRow[] = [];
  for (let row = isWanted.indexOf(1); row >= 0; row = isWanted.indexOf(1, row + 1)) found.push(rowAt(table, row));
  return found;
};

const compile = (place: string): Look => {
  const scratch = fs.mkdtempSync(path.join(place, "look-"));
  try {
    return compileNative(scratch, source, "look_at");
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
};
