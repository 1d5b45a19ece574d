import type { World } from "./world.ts";

/** A program that does one turn of work for each line that it reads, and answers with a line. */
export type Worker = {
  pid: number;
  /** Rejects when the program ends instead. */
  take(request: string): Promise<string>;
  /** Ends its input. Rejects when it fails. */
  finish(): Promise<void>;
};

/** Starting does not count, and the turns of several workers can alternate. */
export const startWorker = (argv: string[], { project, env }: Pick<World, "project" | "env">): Worker => {
  const child = Bun.spawn(argv, { cwd: project, env, stdio: ["pipe", "pipe", "inherit"] });
  const reader = child.stdout.getReader();
  const decoder = new TextDecoder();
  return {
    pid: child.pid,
    async take(request) {
      child.stdin.write(`${request}\n`);
      await child.stdin.flush();
      let text = "";
      while (!text.includes("\n")) {
        const { value, done } = await reader.read();
        if (done) throw new Error(`${argv.join(" ")} ended with ${await child.exited}`);
        text += decoder.decode(value, { stream: true });
      }
      return text.trimEnd();
    },
    async finish() {
      await child.stdin.end();
      if ((await child.exited) !== 0) throw new Error(`${argv.join(" ")} ended with ${child.exitCode}`);
    },
  };
};
