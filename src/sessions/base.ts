import fs from "node:fs";
import path from "node:path";
import { errorOf } from "../errors.ts";
import type { Host } from "../host.ts";
import { type GitCall, listUserSettings, runGit } from "../workspace/git.ts";
import { findPrograms } from "../workspace/host-index.ts";
import { excludesPlace } from "../workspace/ignore.ts";
import { decodeName, encodeName } from "../workspace/name-bytes.ts";
import { lastLine } from "../workspace/private-refs.ts";
import { isObjectId } from "../workspace/refs.ts";
import type { Repository } from "../workspace/repository.ts";
import { showPath } from "../workspace/shown-path.ts";
import { statOf } from "../workspace/walk.ts";
import { type Base, startRef } from "./record.ts";
import { splitBytes } from "./tree-diff.ts";

/** The commit that a session starts from: the host's working tree as it is at that moment. */

export type BaseRequest = {
  host: Host;
  git: string;
  /** The host's, or the one that plays it. */
  repository: Repository;
  /** False: everything counts, also what a `.gitignore` names. */
  hasGit: boolean;
  id: string;
  name: string;
  /** The file in which its index stays. */
  index: string;
};

export type TakenBase = { base: Base; notes: string[] };

const patienceMs = 10 * 60_000;
const mostListedBytes = 1024 * 1024 * 1024;
const mostNamed = 3;

/**
 * Takes it and holds it on the host. Neither the user's index nor the working tree changes, and no program of the
 * repository is run: files are taken as they are, without filters. Submodules stay as they are recorded; repositories
 * that merely lie there, and files that cannot be read, are left out. Throws E_SESSION_FAILED.
 */
export const takeBase = async (request: BaseRequest): Promise<TakenBase> => {
  const { repository, index, id, name } = request;
  const temporary = `${index}.new`;
  const call = await quietCall(request, temporary);
  const fail = (stderr: string) => errorOf("E_SESSION_FAILED", name, lastLine(stderr), "`git status` says more");
  try {
    copyIndex(path.join(repository.gitDir, "index"), temporary);
    const [listed, own] = await Promise.all([
      listChanged(request, call),
      repository.head === undefined ? undefined : runGit(["rev-parse", "-q", "--verify", "HEAD^{tree}"], call),
    ]);
    if (typeof listed === "string") throw fail(listed);
    const { paths, notes } = selectPaths(repository.top, listed);
    if (paths.length > 0) {
      const input = Buffer.concat(paths.flatMap((entry) => [entry, Buffer.of(0)]));
      const add = ["update-index", "-z", "--add", "--remove", "--replace", "--stdin"];
      const added = await runGit(add, { ...call, input });
      if (added.code !== 0) throw fail(added.stderr);
    }
    const tree = await runGit(["write-tree", "--missing-ok"], call);
    if (tree.code !== 0) throw fail(tree.stderr);
    const { head, branch } = repository;
    const isClean = head !== undefined && own?.text === tree.text;
    const commit = isClean ? head : await commitTree(tree.text.trim(), request, call);
    if (!isObjectId(commit)) throw fail(commit);
    const pinned = await runGit(["update-ref", startRef(id), commit], call);
    if (pinned.code !== 0) throw fail(pinned.stderr);
    if (!fs.existsSync(temporary)) await runGit(["read-tree", "--empty"], call);
    fs.renameSync(temporary, index);
    return { base: { commit, head, branch }, notes };
  } finally {
    fs.rmSync(temporary, { force: true });
  }
};

/** A call that runs nothing of the repository's, and writes no index but this one. */
const quietCall = async ({ host, git, repository, hasGit, name }: BaseRequest, index: string): Promise<GitCall> => {
  const call: GitCall = {
    git,
    repository: { gitDir: repository.gitDir, top: repository.top },
    env: { GIT_INDEX_FILE: index, GIT_AUTHOR_NAME: "cordon", GIT_AUTHOR_EMAIL: "cordon@localhost" },
    timeoutMs: patienceMs,
    maxBytes: mostListedBytes,
  };
  const [programs, excludes] = await Promise.all([
    findPrograms(call),
    hasGit ? findExcludes(host, git, repository) : undefined,
  ]);
  if (!programs) throw errorOf("E_SESSION_FAILED", name, "the settings of the repository cannot be read");
  const excluding = excludes === undefined ? [] : [`core.excludesFile=${excludes}`];
  // A split index would put its other half beside the user's.
  return { ...call, config: [...programs, ...excluding, "core.splitIndex=false", "core.safecrlf=false"] };
};

/** The file of the user's own with patterns that are ignored everywhere (gitignore(5)); undefined when there is none. */
export const findExcludes = async (host: Host, git: string, repository: Repository): Promise<string | undefined> => {
  const settings = (await listUserSettings(host, { git, repository })) ?? [];
  const file = excludesPlace(host, settings);
  return path.isAbsolute(file) && fs.statSync(file, { throwIfNoEntry: false })?.isFile() ? file : undefined;
};

/**
 * What git remembers of the files comes along. Never younger than the original: git looks again at entries that are as
 * young as their index.
 */
export const copyIndex = (from: string, to: string): void => {
  fs.rmSync(to, { force: true });
  const before = fs.lstatSync(from, { throwIfNoEntry: false });
  if (!before?.isFile()) return;
  fs.copyFileSync(from, to, fs.constants.COPYFILE_FICLONE);
  fs.utimesSync(to, before.mtimeMs / 1000 - 0.000001, before.mtimeMs / 1000 - 0.000001);
};

/** Paths that are other than in the index, or not in it; a complaint when git cannot tell. */
const listChanged = async ({ hasGit }: BaseRequest, call: GitCall): Promise<Uint8Array[] | string> => {
  const assumed = hasGit ? await forgetAssumed(call) : [];
  const answers = await Promise.all([
    runGit(["diff-files", "--name-only", "-z", "--no-ext-diff", "--ignore-submodules=all"], call),
    runGit(["ls-files", "--others", "-z", ...(hasGit ? ["--exclude-standard"] : [])], call),
  ]);
  const failed = answers.find(({ code }) => code !== 0);
  if (failed) return failed.stderr || "it takes too long to look at all files";
  return [...assumed, ...answers.flatMap(({ stdout }) => splitBytes(stdout))];
};

/** Files that git was told not to look at: a session may change them, and that should be seen. */
const forgetAssumed = async (call: GitCall): Promise<Uint8Array[]> => {
  const { stdout } = await runGit(["ls-files", "-v", "-z"], call);
  const names: Uint8Array[] = [];
  // A row for each file of the repository, and hardly any of them counts.
  for (let at = 0, end = 0; at < stdout.length; at = end + 1) {
    end = stdout.indexOf(0, at);
    if (end < 0) end = stdout.length;
    if (isLowerCase(stdout[at]!)) names.push(stdout.subarray(at + 2, end));
  }
  if (names.length === 0) return [];
  const input = Buffer.concat(names.flatMap((entry) => [entry, Buffer.of(0)]));
  await runGit(["update-index", "-z", "--no-assume-unchanged", "--stdin"], { ...call, input });
  return names;
};

const isLowerCase = (letter: number): boolean => letter >= 0x61 && letter <= 0x7a;

const slash = "/".charCodeAt(0);

/** A path that ends with a slash is a repository. git gives up at the first file that it cannot read. */
const selectPaths = (top: string, listed: Uint8Array[]): { paths: Uint8Array[]; notes: string[] } => {
  const nested: string[] = [];
  const closed: string[] = [];
  const paths = listed.filter((bytes) => {
    if (bytes.at(-1) === slash) nested.push(decodeName(bytes.subarray(0, -1)));
    else if (!isTakeable(top, decodeName(bytes))) closed.push(decodeName(bytes));
    else return true;
    return false;
  });
  return {
    paths,
    notes: [
      ...describe(nested, "a repository of its own: what changes in it stays in the session"),
      ...describe(closed, "cannot be read, and is not part of what the session starts from"),
    ],
  };
};

const describe = (names: string[], verdict: string): string[] => {
  if (names.length === 0) return [];
  const more = names.length > mostNamed ? ` (and ${names.length - mostNamed} more)` : "";
  return [`${names.slice(0, mostNamed).map(showPath).join(", ")}${more}: ${verdict}`];
};

/** What is missing, or a directory now, is taken out of the index. */
const isTakeable = (top: string, name: string): boolean => {
  const stat = statOf(top, name);
  if (typeof stat === "string") return stat === "missing";
  if (!stat.isFile()) return stat.isSymbolicLink() || stat.isDirectory();
  try {
    fs.accessSync(encodeName(`${top}/${name}`), fs.constants.R_OK);
    return true;
  } catch {
    return false;
  }
};

/** The id, or what git complained about. */
const commitTree = async (tree: string, { repository, name }: BaseRequest, call: GitCall): Promise<string> => {
  const parents = repository.head === undefined ? [] : ["-p", repository.head];
  const input = `cordon: the files that session ${name} starts from\n`;
  const made = await runGit(["commit-tree", ...parents, tree], { ...call, input });
  return made.code === 0 ? made.text.trim() : made.stderr;
};
