import { type Entry, type Held, inside, listEntries, readText, removeName, signatureOf } from "./held-directory.ts";

/** References of a repository, read as data: no link is followed, nothing is run, everything is bounded. Values are hex or `ref: NAME`. */
export type Ref = { value: string; peeled?: string };
export type Refs = Map<string, Ref>;

export type RefReading = {
  refs: Refs;
  /** Entries that are no references: bad names, bad values, links, too large. */
  skipped: number;
  /** False when a limit was reached: then there may be more. */
  isComplete: boolean;
};

const maxPackedBytes = 128 * 1024 * 1024;
const maxLoose = 50_000;
const maxDepth = 32;
const maxNameBytes = 1024;

/** Those belong to one working tree each, and are no part of what is shared (gitrepository-layout(5)). */
const perWorktree = /^refs\/(bisect|rewritten|worktree)(\/|$)/;

export const isObjectId = (text: string): boolean => /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);

/** The rules of git-check-ref-format(1), for full names only. */
export const isRefName = (name: string): boolean =>
  name.startsWith("refs/") &&
  name.length <= maxNameBytes &&
  !/[\x00-\x20\x7f~^:?*[\\\ufffd]|\.\.|@\{/.test(name) &&
  name.split("/").every((part) => part !== "" && !part.startsWith(".") && !part.endsWith(".lock")) &&
  !name.endsWith(".") &&
  name.split("/").length <= maxDepth;

/** What a loose reference or HEAD says; undefined when it is neither an object id nor the name of a reference. */
export const parseRefValue = (text: string): string | undefined => {
  const value = text.trimEnd();
  if (isObjectId(value)) return value;
  const target = /^ref:[ \t]*(\S.*)$/.exec(value)?.[1];
  return target !== undefined && isRefName(target) ? `ref: ${target}` : undefined;
};

/** Name of the reference that a symbolic value leads to. */
export const targetOf = (value: string): string | undefined =>
  value.startsWith("ref: ") ? value.slice("ref: ".length) : undefined;

/** All references of a git directory, loose ones over packed ones. */
export const readRefs = (directory: Held): RefReading => {
  const packed = readText(directory, "packed-refs", maxPackedBytes);
  const reading: RefReading = { refs: new Map(), skipped: 0, isComplete: true };
  if (packed !== undefined) reading.skipped = parsePackedRefs(packed, reading.refs);
  reading.isComplete = walkLoose(directory, (parent, name, full, kind) => {
    if (kind === "file" && name.endsWith(".lock")) return;
    const text = kind === "file" && isRefName(full) ? readText(parent, name, 4096) : undefined;
    const value = text === undefined ? undefined : parseRefValue(text);
    if (value === undefined) reading.skipped += 1;
    else reading.refs.set(full, { value });
  });
  return reading;
};

/** A text that is another one after any change of a reference, without reading them. */
export const fingerprintOf = (directory: Held): string => {
  const lines = [signatureOf(directory, "packed-refs") ?? ""];
  walkLoose(directory, (parent, name, full) => lines.push(`${full} ${signatureOf(parent, name) ?? ""}`));
  return new Bun.CryptoHasher("sha256").update(lines.sort().join("\n")).digest("hex");
};

/** Removes the locks of references that somebody who was killed has left behind. Only while nobody is inside. */
export const removeRefLocks = (directory: Held): void =>
  void walkLoose(directory, (parent, name) => {
    if (name.endsWith(".lock")) removeName(parent, name);
  });

type Visit = (parent: Held, name: string, full: string, kind: Entry["kind"]) => void;

/** Visits everything below `refs` that is no directory. False when a limit was reached. */
const walkLoose = (directory: Held, visit: Visit): boolean => {
  const budget = { left: maxLoose };
  const enter = (parent: Held, path: string): boolean => {
    const entries = listEntries(parent, "");
    if (entries === undefined) return false;
    let isComplete = true;
    for (const { name, kind } of entries) {
      const full = `${path}/${name}`;
      if (perWorktree.test(full)) continue;
      if (--budget.left < 0) return false;
      if (kind !== "directory" || name.startsWith(".")) visit(parent, name, full, kind);
      else if (full.split("/").length < maxDepth)
        isComplete = (inside(parent, [name], (child) => enter(child, full)) ?? true) && isComplete;
    }
    return isComplete;
  };
  return inside(directory, ["refs"], (refs) => enter(refs, "refs")) ?? true;
};

/** Adds the references of a `packed-refs` file; returns how many lines were none. */
export const parsePackedRefs = (text: string, refs: Refs): number => {
  let skipped = 0;
  let last: Ref | undefined;
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    if (line.startsWith("^")) {
      if (last && isObjectId(line.slice(1))) last.peeled = line.slice(1);
      else skipped += 1;
      continue;
    }
    const space = line.indexOf(" ");
    const [value, name] = [line.slice(0, space), line.slice(space + 1)];
    last = isObjectId(value) && isRefName(name) ? { value } : undefined;
    if (last) refs.set(name, last);
    else skipped += 1;
  }
  return skipped;
};

/** The text of a `packed-refs` file. Symbolic references cannot stand in one and are left out. */
export const formatPackedRefs = (refs: Refs): string => {
  const lines = [...refs]
    .filter(([, { value }]) => isObjectId(value))
    .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(([name, { value, peeled }]) => `${value} ${name}\n${peeled === undefined ? "" : `^${peeled}\n`}`);
  return `# pack-refs with: sorted \n${lines.join("")}`;
};

/** The object that a value leads to within these references; undefined when it leads nowhere. */
export const resolveValue = (value: string, refs: Refs, depth = 5): string | undefined => {
  const target = targetOf(value);
  if (target === undefined) return value;
  const next = refs.get(target);
  return next && depth > 0 ? resolveValue(next.value, refs, depth - 1) : undefined;
};
