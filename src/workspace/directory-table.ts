import { isAscii } from "node:buffer";
import fs from "node:fs";
import { rulesVersion } from "./later-reach.ts";
import { decodeName, encodeName } from "./name-bytes.ts";

/**
 * The directories of a tree as somebody has seen them, parents first, in columns: a large tree has so many that a look
 * at them costs less than an object for each.
 */
export type DirectoryTable = {
  /** Relative paths, each with a NUL behind it; that of the top is empty. */
  paths: Buffer;
  /** Where each path starts, and one more for the end. */
  starts: Uint32Array;
  /** Row of the directory around it; of the top its own. */
  parents: Uint32Array;
  /** Change times as `fs.Stats` has them, 0 where it may change without a sign. */
  changedMs: Float64Array;
  inodes: Float64Array;
  /** What else is known of each, one bit for each fact. */
  marks: Uint8Array;
};

/** A `.git` stands in it. */
export const gitMark = 1;
/** All that was in it at that time belonged to this user and group. */
export const ownMark = 2;
/** Something may lie in it that a host executes later, by its name. */
export const notableMark = 4;
/** A look for what the host executes later comes here. */
export const reachedMark = 8;
/** Nobody could look into it. */
export const closedMark = 16;
const allMarks = 31;

export type DirectoryRow = { path: string; changedMs: number; inode: number; marks: number };

/** Whether a look by native code pays: compiling it costs about as much as the runtime needs for so many. */
export const isLarge = (directories: number): boolean => directories >= 1_500;

export const countOf = ({ parents }: DirectoryTable): number => parents.length;

/** As `name-bytes.ts` spells it. */
export const pathAt = ({ paths, starts }: DirectoryTable, row: number): string => {
  const [from, to] = [starts[row]!, starts[row + 1]! - 1];
  const bytes = paths.subarray(from, to);
  return isAscii(bytes) ? paths.toString("latin1", from, to) : decodeName(bytes);
};

export const rowAt = (table: DirectoryTable, row: number): DirectoryRow => ({
  path: pathAt(table, row),
  changedMs: table.changedMs[row]!,
  inode: table.inodes[row]!,
  marks: table.marks[row]!,
});

export function* rowsOf(table: DirectoryTable): Generator<DirectoryRow, void> {
  for (let row = 0; row < countOf(table); row++) yield rowAt(table, row);
}

/** Whether one of a table has a mark. */
export const isMarked = ({ marks }: DirectoryTable, row: number, mark: number): boolean => (marks[row]! & mark) !== 0;

/** Rows that have a mark, in order. A loop over all rows would take longer than a search for each value. */
export const rowsMarked = ({ marks }: DirectoryTable, mark: number): number[] => {
  const rows: number[] = [];
  for (let value = mark; value <= allMarks; value++)
    if ((value & mark) !== 0) for (const row of placesOf(value, marks)) rows.push(row);
  return rows.sort((a, b) => a - b);
};

/** Whether so many have a mark. */
export const hasMarked = ({ marks }: DirectoryTable, mark: number, atLeast: number): boolean => {
  let missing = atLeast;
  for (let row = 0; missing > 0 && row < marks.length; row++) if ((marks[row]! & mark) !== 0) missing -= 1;
  return missing <= 0;
};

/** Where a value stands. */
export const placesOf = (value: number, bytes: Uint8Array): number[] => {
  const found: number[] = [];
  for (let at = bytes.indexOf(value); at >= 0; at = bytes.indexOf(value, at + 1)) found.push(at);
  return found;
};

/** Rows of the directories right below one, each a look at all of them. */
export const childrenOf = ({ parents }: DirectoryTable, row: number): number[] => {
  const found: number[] = [];
  for (let at = parents.indexOf(row, 1); at > 0; at = parents.indexOf(row, at + 1)) found.push(at);
  return found;
};

/** `rows` must be parents first, and begin with the top. */
export const makeTable = (rows: readonly DirectoryRow[]): DirectoryTable => {
  const starts = new Uint32Array(rows.length + 1);
  const parents = new Uint32Array(rows.length);
  const numbers = new Map<string, number>();
  const texts: (string | Buffer)[] = [];
  let isPlain = true;
  rows.forEach(({ path }, row) => {
    const text = encodeName(path);
    isPlain &&= typeof text === "string";
    texts.push(text);
    starts[row + 1] = starts[row]! + Buffer.byteLength(text) + 1;
    numbers.set(path, row);
    parents[row] = numbers.get(path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "") ?? 0;
  });
  const paths = isPlain
    ? Buffer.from(texts.map((text) => `${text}\0`).join(""))
    : Buffer.concat(texts.flatMap((text) => [Buffer.from(text as string), Buffer.of(0)]));
  return {
    ...{ paths, starts, parents },
    changedMs: Float64Array.from(rows, ({ changedMs }) => changedMs),
    inodes: Float64Array.from(rows, ({ inode }) => inode),
    marks: Uint8Array.from(rows, ({ marks }) => marks),
  };
};

/** Says what the file is, and of which make. */
const mark = 0x32_54_44_43;
const headBytes = 16;

/** Undefined when there is none, or it is no such file, or its marks were made by other rules. */
export const readTable = (file: string): DirectoryTable | undefined => {
  try {
    const { buffer, byteOffset, length } = fs.readFileSync(file);
    const bytes = byteOffset % 8 === 0 ? buffer : buffer.slice(byteOffset, byteOffset + length);
    const start = byteOffset % 8 === 0 ? byteOffset : 0;
    const [found, count = 0, pathBytes = 0, rules] = new Uint32Array(bytes, start, 4);
    const [inodes, starts, parents] = [8 * count, 16 * count, 20 * count + 4].map((at) => start + headBytes + at);
    const marks = start + headBytes + 24 * count + 4;
    if (found !== mark || rules !== rulesVersion || length !== headBytes + 25 * count + 4 + pathBytes || count === 0)
      return undefined;
    const table = {
      changedMs: new Float64Array(bytes, start + headBytes, count),
      inodes: new Float64Array(bytes, inodes, count),
      starts: new Uint32Array(bytes, starts, count + 1),
      parents: new Uint32Array(bytes, parents, count),
      marks: new Uint8Array(bytes, marks, count),
      paths: Buffer.from(bytes, marks + count, pathBytes),
    };
    return table.starts[count] === pathBytes && table.paths.at(-1) === 0 ? table : undefined;
  } catch {
    return undefined;
  }
};

/** Leaves no file where the disk is full: the next look takes longer. */
export const writeTable = (file: string, table: DirectoryTable): void => {
  const temporary = `${file}.${crypto.randomUUID()}`;
  const { changedMs, inodes, starts, parents, marks, paths } = table;
  const head = new Uint32Array([mark, parents.length, paths.length, rulesVersion]);
  const columns = [head, changedMs, inodes, starts, parents, marks];
  try {
    const parts = columns.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength));
    fs.writeFileSync(temporary, Buffer.concat([...parts, paths]), { mode: 0o600 });
    fs.renameSync(temporary, file);
  } catch {
    fs.rmSync(temporary, { force: true });
    fs.rmSync(file, { force: true });
  }
};
