import { afterAll } from "bun:test";
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Mount } from "../../src/plan/plan.ts";
import { findNested } from "../../src/workspace/nested.ts";
import { openPrivateGit, type PrivateGit } from "../../src/workspace/private-git.ts";
import type { Project } from "../../src/workspace/private-mounts.ts";
import { lookAtRepository, type Repository } from "../../src/workspace/repository.ts";

/** Real repositories in a place of their own, and a real sandbox that holds nothing but a project and its mounts. */

export const git = spawnSync("sh", ["-c", "command -v git"]).stdout.toString().trim();

export type Lab = ReturnType<typeof makeLab>;

/** Words of a shell by which the agent commits a file. */
export const agentCommit = (file: string): string =>
  `echo ${file} > ${file}; git add ${file}; git commit -q -m 'agent ${file}'`;

const identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "protocol.file.allow=always"];

export const makeLab = () => {
  const root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "cordon-git-")));
  const home = path.join(root, "home");
  fs.mkdirSync(home);
  const env = { HOME: home, PATH: "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C", GIT_CONFIG_NOSYSTEM: "1" };
  const at = (name: string) => path.join(root, name);
  const outside = (cwd: string, ...args: string[]): string => {
    const done = spawnSync(git, [...identity, ...args], { cwd: at(cwd), env, timeout: 60_000 });
    if (done.status !== 0) throw new Error(`git ${args.join(" ")}: ${done.stderr}`);
    return done.stdout.toString();
  };
  const write = (name: string, text: string, mode?: number) => {
    fs.mkdirSync(path.dirname(at(name)), { recursive: true });
    fs.writeFileSync(at(name), text, mode === undefined ? {} : { mode });
  };
  /** A repository with one commit of `a.txt` on `main`. */
  const create = (name: string, ...args: string[]) => {
    fs.mkdirSync(at(name), { recursive: true });
    outside(name, "init", "-q", "-b", "main", ...args);
    write(`${name}/a.txt`, "one\n");
    outside(name, "add", ".");
    outside(name, "commit", "-q", "-m", "one");
  };
  const look = (name: string): Repository => lookAtRepository(at(name))!;
  const open = async (name: string, store = `store-${name.replaceAll("/", "-")}`): Promise<PrivateGit> =>
    await openPrivateGit({ project: projectOf(at(name)), store: at(store), git, id: "run-1" });
  const inside = (name: string, { mounts }: Pick<PrivateGit, "mounts">, script: string) =>
    runInside(root, at(name), mounts, script);
  const commit = (name: string, file: string) => {
    write(`${name}/${file}`, `${file}\n`);
    outside(name, "add", file);
    outside(name, "commit", "-q", "-m", `host ${file}`);
  };
  /** One run: open, work, and be gone. */
  const run = async (name: string, script: string): Promise<string> => {
    const opened = await open(name);
    try {
      return inside(name, opened, script);
    } finally {
      opened.release();
    }
  };
  return { root, home, at, outside, write, create, look, open, inside, commit, run };
};

const projectOf = (top: string): Project => {
  const repository = lookAtRepository(top);
  return {
    top,
    nested: findNested(top, undefined).paths,
    repository: repository?.top === top ? repository : undefined,
  };
};

const system = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/alternatives"];

/** Runs a script in the top of a project, with exactly these mounts beside the system. Throws when it fails. */
const runInside = (root: string, top: string, mounts: Mount[], script: string): string => {
  const done = spawnSync(
    "bwrap",
    [
      ...["--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--proc", "/proc", "--dev", "/dev"],
      ...system.flatMap((place) => ["--ro-bind-try", place, place]),
      ...["--tmpfs", "/tmp", "--tmpfs", "/run", "--dir", "/tmp/home", "--bind", top, top],
      ...[...mounts].sort((a, b) => depthOf(a) - depthOf(b)).flatMap((mount) => mountWords(root, mount)),
      ...Object.entries(boxed).flatMap(([name, value]) => ["--setenv", name, value]),
      ...["--chdir", top, "/bin/sh", "-ec", script],
    ],
    { timeout: 60_000, env: {} },
  );
  if (done.status !== 0) throw new Error(`inside: ${complaint(done)}`);
  return `${done.stdout}${done.stderr}`;
};

const complaint = ({ status, stdout, stderr }: SpawnSyncReturns<Buffer>) => `status ${status}\n${stdout}${stderr}`;

const boxed = {
  HOME: "/tmp/home",
  PATH: "/usr/local/bin:/usr/bin:/bin",
  LC_ALL: "C",
  GIT_AUTHOR_NAME: "Agent",
  GIT_AUTHOR_EMAIL: "agent@example.org",
  GIT_COMMITTER_NAME: "Agent",
  GIT_COMMITTER_EMAIL: "agent@example.org",
};

const depthOf = ({ target }: Mount) => target.split("/").length;

const mountWords = (root: string, mount: Mount): string[] => {
  if (mount.kind === "bind") return [mount.mode === "rw" ? "--bind" : "--ro-bind", mount.source, mount.target];
  if (mount.kind === "mask") return ["--perms", "0000", "--tmpfs", mount.target];
  if (mount.kind !== "bytes") throw new Error(`not expected: ${mount.kind}`);
  const file = path.join(root, `bytes-${crypto.randomUUID()}`);
  fs.writeFileSync(file, mount.bytes, { mode: mount.permissions });
  return ["--ro-bind", file, mount.target];
};

/** Names, kinds, modes and bytes of everything in a directory, as one text. */
export const digestOf = (directory: string): string =>
  fs
    .readdirSync(directory, { recursive: true, encoding: "utf8" })
    .sort()
    .map((name) => {
      const file = path.join(directory, name);
      const stat = fs.lstatSync(file);
      const bytes = stat.isFile() ? fs.readFileSync(file) : stat.isSymbolicLink() ? fs.readlinkSync(file) : "";
      return `${name} ${stat.mode} ${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;
    })
    .join("\n");

/** Makes a lab for a test file, and removes it after the last test. */
export const useLab = (): Lab => {
  const lab = makeLab();
  afterAll(() => fs.rmSync(lab.root, { recursive: true, force: true }));
  return lab;
};
