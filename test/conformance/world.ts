import { chmodSync, lchownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { makeBase } from "../escape/plant.ts";

/** How a sandbox is started, and as whom. */
export type Entry = {
  /** What stands in front of cordon's own arguments. */
  cordon: string[];
  /** Runs everything as this uid; needs root. */
  uid?: number;
  /** Whether this user can make control groups on this machine. */
  limits: boolean;
};

export type Result = { code: number; stdout: string; stderr: string; bytes: Buffer };

export type RunOptions = {
  cwd?: string;
  env?: Record<string, string | undefined>;
  stdin?: Uint8Array;
  /** Sends a signal to cordon as soon as the text has appeared on stdout. */
  signal?: { seen: string; name: NodeJS.Signals };
  /** A refusal is an answer too. */
  mayRefuse?: true;
};

/** A machine's user for one check: a throw-away home with fake secrets, a project, a directory elsewhere. */
export type World = {
  base: string;
  home: string;
  project: string;
  elsewhere: string;
  runtime: string;
  uid: number;
  limits: boolean;
  /** Starts cordon as the user, in the project unless told otherwise. At most a minute. */
  run(args: string[], options?: RunOptions): Promise<Result>;
  /**
   * Runs a script of sh(1) inside, behind these options of cordon's. Throws when the sandbox does not start, so that
   * "nothing came" never passes for "nothing was there".
   */
  inside(script: string, flags?: string[], options?: RunOptions): Promise<Result>;
  /** Writes a file that belongs to the user; gives its path. */
  write(file: string, text: string, mode?: number): string;
  /** Hands everything below the base to the user. */
  own(): void;
  cleanup(): void;
};

export const secret = "planted-secret-31415926";
const timeoutMs = 60_000;
const lowered = (uid: number) => ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "--"];

export const createWorld = ({ cordon, uid, limits }: Entry): World => {
  const base = makeBase();
  // Short, because the path of a socket has 108 bytes.
  const runtime = mkdtempSync(path.join(tmpdir(), "rt-"));
  const [home, project, elsewhere] = ["user", "user/project", "elsewhere"].map((name) => path.join(base, name));
  for (const directory of [home!, project!, elsewhere!]) mkdirSync(directory);
  const env = { HOME: home!, PATH: "/usr/local/bin:/usr/bin:/bin", TERM: "xterm", XDG_RUNTIME_DIR: runtime };
  const own = () => {
    if (uid !== undefined) for (const top of [base, runtime]) giveTree(top, uid);
  };
  const write = (file: string, text: string, mode = 0o644): string => {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, mode);
    own();
    return file;
  };
  const run = (args: string[], options: RunOptions = {}): Promise<Result> => {
    const argv = [...(uid === undefined ? [] : lowered(uid)), ...cordon, ...args];
    return runToEnd(argv, { cwd: project!, ...options, env: { ...env, ...options.env } });
  };
  own();
  return {
    ...{ base, home: home!, project: project!, elsewhere: elsewhere!, runtime, limits, run, write, own },
    uid: uid ?? process.getuid!(),
    inside: async (script, flags = [], options = {}) => {
      const result = await run(["run", ...flags, "--", "sh", "-c", script], options);
      if (result.code === 125 && !options.mayRefuse) throw new Error(`the sandbox did not start: ${result.stderr}`);
      return result;
    },
    cleanup: () => {
      for (const top of [base, runtime]) rmSync(top, { recursive: true, force: true });
    },
  };
};

const giveTree = (top: string, uid: number): void => {
  lchownSync(top, uid, uid);
  for (const name of readdirSync(top, { recursive: true, encoding: "utf8" }))
    lchownSync(path.join(top, name), uid, uid);
};

const runToEnd = async (argv: string[], { cwd, env, stdin, signal }: RunOptions): Promise<Result> => {
  const child = Bun.spawn(argv, {
    cwd: cwd!,
    env: env!,
    stdin: stdin ?? "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
  const chunks: Uint8Array[] = [];
  const reading = (async () => {
    let pending = signal;
    for await (const chunk of child.stdout) {
      chunks.push(chunk);
      if (!pending || !Buffer.concat(chunks).includes(pending.seen)) continue;
      child.kill(pending.name);
      pending = undefined;
    }
  })();
  const [stderr] = await Promise.all([new Response(child.stderr).text(), reading]);
  const bytes = Buffer.concat(chunks);
  return { code: await child.exited, stdout: bytes.toString(), stderr, bytes };
};
