import fs from "node:fs";

export type Outcome = { status: number; output: string; seconds: number; peakMegabytes: number };

/** What to run, and where. `typed` asks for a terminal, and names the file for what the shell found typed afterwards. */
export type Launched = { argv: string[]; env: Record<string, string>; cwd: string; typed?: string; stop: AbortSignal };

const timeoutMs = 180_000;
const sampleMs = 50;

/** The shell of a user: runs the agent, and then reads what has been typed, which it would have taken for commands. */
const shell =
  'file=$1; shift; "$@"; status=$?; stty -icanon -echo min 0 time 3; dd bs=4096 count=1 2>/dev/null >"$file"; exit $status';

/** Runs to the end, on pipes or on a private terminal. On `stop` or after three minutes the program is told to end. */
export const launch = async ({ argv, env, cwd, typed, stop }: Launched): Promise<Outcome> => {
  const start = performance.now();
  let output = "";
  const gather = (bytes: Uint8Array) => {
    output += Buffer.from(bytes).toString();
  };
  const child =
    typed === undefined
      ? Bun.spawn(argv, { env, cwd, stdio: ["ignore", "pipe", "pipe"] })
      : Bun.spawn(["sh", "-c", shell, "sh", typed, ...argv], {
          env,
          cwd,
          terminal: { cols: 100, rows: 30, data: (_, bytes) => gather(bytes) },
        });
  const program = () => (typed === undefined ? child.pid : firstChild(child.pid));
  let peakMegabytes = 0;
  const sampler = setInterval(() => {
    peakMegabytes = Math.max(peakMegabytes, peakOf(program()));
  }, sampleMs);
  const end = () => {
    const pid = program();
    try {
      if (pid !== undefined) process.kill(pid, "SIGTERM");
    } catch {
      // Ended by itself.
    }
  };
  stop.addEventListener("abort", end);
  const timer = setTimeout(end, timeoutMs);
  const drain = async (stream: unknown) => {
    for await (const bytes of stream as ReadableStream<Uint8Array>) gather(bytes);
  };
  if (typed === undefined) await Promise.all([drain(child.stdout), drain(child.stderr)]);
  const status = await child.exited;
  child.terminal?.close();
  clearTimeout(timer);
  clearInterval(sampler);
  stop.removeEventListener("abort", end);
  return { status, output, seconds: (performance.now() - start) / 1000, peakMegabytes };
};

const readProc = (file: string): string => {
  try {
    return fs.readFileSync(`/proc/${file}`, "utf8");
  } catch {
    return "";
  }
};

const firstChild = (pid: number): number | undefined =>
  Number(readProc(`${pid}/task/${pid}/children`).split(" ")[0]) || undefined;

/** Peak of the resident memory (proc(5), VmHWM); 0 for a process that is gone. */
const peakOf = (pid: number | undefined): number =>
  Number(/VmHWM:\s+(\d+)/.exec(readProc(`${pid}/status`))?.[1] ?? 0) / 1024;
