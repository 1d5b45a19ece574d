import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { cordonBinary } from "../binary.ts";
import { createLiveLab, until, users } from "../live/lab.ts";
import type { Done } from "../run/lab.ts";

export { until, users };

export const isRoot = process.getuid?.() === 0;

/** Sessions of one user, by the compiled cordon alone. */
export type Desk = ReturnType<typeof openDesk>;

/** A run that is still going on; its script waits at each `pause NAME`. */
export type Going = {
  pid: number;
  reached(name: string): Promise<void>;
  resume(): void;
  kill(signal: NodeJS.Signals): void;
  /** Exit code, 128 and the signal that ended it. */
  ended: Promise<number>;
  stdout(): string;
  stderr(): string;
};

const pause = 'pause() { echo "at $1"; read -r _; }';

export const openDesk = (uid: number) => {
  const lab = createLiveLab(uid);
  const { at, host } = lab;
  // A place of its own for temporary files, so that what is left there is seen.
  const env: Record<string, string> = { ...lab.env, TMPDIR: at("tmp") };
  fs.mkdirSync(at("tmp"));
  fs.chownSync(at("tmp"), uid, uid);
  const lowered = uid === process.getuid?.() ? [] : ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
  const going: ChildProcess[] = [];

  const cordon = (place: string, args: string[], more: Record<string, string> = {}): Done => {
    const [file = "", ...words] = [...lowered, cordonBinary(), ...args];
    const done = spawnSync(file, words, { cwd: at(place), env: { ...env, ...more }, timeout: 60_000, input: "" });
    return { code: done.status, stdout: done.stdout.toString(), stderr: done.stderr.toString() };
  };
  /** The words of a run in a session. */
  const sessionWords = (name: string, script: string): string[] => [
    ...["--session", name, "--net", "none", "run", "--", "sh", "-ec"],
    script,
  ];
  /** Runs a shell script of the agent's in a session, to its end. Throws when it fails. */
  const inside = (place: string, name: string, script: string): Done => {
    const done = cordon(place, sessionWords(name, script));
    if (done.code !== 0) throw new Error(`inside: ${script}\nended with ${done.code}\n${done.stdout}${done.stderr}`);
    return done;
  };
  /** A command that must succeed; gives what it prints. */
  const say = (place: string, ...args: string[]): string => {
    const done = cordon(place, args);
    if (done.code !== 0) throw new Error(`cordon ${args.join(" ")} ended with ${done.code}: ${done.stderr}`);
    return done.stdout;
  };
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects of it is checked there
  const json = (place: string, ...args: string[]): any => JSON.parse(say(place, ...args, "--json"));
  const spawnCordon = (place: string, args: string[], more: Record<string, string> = {}): Going => {
    const [file = "", ...words] = [...lowered, cordonBinary(), ...args];
    const child = spawn(file, words, { cwd: at(place), env: { ...env, ...more }, stdio: "pipe" });
    going.push(child);
    const said = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const)
      child[stream].on("data", (chunk) => {
        said[stream] += chunk;
      });
    child.stdin.on("error", () => {});
    const ended = new Promise<number>((resolve) => {
      child.on("close", (code, signal) => resolve(code ?? 128 + os.constants.signals[signal!]));
    });
    return {
      pid: child.pid!,
      reached: (name) => until(() => said.stdout.includes(`at ${name}\n`)),
      resume: () => void child.stdin.write("\n"),
      kill: (signal) => void child.kill(signal),
      ended,
      stdout: () => said.stdout,
      stderr: () => said.stderr,
    };
  };
  /** Starts a script of the agent's in a session, or, without a name, on the project itself. */
  const start = (place: string, name: string | undefined, script: string): Going =>
    spawnCordon(
      place,
      name === undefined
        ? ["run", "--net", "none", "--", "sh", "-ec", `${pause}; ${script}`]
        : sessionWords(name, `${pause}; ${script}`),
    );
  const put = (name: string, text: string, mode = 0o644): void => {
    fs.mkdirSync(path.dirname(at(name)), { recursive: true });
    fs.writeFileSync(at(name), text, { mode });
    for (let entry = at(name); entry !== at(); entry = path.dirname(entry)) fs.lchownSync(entry, uid, uid);
  };
  /** What cordon keeps of all sessions: directories, and references of a repository. */
  const kept = (place: string): string[] =>
    [
      ...listOf(at("home/.local/state/cordon/sessions")).filter(
        (name) => name.startsWith(`${path.basename(place)}-`) && /\/s[0-9a-f]{8}$/.test(name),
      ),
      ...(fs.existsSync(at(place, ".git"))
        ? host(place, "git for-each-ref --format='%(refname)' refs/cordon").split("\n")
        : []),
    ].filter(Boolean);
  const close = (): void => {
    for (const child of going) child.kill("SIGKILL");
    spawnSync("chmod", ["-R", "u+rwx", at()]);
    lab.close();
  };
  return { ...lab, env, cordon, lowered, inside, say, json, spawnCordon, start, put, kept, close };
};

const listOf = (directory: string): string[] =>
  fs.existsSync(directory)
    ? fs
        .readdirSync(directory)
        .flatMap((key) => fs.readdirSync(path.join(directory, key)).map((name) => `${key}/${name}`))
    : [];

/** `git log`, newest first, as one line. */
export const subjects = (desk: Desk, place: string, range = "HEAD"): string =>
  desk.host(place, `git log --format=%s --topo-order ${range}`).split("\n").join(", ");
