import fs, { constants } from "node:fs";
import { isStill } from "../file-lock.ts";
import { isWithin } from "../places.ts";
import { type AuditEntry, previousOf } from "./audit.ts";

export type AuditFilter = {
  /** Only of projects that contain this directory. */
  within?: string;
  onlyDenied?: boolean;
  /** At most so many, the latest. */
  last?: number;
};

const pollMs = 200;
const chunkBytes = 1024 * 1024;
const newline = 10;

/** The entries of the file and of the one before it, oldest first. What is no entry is passed over. */
export const readAudit = (file: string, filter: AuditFilter): AuditEntry[] => {
  const reader = openReader(file, filter);
  try {
    return latest(reader.read(), filter.last);
  } finally {
    reader.close();
  }
};

/**
 * Shows what is there and then what comes, across changes of file, until `goesOn` says no. It is asked after every
 * look, five times a second.
 */
export const followAudit = async (
  file: string,
  filter: AuditFilter,
  show: (entry: AuditEntry) => void,
  goesOn: () => boolean,
): Promise<void> => {
  const reader = openReader(file, filter);
  try {
    for (const entry of latest(reader.read(), filter.last)) show(entry);
    for (; goesOn(); await Bun.sleep(pollMs)) for (const entry of reader.read()) show(entry);
  } finally {
    reader.close();
  }
};

const latest = (entries: AuditEntry[], count: number | undefined): AuditEntry[] =>
  count === undefined ? entries : entries.slice(Math.max(0, entries.length - count));

/** Every `read` gives what has come since the one before; the first gives everything. */
const openReader = (file: string, filter: AuditFilter): { read(): AuditEntry[]; close(): void } => {
  let source = openSource(file);
  const before = openSource(previousOf(file));
  const entries: AuditEntry[] = [];
  const drain = (from: Source) => {
    for (const line of readLines(from)) {
      const entry = parseEntry(line);
      if (entry && matches(entry, filter)) entries.push(entry);
    }
  };
  if (before) {
    if (!source || before.inode !== source.inode) drain(before);
    fs.closeSync(before.fd);
  }
  return {
    read() {
      if (source) drain(source);
      if (!source || !isStill(file, source.fd)) {
        // Written between the look at the file and the change of name.
        if (source) drain(source);
        if (source) fs.closeSync(source.fd);
        source = openSource(file);
        if (source) drain(source);
      }
      return entries.splice(0);
    },
    close() {
      if (source) fs.closeSync(source.fd);
    },
  };
};

type Source = { fd: number; inode: number; at: number; rest: Buffer };

const openSource = (file: string): Source | undefined => {
  try {
    const fd = fs.openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stat = fs.fstatSync(fd);
    if (stat.isFile()) return { fd, inode: stat.ino, at: 0, rest: Buffer.alloc(0) };
    fs.closeSync(fd);
  } catch {}
  return undefined;
};

/** The lines that are complete by now. A file that somebody has emptied is read from its start. */
const readLines = function* (source: Source): Generator<string> {
  const { size } = fs.fstatSync(source.fd);
  if (size === source.at) return;
  if (size < source.at) Object.assign(source, { at: 0, rest: Buffer.alloc(0) });
  const chunk = Buffer.alloc(chunkBytes);
  for (let count = 1; count > 0; ) {
    count = fs.readSync(source.fd, chunk, 0, chunk.length, source.at);
    source.at += count;
    const bytes = Buffer.concat([source.rest, chunk.subarray(0, count)]);
    const end = bytes.lastIndexOf(newline) + 1;
    // A line without an end is none of cordon's, however long it gets.
    source.rest = bytes.length - end > chunkBytes ? Buffer.alloc(0) : Buffer.from(bytes.subarray(end));
    yield* bytes.toString("utf8", 0, end).split("\n");
  }
};

const events: readonly unknown[] = ["allowed", "denied", "failed", "rule"];
const texts = ["time", "run", "project", "agent", "host"];
const optionalTexts = ["via", "reason", "method", "path"];
const optionalNumbers = ["port", "up", "down", "count"];

const parseEntry = (line: string): AuditEntry | undefined => {
  if (line === "") return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return isEntry(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

const isEntry = (value: unknown): value is AuditEntry => {
  if (!isObject(value) || !events.includes(value["event"])) return false;
  const are = (keys: string[], ...types: string[]) => keys.every((key) => types.includes(typeof value[key]));
  const { rule } = value;
  return (
    are(texts, "string") &&
    are(optionalTexts, "string", "undefined") &&
    are(optionalNumbers, "number", "undefined") &&
    (rule === undefined || (isObject(rule) && [rule["value"], rule["origin"]].every((it) => typeof it === "string")))
  );
};

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

const matches = (entry: AuditEntry, { within, onlyDenied }: AuditFilter): boolean =>
  (within === undefined || isWithin(within, entry.project)) && (!onlyDenied || entry.event === "denied");
