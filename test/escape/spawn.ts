/** A program to run on the host side of the boundary. */
export interface HostCommand {
  argv: string[];
  env: Record<string, string>;
  cwd: string;
  /** Descriptors that a careless parent left open: they become 3, 4, … of the program. */
  leaks?: number[];
  /** Gives the program a private terminal; otherwise pipes. */
  terminal?: boolean;
}

export interface HostResult {
  stdout: string;
  stderr: string;
  code: number;
}

const TIMEOUT_MS = 120_000;

/** Runs to the end, at most two minutes. */
export async function runCommand({ argv, env, cwd, leaks = [], terminal }: HostCommand): Promise<HostResult> {
  if (terminal) return runOnTerminal(argv, env, cwd);
  const child = Bun.spawn(argv, { env, cwd, stdio: ["ignore", "pipe", "pipe", ...leaks], timeout: TIMEOUT_MS });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout as ReadableStream).text(),
    new Response(child.stderr as ReadableStream).text(),
  ]);
  return { stdout, stderr, code: await child.exited };
}

async function runOnTerminal(argv: string[], env: Record<string, string>, cwd: string): Promise<HostResult> {
  let stdout = "";
  // Only a terminal made by `spawn` itself becomes the child's controlling one. So wide that no report line is wrapped.
  const child = Bun.spawn(argv, {
    env,
    cwd,
    timeout: TIMEOUT_MS,
    terminal: {
      cols: 4000,
      rows: 24,
      data(_, bytes) {
        stdout += Buffer.from(bytes);
      },
    },
  });
  const code = await child.exited;
  // The last bytes may still lie in the terminal's buffer when the child is gone.
  await Bun.sleep(50);
  child.terminal?.close();
  return { stdout, stderr: "", code };
}
