import { spawn } from "node:child_process";

export type Ended = { status: number | null; output: string; timedOut: boolean; seconds: number };

/** For output that is still under way when the process has ended. */
const graceMs = 1000;

const groups = new Set<number>();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    for (const group of groups) kill(group);
    process.exit(130);
  });
}

const kill = (group: number): void => {
  try {
    process.kill(-group, "SIGKILL");
  } catch {
    // Ended by itself.
  }
};

/** Runs to the end or to the time-out, after which nothing of its process group lives on. Output of both streams. */
export const runToEnd = (file: string, args: string[], cwd: string, timeoutMs: number): Promise<Ended> =>
  new Promise((resolve) => {
    const start = performance.now();
    // A group of its own, so that children go with it.
    const child = spawn(file, args, { cwd, stdio: ["ignore", "pipe", "pipe"], detached: true });
    let output = "";
    let timedOut = false;
    const group = child.pid;
    if (group !== undefined) groups.add(group);
    const end = (status: number | null) => {
      clearTimeout(timer);
      if (group !== undefined) groups.delete(group);
      resolve({ status, output, timedOut, seconds: (performance.now() - start) / 1000 });
    };
    const timer = setTimeout(() => {
      timedOut = true;
      if (group !== undefined) kill(group);
    }, timeoutMs);
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    child.once("error", (error) => {
      output += error.message;
      end(null);
    });
    // Not "close" alone: a process left behind may hold the pipes open for ever.
    child.once("exit", (status) => {
      const grace = setTimeout(() => end(status), graceMs);
      child.once("close", () => {
        clearTimeout(grace);
        end(status);
      });
    });
  });
