import fs, { constants } from "node:fs";
import path from "node:path";
import { isStill, tryLock } from "../file-lock.ts";
import type { Places } from "../places.ts";
import type { Rule } from "../policy.ts";

export type AuditEvent = "allowed" | "denied" | "failed" | "rule";
export type AuditVia = "tcp" | "dns" | "proxy" | "socks" | "http" | "publish" | "host-port";

/** What the gateway saw. Host, path and reason may be the sandbox's own words. */
export type Happening = {
  event: AuditEvent;
  host: string;
  port?: number;
  via?: AuditVia;
  reason?: string;
  rule?: Rule;
  up?: number;
  down?: number;
  method?: string;
  path?: string;
};

/** One line of the audit file. `count` stands in an entry for repetitions, and does not count the first time. */
export type AuditEntry = Happening & { time: string; run: string; project: string; agent: string; count?: number };

export type Audit = { record(happening: Happening): void; flush(): void; close(): void };

export type AuditOptions = {
  file: string;
  run: string;
  project: string;
  agent: string;
  /** Called once, with what went wrong, when entries are lost. */
  onTrouble?: (problem: string) => void;
};

/** One file for all runs of this user. */
export const auditFile = (places: Places): string => path.join(places.state, "audit.jsonl");

const flushMs = 250;
const repeatMs = 10_000;
const maxDistinct = 1000;
const maxQueued = 256 * 1024;
/** An entry of another run may stand before and behind any write, but never inside one. */
const maxLineBytes = 4096;
const maxFileBytes = 8 * 1024 * 1024;
const maxTextLength = 256;
const maxTightLength = 64;
const newline = 10;

/** `file` may be shared by any number of runs. Nothing is opened before the first entry, and nothing here throws. */
export const openAudit = ({ file, run, project, agent, onTrouble = () => {} }: AuditOptions): Audit => {
  let queued = "";
  let isTroubled = false;
  let flushTimer: NodeJS.Timeout | undefined;
  let repeatTimer: NodeJS.Timeout | undefined;
  const write = () => {
    clearTimeout(flushTimer);
    flushTimer = undefined;
    const text = queued;
    queued = "";
    const problem = text === "" ? undefined : tryAppend(file, text);
    if (problem === undefined || isTroubled) return;
    isTroubled = true;
    onTrouble(problem);
  };
  const queue = (happening: Happening, count?: number) => {
    const entry = { time: new Date().toISOString(), run, project, agent, ...happening, ...(count && { count }) };
    queued += formatEntry(entry);
    if (queued.length > maxQueued) write();
    else flushTimer ??= setTimeout(write, flushMs).unref();
  };
  const repeats = createRepeats(queue);
  const settle = () => {
    clearTimeout(repeatTimer);
    repeatTimer = repeats.settle() ? setTimeout(settle, repeatMs).unref() : undefined;
  };
  const flush = () => {
    settle();
    write();
  };
  return {
    record(happening) {
      repeats.add(cutTexts(happening, maxTextLength));
      repeatTimer ??= setTimeout(settle, repeatMs).unref();
    },
    flush,
    close() {
      flush();
      clearTimeout(repeatTimer);
    },
  };
};

/**
 * What repeats is said once at once, then as a number from time to time; what has too many names, as a number only. That
 * goes for all that costs nothing inside, so that nobody can push older entries out: all but connections and rules.
 */
const createRepeats = (say: (happening: Happening, count?: number) => void) => {
  const known = new Map<string, { first: Happening; count: number }>();
  const others = new Map<AuditEvent, number>();
  return {
    add(happening: Happening): void {
      const { event, host, port, via, reason, method, path } = happening;
      const key = JSON.stringify([event, host, port, via, reason, method, path]);
      const before = known.get(key);
      if (event === "rule" || (event === "allowed" && method === undefined)) say(happening);
      else if (before) before.count++;
      else if (known.size === maxDistinct) others.set(event, (others.get(event) ?? 0) + 1);
      else {
        known.set(key, { first: happening, count: 0 });
        say(happening);
      }
    },
    /** Says what has come together. False when nothing is left to watch. */
    settle(): boolean {
      for (const [key, repeat] of known) {
        if (repeat.count === 0) known.delete(key);
        else say(repeat.first, repeat.count);
        repeat.count = 0;
      }
      for (const [event, count] of others) say({ event, host: "*", reason: "too many different ones to name" }, count);
      others.clear();
      return known.size > 0;
    },
  };
};

/** One line in printable ASCII, shorter than 4 KiB, with its newline: nothing in it can steer a terminal or tear. */
export const formatEntry = (entry: AuditEntry): string => {
  const { time, run, project, agent, event, host, port, via, count } = entry;
  const bare = { time, run, project, agent, event, host, port, via, count };
  const candidates = [entry, bare, cutTexts(bare, maxTextLength)].map(encode);
  return candidates.find((line) => line.length < maxLineBytes) ?? encode(cutTexts(bare, maxTightLength));
};

const encode = (value: object): string =>
  `${JSON.stringify(value).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)}\n`;

const cutTexts = <Value extends object>(value: Value, length: number): Value =>
  Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key, typeof part === "string" ? part.slice(0, length) : part]),
  ) as Value;

/** What went wrong, if anything. */
const tryAppend = (file: string, text: string): string | undefined => {
  try {
    const fd = openCurrent(file);
    try {
      const bytes = Buffer.from(endsTorn(fd) ? `\n${text}` : text);
      return fs.writeSync(fd, bytes) === bytes.length ? undefined : `${file}: no space left`;
    } finally {
      fs.closeSync(fd);
    }
  } catch (cause) {
    return `${file}: ${(cause as Error).message}`;
  }
};

/** A disk that was full ends in the middle of a line, and what comes next shall not be lost with it. */
const endsTorn = (fd: number): boolean => {
  const last = new Uint8Array(1);
  const { size } = fs.fstatSync(fd);
  return size > 0 && fs.readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== newline;
};

/** Only who holds the lock of the file that has the name may take the name away: two that do so at once take it once. */
const openCurrent = (file: string): number => {
  const fd = openForAppending(file);
  if (fs.fstatSync(fd).size < maxFileBytes) return fd;
  try {
    if (tryLock(fd) && isStill(file, fd)) fs.renameSync(file, previousOf(file));
  } finally {
    fs.closeSync(fd);
  }
  return openForAppending(file);
};

const openForAppending = (file: string): number => {
  const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  const open = () => fs.openSync(file, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
  let fd: number;
  try {
    fd = open();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    fd = open();
  }
  const stat = fs.fstatSync(fd);
  if (stat.isFile()) {
    if ((stat.mode & 0o077) !== 0) fs.fchmodSync(fd, 0o600);
    return fd;
  }
  fs.closeSync(fd);
  throw new Error("it is not a regular file");
};

export const previousOf = (file: string): string => `${file}.1`;
