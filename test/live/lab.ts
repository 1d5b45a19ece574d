import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createLab, type Done, until, users } from "../run/lab.ts";

export { until, users };

/** One user with a name, a home and git repositories of his own, the host's git and the compiled cordon. */
export type LiveLab = ReturnType<typeof createLiveLab>;

/** A run that is still going on. */
export type Going = {
  /** Waits until its script has come to `pause NAME`. */
  reached(name: string): Promise<void>;
  /** Lets it go on from there. */
  resume(): void;
  /** Without a warning, unless it has ended already. */
  kill(): void;
  /** Exit code, 128 and the signal that ended it. */
  ended: Promise<number>;
  stdout(): string;
  stderr(): string;
};

const userSettings = `[user]
	name = Ada
	email = ada@example.org
[init]
	defaultBranch = main
[protocol "file"]
	allow = always
`;

const options = ["--net", "none"];
const pause = 'pause() { echo "at $1"; read -r _; }';
const runWords = (script: string): string[] => ["run", ...options, "--", "sh", "-ec", script];

export const createLiveLab = (uid: number) => {
  const lab = createLab(uid);
  const at = (...names: string[]) => path.join(lab.directory, ...names);
  const env: Record<string, string> = { ...lab.env, LC_ALL: "C", GIT_CONFIG_NOSYSTEM: "1" };
  const own = process.getuid?.();
  const asUser = uid === own ? [] : ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
  const going: ChildProcess[] = [];

  const host = (place: string, script: string): string => {
    const [file = "sh", ...args] = [...asUser, "sh", "-ec", script];
    const done = spawnSync(file, args, { cwd: at(place), env, timeout: 60_000 });
    if (done.status !== 0) throw new Error(`on the host: ${script}\n${done.stdout}${done.stderr}`);
    return done.stdout.toString().trimEnd();
  };
  const create = (name: string, init = ""): void => {
    fs.mkdirSync(at(name), { recursive: true });
    fs.chownSync(at(name), uid, uid);
    host(name, `git init -q ${init}; echo one > a.txt; git add a.txt; git commit -q -m one`);
  };
  const cordon = (place: string, args: string[]): Done => {
    const done = lab.cordon(args, { cwd: at(place) });
    return { ...done, stdout: Buffer.from(done.stdout, "latin1").toString() };
  };
  const inside = (place: string, script: string): Done => {
    const done = cordon(place, runWords(script));
    if (done.code !== 0) throw new Error(`inside: ${script}\nended with ${done.code}\n${done.stdout}${done.stderr}`);
    return done;
  };
  const start = (place: string, script: string): Going => {
    const child = spawn(...lab.words(runWords(`${pause}; ${script}`)), { cwd: at(place), env, stdio: "pipe" });
    going.push(child);
    const said = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const)
      child[name].on("data", (chunk) => {
        said[name] += chunk;
      });
    const ended = new Promise<number>((resolve) => {
      child.on("close", (code, signal) => resolve(code ?? 128 + os.constants.signals[signal!]));
    });
    child.stdin.on("error", () => {});
    return {
      reached: async (name) => {
        const isThere = () => said.stdout.includes(`at ${name}\n`);
        await Promise.race([until(isThere), ended]);
        if (!isThere()) throw new Error(`ended before ${name}: ${said.stderr}`);
      },
      resume: () => void child.stdin.write("\n"),
      kill: () => void child.kill("SIGKILL"),
      ended,
      stdout: () => said.stdout,
      stderr: () => said.stderr,
    };
  };
  const close = (): void => {
    for (const child of going) child.kill("SIGKILL");
    lab.close();
  };
  fs.writeFileSync(at("home/.gitconfig"), userSettings);
  return {
    uid,
    /** A path in the lab's own directory, in which every project lies. */
    at,
    env,
    /** Runs a shell script of the user's on the host and gives what it prints. Throws when it fails. */
    host,
    /** Makes a directory with a repository in which `a.txt` is committed on `main`. */
    create,
    cordon,
    /** Runs a shell script of the agent's in a sandbox, to its end. Throws when it fails. */
    inside,
    /** Starts a script of the agent's, in which `pause NAME` waits. */
    start,
    /** Where programs are looked for from now on. */
    setPath: (value: string) => {
      lab.env.PATH = value;
    },
    close,
  };
};

/** What cordon says may be typed: the line below a sentence of its own. */
export const hintsIn = (stderr: string): string[] =>
  stderr.split("\n").flatMap((line, index, lines) => {
    const before = lines[index - 1] ?? "";
    const isHint = line.startsWith("  ") && before.startsWith("cordon: ") && !before.endsWith("before you run them:");
    return isHint ? [line.trim()] : [];
  });

/**
 * Name, kind, mode, time and content of everything below a directory, as lines. Not of a directory's own time: git makes
 * and removes lock files for reading, too.
 */
export const inventory = (directory: string, leaveOut = /^$/): string[] =>
  fs
    .readdirSync(directory, { recursive: true, encoding: "utf8" })
    .sort()
    .filter((name) => !leaveOut.test(name))
    .map((name) => {
      const file = path.join(directory, name);
      const stat = fs.lstatSync(file);
      if (stat.isDirectory()) return `${name} ${stat.mode}`;
      const bytes = stat.isFile() ? fs.readFileSync(file) : stat.isSymbolicLink() ? fs.readlinkSync(file) : "";
      return `${name} ${stat.mode} ${stat.mtimeMs} ${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;
    });

/** Of a `.git` what is none of cordon's own: neither its pins and what is kept, nor their logs. */
export const cordonsOwn = /^(logs\/)?refs\/cordon(\/|$)/;
