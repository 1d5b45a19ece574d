import { copyFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { compareRounds, type Row, summarise } from "./measure.ts";
import { startWorker } from "./worker.ts";
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
    const times = [readTimes(await inner.take("")), readTimes(await outer.take(""))] as const;
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

const readTimes = (line: string): Times => JSON.parse(line) as Times;
