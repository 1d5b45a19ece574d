import { afterAll } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

/** As whom the suites run: root where they are root, and always somebody without privileges. */
export const uids: number[] = process.getuid?.() === 0 ? [0, 1234] : [process.getuid?.() ?? 0];
export const isRoot = process.getuid?.() === 0;
export const git = spawnSync("sh", ["-c", "command -v git"]).stdout.toString().trim();

const timeoutMs = 120_000;

/** A directory of one user, removed after the last test, and ways to act there as that user. */
export const makeDesk = (uid: number) => {
  const top = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "cs-")));
  afterAll(() => {
    spawnSync("chmod", ["-R", "u+rwx", top]);
    spawnSync("rm", ["-rf", top]);
  });
  const at = (name: string) => path.join(top, name);
  for (const name of ["home", "project", "room", "bin"]) fs.mkdirSync(at(name));
  for (const name of ["", "home", "project", "room"]) fs.chownSync(at(name), uid, uid);
  const env = { HOME: at("home"), PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", LC_ALL: "C" };
  const lowered = uid === process.getuid?.() ? [] : ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
  const spawn = (argv: string[], cwd = at("project")) => {
    const [file = "", ...args] = [...lowered, ...argv];
    return spawnSync(file, args, { cwd, env, timeout: timeoutMs, encoding: "utf8" });
  };
  /** A script of sh(1) as the user, in the project. Throws when it fails. */
  const sh = (script: string, cwd?: string): string => {
    const done = spawn(["sh", "-ec", script], cwd);
    if (done.status !== 0) throw new Error(`${script}: ${done.stdout}${done.stderr}`);
    return done.stdout;
  };
  /** What calls one function of runner.ts. */
  const words = async (...call: string[]): Promise<string[]> => [at("bin/bun"), await bundle(at("bin")), ...call];
  /** Calls one as the user. */
  const call = async (...asked: string[]): Promise<{ gave?: unknown; threw?: string }> => {
    const done = spawn(await words(...asked), top);
    if (done.status !== 0) throw new Error(`runner: ${done.stderr}`);
    return JSON.parse(done.stdout);
  };
  return { uid, top, at, sh, words, call, spawn };
};

export type Desk = ReturnType<typeof makeDesk>;

/** The sources may lie where other users do not come. */
const bundle = async (directory: string): Promise<string> => {
  const file = path.join(directory, "runner.js");
  if (fs.existsSync(file)) return file;
  const built = await Bun.build({
    entrypoints: [path.join(import.meta.dirname, "runner.ts")],
    target: "bun",
    outdir: directory,
    naming: "runner.js",
  });
  if (!built.success) throw new Error("the runner does not build");
  fs.chmodSync(file, 0o644);
  fs.copyFileSync(process.execPath, path.join(directory, "bun"));
  fs.chmodSync(path.join(directory, "bun"), 0o755);
  return file;
};

/** Path, kind, permissions and content of everything below a directory. */
export const pictureOf = (directory: string, below = ""): string[] =>
  fs
    .readdirSync(path.join(directory, below))
    .sort()
    .flatMap((entry) => {
      const name = path.join(below, entry);
      const file = path.join(directory, name);
      const stat = fs.lstatSync(file);
      const mode = (stat.mode & 0o777).toString(8);
      if (stat.isSymbolicLink()) return [`${name} -> ${fs.readlinkSync(file)}`];
      if (stat.isDirectory()) return [`${name}/ ${mode}`, ...pictureOf(directory, name)];
      return [`${name} ${mode} ${stat.isFile() ? fs.readFileSync(file, "utf8") : "special"}`];
    });
