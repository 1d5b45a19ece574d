import { expect, setDefaultTimeout } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { type MergeResult, mergeSession } from "../../src/sessions/merge/merge.ts";
import type { MergeRequest } from "../../src/sessions/merge/work.ts";
import { readRepository } from "../../src/workspace/repository.ts";
import { hostOf } from "../workspace/import-lab.ts";

/** A host repository, and sessions that begin from what lies in it, in a scratch directory. */

const searchPath = "/usr/local/bin:/usr/bin:/bin";

// Dozens of processes each; only against one that hangs.
setDefaultTimeout(60_000);

export type Lab = ReturnType<typeof createLab>;
export type LabSession = MergeRequest["session"] & { tip: string; ref: string };
type Options = { format?: "sha1" | "sha256"; empty?: boolean };

export const createLab = ({ format = "sha1", empty = false }: Options = {}) => {
  const root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "cordon-merge-")));
  const at = (...names: string[]) => path.join(root, ...names);
  fs.mkdirSync(at("home"));
  fs.writeFileSync(at("home/.gitconfig"), "[user]\n\tname = Ada\n\temail = ada@example.org\n");
  const env = { PATH: searchPath, LC_ALL: "C", HOME: at("home"), GIT_CONFIG_NOSYSTEM: "1" };
  const tryIn = (cwd: string, args: string[], more: Record<string, string> = {}, input: string | Buffer = "") => {
    const options = { cwd, env: { ...env, ...more }, input, timeout: 60_000, maxBuffer: 256 * 1024 * 1024 };
    const done = spawnSync("git", args, options);
    return { code: done.status, bytes: done.stdout, text: done.stdout.toString(), stderr: done.stderr.toString() };
  };
  const runIn = (cwd: string, args: string[], more: Record<string, string> = {}, input: string | Buffer = "") => {
    const done = tryIn(cwd, args, more, input);
    if (done.code !== 0) throw new Error(`git ${args.join(" ")}: ${done.stderr}`);
    return done.text.trimEnd();
  };
  const top = at("main");
  runIn(root, ["init", "-q", "-b", "main", `--object-format=${format}`, top]);
  const git = (...args: string[]) => runIn(top, args);
  const put = (name: string, text: string | Buffer, mode?: number) => writeIn(top, name, text, mode);
  const get = (name: string) => fs.readFileSync(path.join(top, name), "utf8");
  const commit = (files: Record<string, string>, message = "host") => {
    for (const [name, text] of Object.entries(files)) put(name, text);
    git("add", "-A");
    git("commit", "-qm", message);
    return git("rev-parse", "HEAD");
  };
  if (!empty) commit({ "a.txt": lines("a"), "b.txt": lines("b"), "dir/c.txt": lines("c") }, "first");
  const host = hostOf(at("home"), env);
  const merge = async (session: LabSession, more: Partial<MergeRequest> = {}): Promise<MergeResult> =>
    await mergeSession({
      host,
      repository: readRepository(top)!,
      session,
      tip: session.tip,
      choice: { kind: "all" },
      ...more,
    });
  const close = () => fs.rmSync(root, { recursive: true, force: true });
  return { root, at, top, env, host, git, runIn, tryIn, put, get, commit, merge, close };
};

/** Ten lines that differ, so that changes of the first and of the last do not meet. */
export const lines = (word: string, changes: Record<number, string> = {}): string =>
  Array.from({ length: 10 }, (_, at) => `${changes[at] ?? `${word} ${at}`}\n`).join("");

export const writeIn = (top: string, name: string, text: string | Buffer, mode?: number): void => {
  fs.mkdirSync(path.dirname(path.join(top, name)), { recursive: true });
  fs.writeFileSync(path.join(top, name), text, mode === undefined ? {} : { mode });
};

type Agent = {
  top: string;
  git(...args: string[]): string;
  put(name: string, text: string | Buffer, mode?: number): void;
  commit(files: Record<string, string>, message?: string): string;
};

const agentIdentity = {
  GIT_AUTHOR_NAME: "Agent",
  GIT_AUTHOR_EMAIL: "agent@example.org",
  GIT_COMMITTER_NAME: "Agent",
  GIT_COMMITTER_EMAIL: "agent@example.org",
};

let sessions = 0;
const none = { head: undefined, branch: undefined };

/** The working tree of a repository as a tree: tracked, changed and untracked files. */
const snapshotOf = (lab: Lab, top: string, head: string | undefined): string => {
  const index = { GIT_INDEX_FILE: lab.at(`index-${crypto.randomUUID()}`) };
  if (head !== undefined) lab.runIn(top, ["read-tree", head], index);
  lab.runIn(top, ["add", "-A"], index);
  return lab.runIn(top, ["write-tree"], index);
};

/**
 * A session as the collection leaves it: its commits, then one with what it has changed beyond them, all fetched to
 * `refs/cordon/ID/tip`. `top` is the working tree that it begins from, or a bare repository and
 * `given` a commit of that.
 */
export const workIn = (
  lab: Lab,
  name: string,
  work: (agent: Agent) => void,
  top = lab.top,
  given?: string,
): LabSession => {
  const id = `s${(++sessions).toString(16).padStart(8, "0")}`;
  const place = lab.at(`inside-${id}`);
  const run = (...args: string[]) => lab.runIn(place, args, agentIdentity);
  const ask = (...args: string[]) => lab.tryIn(top, args).text.trim() || undefined;
  const head = given ?? ask("rev-parse", "-q", "--verify", "HEAD");
  const startTree = given ? ask("rev-parse", `${given}^{tree}`)! : snapshotOf(lab, top, head);
  const parents = head === undefined ? [] : ["-p", head];
  const isClean = head !== undefined && ask("rev-parse", `${head}^{tree}`) === startTree;
  const start = isClean ? head : lab.runIn(top, ["commit-tree", ...parents, "-m", "start", startTree], agentIdentity);
  const base = { commit: start, ...(given ? none : { head, branch: ask("symbolic-ref", "-q", "HEAD") }) };
  lab.runIn(top, ["update-ref", `refs/cordon/${id}/base/${start}`, start]);
  lab.runIn(lab.root, ["clone", "-q", "--no-checkout", "-c", "core.autocrlf=false", top, place]);
  if (head !== undefined) run("checkout", "-q", "-B", "main", head);
  lab.runIn(place, ["fetch", "-q", "origin", start]);
  const index = { GIT_INDEX_FILE: lab.at(`index-${id}`) };
  if (head !== undefined) lab.runIn(place, ["read-tree", head], index);
  lab.runIn(place, ["read-tree", "--reset", "-u", ...(head === undefined ? [] : [head]), start], index);
  const put = (file: string, text: string | Buffer, mode?: number) => writeIn(place, file, text, mode);
  const commit = (files: Record<string, string>, message = `agent ${Object.keys(files).join(" ")}`) => {
    for (const [file, text] of Object.entries(files)) put(file, text);
    run("add", "--", ...Object.keys(files));
    run("commit", "-qm", message);
    return run("rev-parse", "HEAD");
  };
  work({ top: place, git: run, put, commit });
  const tip = collect(lab, place, startTree, name);
  const ref = `refs/cordon/${id}/tip`;
  lab.runIn(top, ["fetch", "-q", place, `+${tip}:${ref}`]);
  return { id, name, agent: "claude", base, hasGit: given === undefined, tip, ref };
};

const collect = (lab: Lab, place: string, startTree: string, name: string): string => {
  const head = lab.tryIn(place, ["rev-parse", "-q", "--verify", "HEAD"]).text.trim() || undefined;
  const end = snapshotOf(lab, place, head);
  const index = { GIT_INDEX_FILE: lab.at(`index-${crypto.randomUUID()}`) };
  if (head !== undefined) lab.runIn(place, ["read-tree", head], index);
  const { bytes } = lab.tryIn(place, ["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", startTree, end]);
  const fields = bytes.toString("latin1").split("\0");
  for (let field = 0; field + 1 < fields.length; field += 2) {
    const [, mode = "", , id = ""] = fields[field]!.slice(1).split(" ");
    const line = Buffer.from(`${mode === "000000" ? 0 : mode} ${id} 0\t${fields[field + 1]}\0`, "latin1");
    lab.runIn(place, ["update-index", "-z", "--replace", "--index-info"], index, line);
  }
  const tree = lab.runIn(place, ["write-tree"], index);
  if (head !== undefined && lab.runIn(place, ["rev-parse", `${head}^{tree}`]) === tree) return head;
  const parents = head === undefined ? [] : ["-p", head];
  return lab.runIn(place, ["commit-tree", ...parents, "-m", `work of ${name}`, tree], agentIdentity);
};

/** What a refused or conflicting merge must leave as it was: references, index, files, and objects that git counts. */
export const stateOf = (lab: Lab, top = lab.top): string => {
  const files = fs.readdirSync(top, { recursive: true, encoding: "utf8" }).filter((name) => !/^\.git(\/|$)/.test(name));
  const read = (name: string) => {
    const stat = fs.lstatSync(path.join(top, name));
    const text = stat.isFile()
      ? fs.readFileSync(path.join(top, name), "base64")
      : stat.isSymbolicLink()
        ? fs.readlinkSync(path.join(top, name))
        : "";
    return `${name} ${stat.mode.toString(8)} ${stat.mtimeMs} ${text}`;
  };
  const index = lab.runIn(top, ["ls-files", "-v", "--stage"]);
  const refs = lab.runIn(top, ["for-each-ref"]);
  const objects = lab.runIn(top, ["count-objects", "-v"]);
  return [lab.runIn(top, ["rev-parse", "--git-dir"]), refs, index, objects, ...files.sort().map(read)].join("\n");
};

/** Runs a test in a lab of its own, and looks afterwards that git finds nothing wrong and nothing is left over. */
export const withLab = async (work: (lab: Lab) => Promise<void>, options: Options = {}): Promise<void> => {
  const lab = createLab(options);
  try {
    await work(lab);
    expect(litterOf(lab)).toEqual([]);
    expect(lab.tryIn(lab.top, ["fsck", "--full", "--strict"])).toMatchObject({ code: 0 });
    const rooms = path.join(lab.host.places.state, "imports");
    for (const room of fs.readdirSync(rooms)) expect(fs.readdirSync(path.join(rooms, room))).toEqual(["lock"]);
  } finally {
    lab.close();
  }
};

/** Nothing of a merge's own is left in the git directory, and git finds nothing wrong with it. */
export const litterOf = (lab: Lab, gitDir = path.join(lab.top, ".git")): string[] => [
  ...fs.readdirSync(gitDir).filter((name) => /cordon-|\.lock$/.test(name)),
  ...fs.readdirSync(path.join(lab.top, ".git/objects")).filter((name) => name.startsWith("tmp_")),
];
