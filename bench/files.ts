import { copyFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { compareRounds, type Row, summarise } from "./measure.ts";
import type { World } from "./world.ts";

const area = "files";
const warmUp = 2;
const turns = 40;
/** Equal, with room for the noise of a disk. */
const mostRatio = 1.1;

const names = {
  writeMs: "write 32 MB",
  readMs: "read 32 MB",
  createMs: "create 250 small files",
  statMs: "stat 250 small files",
  unlinkMs: "unlink 250 small files",
};
type Times = Record<keyof typeof names, number>;

/** The same program twice in the same project, inside the sandbox and outside, in turns. */
export const measureFiles = async (cordon: string, world: World): Promise<Row[]> => {
  const bun = realpathSync(process.execPath);
  copyFileSync(join(import.meta.dirname, "file-work.ts"), join(world.project, "file-work.ts"));
  const within = [cordon, "--net", "open", "--add-dir", `${dirname(bun)}:ro`, "run", "--"];
  const inner = startWorker([...within, bun, "file-work.ts", "inside"], world);
  const outer = startWorker([bun, "file-work.ts", "outside"], world);
  const inside: Times[] = [];
  const outside: Times[] = [];
  for (let turn = -warmUp; turn < turns; turn++) {
    const times = [await inner.take(), await outer.take()] as const;
    if (turn < 0) continue;
    inside.push(times[0]);
    outside.push(times[1]);
  }
  await Promise.all([inner.finish(), outer.finish()]);
  return (Object.keys(names) as (keyof Times)[]).map((key) => {
    const of = (times: Times[]) => times.map((time) => time[key]);
    return {
      ...{ area, name: names[key], unit: "ms", measured: summarise(of(inside)) },
      beside: { name: "outside", measured: summarise(of(outside)) },
      comparison: compareRounds("ratio", of(inside), of(outside)),
      target: { atMost: mostRatio },
    };
  });
};

const startWorker = (argv: string[], { project, env }: World) => {
  const child = Bun.spawn(argv, { cwd: project, env, stdio: ["pipe", "pipe", "inherit"] });
  const reader = child.stdout.getReader();
  const decoder = new TextDecoder();
  return {
    /** One turn of work. Throws when the program has ended. */
    async take(): Promise<Times> {
      child.stdin.write("\n");
      await child.stdin.flush();
      let text = "";
      while (!text.includes("\n")) {
        const { value, done } = await reader.read();
        if (done) throw new Error(`${argv.join(" ")} ended with ${await child.exited}`);
        text += decoder.decode(value, { stream: true });
      }
      return JSON.parse(text) as Times;
    },
    async finish(): Promise<void> {
      await child.stdin.end();
      if ((await child.exited) !== 0) throw new Error(`${argv.join(" ")} ended with ${child.exitCode}`);
    },
  };
};
