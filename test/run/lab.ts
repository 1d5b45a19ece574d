import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { cordonBinary } from "../binary.ts";

/** As whom the suites run: root where they are root, and always somebody without privileges. */
export const users: { name: string; uid: number }[] =
  process.getuid?.() === 0
    ? [
        { name: "root", uid: 0 },
        { name: "an ordinary user", uid: 1234 },
      ]
    : [{ name: "this user", uid: process.getuid?.() ?? 0 }];

export type Done = { code: number | null; stdout: string; stderr: string };
export type Started = { id: string; pid: number; ended: Promise<number> };
export type Lab = ReturnType<typeof createLab>;

/** A home, a runtime place and a project of their own for one user; nothing of the real environment comes in. */
export const createLab = (uid: number) => {
  const directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "cr-")));
  const places = { home: "home", runtime: "rt", project: "project" };
  for (const name of Object.values(places)) fs.mkdirSync(path.join(directory, name), { mode: 0o700 });
  for (const name of ["", ...Object.values(places)]) fs.chownSync(path.join(directory, name), uid, uid);
  const at = (name: keyof typeof places) => path.join(directory, places[name]);
  const env = {
    HOME: at("home"),
    PATH: "/usr/local/bin:/usr/bin:/bin",
    TERM: "xterm",
    XDG_RUNTIME_DIR: at("runtime"),
    PLANTED_SECRET: "planted-secret",
  };
  const words = (args: string[]): [string, string[]] =>
    uid === process.getuid?.()
      ? [cordonBinary(), args]
      : ["setpriv", [`--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", cordonBinary(), ...args]];
  const runs = path.join(at("runtime"), "cordon/runs");
  const children: number[] = [];

  const cordon = (args: string[], { input = "" as string | Buffer, cwd = at("project") } = {}): Done => {
    const done = spawnSync(...words(args), { cwd, env, input, timeout: 60_000, maxBuffer: 64 * 1024 * 1024 });
    return { code: done.status, stdout: done.stdout.toString("latin1"), stderr: done.stderr.toString() };
  };
  /** Starts without waiting for anything. */
  const launch = (args: string[]): Omit<Started, "id"> => {
    const child = spawn(...words(args), { cwd: at("project"), env, stdio: "ignore" });
    children.push(child.pid!);
    const ended = new Promise<number>((resolve) => {
      child.on("exit", (code, signal) => resolve(code ?? 128 + os.constants.signals[signal!]));
    });
    return { pid: child.pid!, ended };
  };
  /** Starts a run and waits until its command, which must be the shell, has said that it is there. */
  const start = async (script: string, options: string[] = []): Promise<Started> => {
    const flag = path.join(at("project"), `up-${children.length}`);
    const started = launch(["run", ...options, "--", "sh", "-c", `touch ${flag}; ${script}`]);
    await until(() => fs.existsSync(flag));
    const id = fs.readdirSync(runs).find((name) => recordOf(name)?.pid === started.pid)!;
    return { ...started, id };
  };
  const recordOf = (id: string): { pid: number; join: { groups: string[] } } | undefined => {
    try {
      return JSON.parse(fs.readFileSync(path.join(runs, id, "run.json"), "utf8"));
    } catch {
      return undefined;
    }
  };
  const firstProcess = (id: string): number =>
    JSON.parse(fs.readFileSync(path.join(runs, id, "status.json"), "utf8").split("\n")[0]!)["child-pid"];
  const close = (): void => {
    for (const pid of children) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {}
    }
    cordon(["clean"]);
    fs.rmSync(directory, { recursive: true, force: true });
  };
  return { directory, at, env, runs, words, cordon, launch, start, recordOf, firstProcess, close };
};

/** Waits for something that must come; the limit is only there so that nothing hangs. */
export const until = async (isTrue: () => boolean): Promise<void> => {
  for (const end = Date.now() + 30_000; !isTrue(); await Bun.sleep(5)) {
    if (Date.now() > end) throw new Error(`never came true: ${isTrue}`);
  }
};

/** Pids of processes, other than zombies, that hold a word in their command line or environment. */
export const processesWith = (word: string): number[] =>
  fs
    .readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 1 && pid !== process.pid)
    .filter((pid) => {
      try {
        const texts = ["cmdline", "environ"].map((name) => fs.readFileSync(`/proc/${pid}/${name}`, "latin1"));
        return texts.some((text) => text.includes(word));
      } catch {
        return false;
      }
    });
