import fs from "node:fs";
import path from "node:path";
import { holdDirectory, release } from "./held-directory.ts";
import { findNested } from "./nested.ts";
import { isRefName, parsePackedRefs, parseRefValue, type Refs, readRefs, resolveValue, targetOf } from "./refs.ts";
import { readRegularFile } from "./regular-file.ts";

/** The git repository around a project, looked at before anything starts. Paths absolute and real. */
export type Repository = {
  /** The working tree's top level. */
  top: string;
  /** Its own git directory; for a linked worktree `…/.git/worktrees/NAME`. */
  gitDir: string;
  /** Where objects, references and settings are. */
  commonDir: string;
  /** The object stores: its own, then the chain of alternates. */
  objects: string[];
  /** The full reference of HEAD, undefined when detached. */
  branch: string | undefined;
  /** The commit of HEAD, undefined when unborn. */
  head: string | undefined;
  hashAlgorithm: "sha1" | "sha256";
  /** It is a linked worktree. */
  isLinked: boolean;
  /** Other `.git` (directories, gitfiles) in the tree below top, as relative paths. */
  nested: string[];
};

/**
 * The repository around a directory, undefined when there is none, read as data without running git. `cache` names a
 * file of cordon's own in which the look for nested repositories remembers what it saw. Throws when there is one that it
 * cannot read.
 */
export const lookAtRepository = (directory: string, { cache }: { cache?: string } = {}): Repository | undefined => {
  for (let top = fs.realpathSync.native(directory); ; top = path.dirname(top)) {
    const found = readRepository(top);
    if (found) return { ...found, nested: findNested(top, cache).paths };
    const unknown = locateGitDirectory(top);
    // Another git might read it (references in a reftable, for one); it would stand open to whoever runs inside.
    if (unknown !== undefined && isDirectory(path.join(unknown, "objects")))
      throw new Error(`${unknown}: its HEAD cannot be read`);
    if (top === path.dirname(top)) return undefined;
  }
};

/** The repository whose `.git` stands in this very directory, without a look for nested ones. */
export const readRepository = (top: string): Repository | undefined => {
  const gitDir = locateGitDirectory(top);
  if (gitDir === undefined) return undefined;
  const commonDir = commonOf(gitDir);
  if (commonDir === undefined || !isDirectory(path.join(commonDir, "objects"))) return undefined;
  const head = readHead(gitDir);
  if (head === undefined) return undefined;
  const branch = targetOf(head);
  const config = readSmall(path.join(commonDir, "config")) ?? "";
  return {
    top,
    gitDir,
    commonDir,
    objects: listObjectStores(path.join(commonDir, "objects")),
    branch,
    head: resolveHead(commonDir, head),
    hashAlgorithm: /^\s*objectformat\s*=\s*"?sha256/im.test(config) ? "sha256" : "sha1",
    isLinked: commonDir !== gitDir,
    nested: [],
  };
};

/** Where a `.git` leads: itself, what its link leads to, or what the gitfile names (gitrepository-layout(5)). */
const locateGitDirectory = (top: string): string | undefined => {
  const entry = path.join(top, ".git");
  const stat = statOf(entry);
  if (stat?.isDirectory()) return realOf(entry);
  if (!stat?.isFile()) return undefined;
  const named = readSmall(entry);
  if (!named?.startsWith("gitdir: ")) return undefined;
  return realOf(path.resolve(top, trimLines(named.slice("gitdir: ".length))));
};

const commonOf = (gitDir: string): string | undefined => {
  const named = readSmall(path.join(gitDir, "commondir"));
  return named === undefined ? gitDir : realOf(path.resolve(gitDir, trimLines(named)));
};

/** What HEAD says: an object id or `ref: NAME`. In old repositories it is a link. */
export const readHead = (gitDir: string): string | undefined => {
  const file = path.join(gitDir, "HEAD");
  const stat = fs.lstatSync(file, { throwIfNoEntry: false });
  if (stat?.isSymbolicLink()) return isRefName(fs.readlinkSync(file)) ? `ref: ${fs.readlinkSync(file)}` : undefined;
  const text = readSmall(file);
  return text === undefined ? undefined : parseRefValue(text);
};

/** The commit that a HEAD leads to, without reading all references; undefined when it leads nowhere. */
export const resolveHead = (commonDir: string, head: string): string | undefined => {
  const branch = targetOf(head);
  return branch === undefined ? head : lookUpRef(commonDir, branch);
};

const lookUpRef = (commonDir: string, name: string, depth = 5): string | undefined => {
  const loose = parseRefValue(readSmall(path.join(commonDir, name)) ?? "");
  if (loose !== undefined) {
    const target = targetOf(loose);
    return target === undefined ? loose : depth > 0 ? lookUpRef(commonDir, target, depth - 1) : undefined;
  }
  const packed = readFile(path.join(commonDir, "packed-refs"));
  const at = packed?.indexOf(` ${name}\n`) ?? -1;
  if (packed === undefined || at < 0) return undefined;
  const refs: Refs = new Map();
  parsePackedRefs(packed.slice(packed.lastIndexOf("\n", at) + 1, at + name.length + 1), refs);
  return resolveValue(`ref: ${name}`, refs);
};

/** All references that a repository's working trees share, read from its files. */
export const readHostRefs = (commonDir: string): Refs => {
  const held = holdDirectory(commonDir);
  try {
    return readRefs(held).refs;
  } finally {
    release(held);
  }
};

/** An object store and those it borrows from, each once. git goes five deep (`objects/info/alternates`). */
const listObjectStores = (store: string, depth = 5, seen = new Set<string>()): string[] => {
  const real = realOf(store);
  if (real === undefined || seen.has(real) || !isDirectory(real)) return [];
  seen.add(real);
  const lines = (readSmall(path.join(real, "info/alternates")) ?? "").split("\n");
  const borrowed = lines.filter((line) => line !== "" && !line.startsWith("#"));
  return [
    real,
    ...(depth > 0
      ? borrowed.flatMap((line) => listObjectStores(path.resolve(real, unquote(line)), depth - 1, seen))
      : []),
  ];
};

/** A path in C quotes, as git writes one with unusual bytes. */
const unquote = (line: string): string => {
  if (!/^".*"$/.test(line)) return line;
  const escapes: Record<string, number> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 };
  const bytes = [...line.slice(1, -1).matchAll(/\\([0-7]{3})|\\(.)|([^\\]+)/gs)].map(([, octal, escaped, plain]) =>
    octal !== undefined
      ? Buffer.from([Number.parseInt(octal, 8)])
      : Buffer.from(plain ?? (escapes[escaped!] ? String.fromCharCode(escapes[escaped!]!) : escaped!)),
  );
  return Buffer.concat(bytes).toString();
};

/** git takes a gitfile of at most a mebibyte, and every line end off its end (`read_gitfile_gently`). */
const readSmall = (file: string): string | undefined => readFile(file, 1024 * 1024);

const readFile = (file: string, maxBytes = 128 * 1024 * 1024): string | undefined =>
  readRegularFile(file, { maxBytes, followLinks: true });

const trimLines = (text: string): string => text.replace(/[\r\n]+$/, "");

const isDirectory = (target: string): boolean => statOf(target)?.isDirectory() ?? false;

/** Where links lead in a circle, or nobody may look, there is nothing. */
const statOf = (target: string): fs.Stats | undefined => {
  try {
    return fs.statSync(target, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
};

const realOf = (target: string): string | undefined => {
  try {
    return fs.realpathSync.native(target);
  } catch {
    return undefined;
  }
};
