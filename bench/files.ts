import { copyFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { compareRounds, type Row, summarise } from "./measure.ts";
import { capture, type World } from "./world.ts";

const area = "files";
const rounds = 9;
/** Equal, with room for the noise of a disk. */
const mostRatio = 1.1;

const names = {
  writeMs: "write 256 MB",
  readMs: "read 256 MB",
  createMs: "create 5000 small files",
  statMs: "stat 5000 small files",
  unlinkMs: "unlink 5000 small files",
};
type Times = Record<keyof typeof names, number>;

/** The same program in the same project, inside the sandbox and outside, in turns. */
export const measureFiles = (cordon: string, world: World): Row[] => {
  const bun = realpathSync(process.execPath);
  copyFileSync(join(import.meta.dirname, "file-work.ts"), join(world.project, "file-work.ts"));
  const work = [bun, "file-work.ts"];
  const take = (argv: string[]): Times => JSON.parse(capture(argv, world)) as Times;
  const inside: Times[] = [];
  const outside: Times[] = [];
  for (let round = -1; round < rounds; round++) {
    const within = take([cordon, "--net", "open", "--read", dirname(bun), "run", "--", ...work]);
    const without = take(work);
    if (round < 0) continue;
    inside.push(within);
    outside.push(without);
  }
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
