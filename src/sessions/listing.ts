import { isUtf8 } from "node:buffer";
import fs from "node:fs";
import { errorOf } from "../errors.ts";
import { openUnnamed } from "../unnamed-file.ts";
import { type GitCall, runGit } from "../workspace/git.ts";
import { decodeName } from "../workspace/name-bytes.ts";
import type { Repository } from "../workspace/repository.ts";
import { readText, statOf, walkTree } from "../workspace/walk.ts";
import { splitBytes } from "./tree-diff.ts";

/** What a copy of a project consists of, as paths relative to its top (see `name-bytes.ts`). Parents come first. */
export type Listing = {
  /** With their permissions. */
  directories: Map<string, number>;
  /** Regular files and links. */
  files: string[];
  /** Sockets, pipes and devices. */
  special: string[];
  /** Of this user, and closed to it; or deeper than a path can say. */
  unreadable: string[];
};

const includeName = ".worktreeinclude";
const largestInclude = 1024 * 1024;
const mostListedBytes = 512 * 1024 * 1024;
const listTimeoutMs = 120_000;

const startListing = (): Listing => ({ directories: new Map(), files: [], special: [], unreadable: [] });

/** Everything in a directory. */
export const listAll = (project: string): Listing => {
  const listing = startListing();
  addTree(listing, project, "", { withGit: true });
  return listing;
};

/**
 * What git would take note of: tracked files, untracked ones that are not ignored, and those ignored ones that a
 * `.worktreeinclude` at the top names. The files of nested repositories and submodules are there, all of them: what
 * stands in their git directories may be an agent's, so git is not asked about them. No `.git` is. Throws
 * E_LAUNCH_FAILED when git cannot tell.
 */
export const listWorkingTree = async (repository: Repository, git: string): Promise<Listing> => {
  const { gitDir, top } = repository;
  const call: GitCall = { git, repository: { gitDir, top }, timeoutMs: listTimeoutMs, maxBytes: mostListedBytes };
  const named = await listNamed(["--cached", "--others", "--exclude-standard"], call);
  const included = await listIncluded(top, call);
  const listing = startListing();
  const isPlain = openParents(listing, top);
  for (const path of new Set([...named, ...included].map((path) => path.replace(/\/$/, ""))))
    if (isPlain(parentOf(path))) addNamed(listing, top, path);
  return listing;
};

const addNamed = (listing: Listing, top: string, path: string): void => {
  const stat = statOf(top, path);
  if (stat === "missing") return;
  if (stat === "unreadable") listing.unreadable.push(path);
  else if (stat.isFile() || stat.isSymbolicLink()) listing.files.push(path);
  else if (!stat.isDirectory()) listing.special.push(path);
  else if (statOf(top, `${path}/.git`) === "missing") listing.directories.set(path, Number(stat.mode & 0o777n));
  else addTree(listing, top, path, { withGit: false });
};

/** Without a limit: what is left out is lost to the session. */
const addTree = (listing: Listing, top: string, below: string, { withGit }: { withGit: boolean }): void => {
  const full = (path: string) => [below, path].filter(Boolean).join("/");
  const root = below === "" ? top : `${top}/${below}`;
  const unseen = walkTree(root, Number.MAX_SAFE_INTEGER, {
    folder: ({ path, stat }) => {
      if (full(path) !== "") listing.directories.set(full(path), Number(stat.mode & 0o777n));
    },
    entry: ({ name, path, kind }) => {
      if (name === ".git" && !withGit) return "never";
      if (kind === "other") listing.special.push(full(path));
      else if (kind !== "directory") listing.files.push(full(path));
      return "later";
    },
  });
  listing.unreadable.push(...unseen.unreadable.map(full));
};

/** Tells of a directory whether one comes there without following a link, and takes note of all on the way. */
const openParents = ({ directories }: Listing, top: string): ((directory: string) => boolean) => {
  const known = new Map([["", true]]);
  const isPlain = (directory: string): boolean => {
    const before = known.get(directory);
    if (before !== undefined) return before;
    const stat = isPlain(parentOf(directory)) ? statOf(top, directory) : "missing";
    const answer = typeof stat !== "string" && stat.isDirectory();
    if (answer) directories.set(directory, Number(stat.mode & 0o777n));
    known.set(directory, answer);
    return answer;
  };
  return isPlain;
};

const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));

/** The patterns come from a file without a name: by its own, a link or a pipe could be read in its place. */
const listIncluded = async (top: string, call: GitCall): Promise<string[]> => {
  const patterns = readText(top, includeName, largestInclude);
  if (!patterns) return [];
  const fd = openUnnamed(Buffer.from(patterns));
  try {
    return await listNamed(["--others", "--ignored", `--exclude-from=/proc/${process.pid}/fd/${fd}`], call);
  } finally {
    fs.closeSync(fd);
  }
};

const listNamed = async (args: string[], call: GitCall): Promise<string[]> => {
  const { code, stdout, stderr } = await runGit(["ls-files", "-z", ...args], call);
  if (code !== 0) throw errorOf("E_LAUNCH_FAILED", "cannot list the files of the project", stderr.split("\n")[0]!);
  const bytes = Buffer.from(stdout.buffer, stdout.byteOffset, stdout.length);
  const paths = isUtf8(bytes) ? bytes.toString().split("\0") : splitBytes(bytes).map(decodeName);
  return paths.filter((path) => path !== "");
};
