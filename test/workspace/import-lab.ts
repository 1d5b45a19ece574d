import { afterEach } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Host } from "../../src/host.ts";
import { placesOf } from "../../src/places.ts";
import { type ImportRequest, type ImportResult, importCommits } from "../../src/workspace/import.ts";
import { quotePath } from "../../src/workspace/quarantine.ts";
import { readRepository } from "../../src/workspace/repository.ts";

/** A host repository and a private git directory that borrows its objects, both in a scratch directory. */

const searchPath = "/usr/local/bin:/usr/bin:/bin";

export type Lab = ReturnType<typeof createLab>;
export type LabOptions = { prefix?: string; format?: "sha1" | "sha256"; linked?: boolean; unborn?: boolean };

/** What opens labs for the tests of a file; each is closed when its test has ended. */
export const useLabs = (): ((options?: LabOptions) => Lab) => {
  const labs: Lab[] = [];
  afterEach(() => {
    for (const lab of labs.splice(0)) lab.close();
  });
  return (options) => {
    const lab = createLab(options);
    labs.push(lab);
    return lab;
  };
};

export const createLab = ({ format = "sha1", linked = false, unborn = false, prefix = "import-" }: LabOptions = {}) => {
  const directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), prefix)));
  const at = (...names: string[]) => path.join(directory, ...names);
  fs.mkdirSync(at("home"));
  const env = { ...plainEnv, HOME: at("home") };
  const main = at("main");
  run(["init", "-q", "-b", "main", `--object-format=${format}`, main], env, directory);
  if (!unborn) {
    fs.writeFileSync(path.join(main, "file"), "one\n");
    fs.writeFileSync(path.join(main, "other"), "unchanged\n");
    run(["add", "-A"], env, main);
    run(["commit", "-qm", "first"], env, main);
  }
  if (linked) run(["worktree", "add", "-q", "-b", "side", at("linked")], env, main);
  const top = linked ? at("linked") : main;
  const start = linked ? "refs/heads/side" : "refs/heads/main";
  const repository = readRepository(top)!;
  const host = { ...hostOf(at("home")), cwd: top };
  const git = (...args: string[]) => run(args, env, top);
  const base = { branch: start, head: repository.head, refs: refsOf(git("for-each-ref")) };
  const priv = at("private");
  preparePrivate(priv, repository.head, start, base.refs, format, env);
  const below = linked ? linkPrivate(priv, start, at("linked")) : priv;
  // Inside, the host's objects stand at another place; out here the same directory needs a variable.
  const insideEnv = {
    ...env,
    GIT_DIR: below,
    GIT_WORK_TREE: top,
    GIT_ALTERNATE_OBJECT_DIRECTORIES: quotePath(at("main/.git/objects")),
  };
  const inside = (...args: string[]) => run(args, insideEnv, top);
  if (!unborn) inside("reset", "-q");
  const commit = (name: string, text: string): string => {
    fs.writeFileSync(path.join(top, name), text);
    inside("add", "--", name);
    inside("commit", "-qm", `change ${name}`);
    return inside("rev-parse", "HEAD");
  };
  const request: ImportRequest = { host, repository, directory: priv, id: "run1", base, advances: true };
  const bring = (more: Partial<ImportRequest> = {}): Promise<ImportResult> => importCommits({ ...request, ...more });
  const close = () => fs.rmSync(directory, { recursive: true, force: true });
  return {
    directory,
    at,
    top,
    start,
    env,
    insideEnv,
    host,
    repository,
    base,
    priv,
    git,
    inside,
    commit,
    request,
    bring,
    close,
  };
};

const plainEnv = {
  PATH: searchPath,
  LC_ALL: "C",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "Ada",
  GIT_AUTHOR_EMAIL: "ada@example.org",
  GIT_COMMITTER_NAME: "Ada",
  GIT_COMMITTER_EMAIL: "ada@example.org",
};

/** A host whose user has nothing but this home. */
export const hostOf = (home: string, env: Record<string, string> = { HOME: home, PATH: searchPath }): Host => ({
  platform: process.platform,
  arch: process.arch,
  uid: process.getuid!(),
  gid: process.getgid!(),
  home,
  realHome: home,
  cwd: home,
  project: home,
  env,
  tty: { stdin: false, stdout: false, stderr: false },
  places: placesOf({ XDG_RUNTIME_DIR: path.join(home, "rt") }, home, process.getuid!()),
  executable: process.execPath,
});

/** What a linked working tree has of its own, below the shared directory. */
const linkPrivate = (priv: string, start: string, top: string): string => {
  const below = path.join(priv, "worktrees/linked");
  fs.mkdirSync(below, { recursive: true });
  fs.writeFileSync(path.join(priv, "HEAD"), "ref: refs/heads/main\n");
  fs.writeFileSync(path.join(below, "HEAD"), `ref: ${start}\n`);
  fs.writeFileSync(path.join(below, "commondir"), "../..\n");
  fs.writeFileSync(path.join(below, "gitdir"), `${top}/.git\n`);
  return below;
};

const preparePrivate = (
  priv: string,
  head: string | undefined,
  start: string,
  refs: Record<string, string>,
  format: string,
  env: Record<string, string>,
): void => {
  run(["init", "-q", "--bare", `--object-format=${format}`, priv], env, "/");
  fs.writeFileSync(path.join(priv, "objects/info/alternates"), "/run/cordon/objects/0\n");
  fs.writeFileSync(path.join(priv, "HEAD"), `ref: ${start}\n`);
  if (head === undefined) return;
  const rows = Object.entries(refs).map(([name, id]) => `${id} ${name}\n`);
  fs.writeFileSync(path.join(priv, "packed-refs"), `# pack-refs with: peeled fully-peeled sorted \n${rows.join("")}`);
  run(["config", "core.bare", "false"], { ...env, GIT_DIR: priv }, "/");
};

export const refsOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .split("\n")
      .filter(Boolean)
      .map((line) => {
        const [id = "", , name = ""] = line.split(/[ \t]/);
        return [name, id];
      }),
  );

/** Runs git as a person would, without anything of the real environment; gives what it prints. Throws when it fails. */
export const run = (args: string[], env: Record<string, string>, cwd: string, input: string | Buffer = ""): string => {
  const done = tryRun(args, env, cwd, input);
  if (done.code !== 0) throw new Error(`git ${args.join(" ")}: ${done.stderr}`);
  return done.stdout.trimEnd();
};

export const tryRun = (args: string[], env: Record<string, string>, cwd: string, input: string | Buffer = "") => {
  const done = spawnSync("git", args, { env, cwd, input, timeout: 60_000, maxBuffer: 256 * 1024 * 1024 });
  return { code: done.status, stdout: done.stdout.toString(), stderr: done.stderr.toString() };
};

/** Names in the host's object store that an import should not have left. */
export const litterOf = (lab: Lab): string[] =>
  fs.readdirSync(lab.at("main/.git/objects")).filter((name) => name.startsWith("tmp_"));
