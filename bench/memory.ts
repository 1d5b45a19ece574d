import { readFileSync, readlinkSync } from "node:fs";
import { type Row, summarise } from "./measure.ts";
import { startOnTerminal } from "./pty.ts";
import type { World } from "./world.ts";

const area = "memory";
const rounds = 5;
export const settledMs = 1_000;
const limitMs = 30_000;
export const mostResidentMb = 45;
/** About what a long session of an agent draws on its terminal. */
const manyLines = "yes 'a line that an agent could have printed' | head -c 20000000";

type Sample = { residentMb: number; ownMb: number };

/** What one cordon holds in memory while it waits for the command: all of it, and the part that is no copy of the program's file. */
export const measureMemory = async (cordon: string, world: World): Promise<Row[]> => {
  const run = (...command: string[]) => [cordon, "--net", "open", "run", "--", ...command];
  const kinds: [string, () => Promise<Sample>][] = [
    ["without a terminal", () => withoutTerminal(run("sleep", "2"), cordon, world)],
    ["on a terminal", () => onTerminal(run("sleep", "2"), cordon, world)],
    ["on a terminal, after 20 MB of output", () => onTerminal(run("sh", "-c", `${manyLines}; sleep 3`), cordon, world)],
  ];
  const rows: Row[] = [];
  for (const [name, take] of kinds) {
    const samples: Sample[] = [];
    for (let round = 0; round < rounds; round++) samples.push(await take());
    const resident = summarise(samples.map(({ residentMb }) => residentMb));
    const own = summarise(samples.map(({ ownMb }) => ownMb));
    rows.push({
      ...{ area, name: `resident, ${name}`, unit: "MB", measured: resident },
      target: { atMost: mostResidentMb },
    });
    rows.push({ area, name: `anonymous part, ${name}`, unit: "MB", measured: own });
  }
  return rows;
};

const withoutTerminal = async (argv: string[], cordon: string, { project, env }: World): Promise<Sample> => {
  const child = Bun.spawn(argv, { cwd: project, env, stdio: ["ignore", "ignore", "inherit"] });
  await Bun.sleep(settledMs);
  const sample = sampleOf(child.pid, cordon);
  if ((await child.exited) !== 0) throw new Error(`${argv.join(" ")} ended with ${child.exitCode}`);
  return sample;
};

const onTerminal = async (argv: string[], cordon: string, world: World): Promise<Sample> => {
  const started = startOnTerminal(argv, world);
  // All output has come when there is a pause of the settling time.
  while (started.drain(settledMs).bytes > 0);
  const sample = sampleOf(started.pid, cordon);
  started.drain(limitMs);
  await started.finish();
  return sample;
};

/** What a process of `program` holds now, in megabytes of 10^6 bytes, from the kernel's kibibytes (proc(5), `VmRSS`, `Anonymous`). */
export const sampleOf = (pid: number, program: string): Sample => {
  const file = readlinkSync(`/proc/${pid}/exe`);
  if (file !== program) throw new Error(`process ${pid} is not cordon but ${file}`);
  const megabytes = (text: string, pattern: RegExp): number => {
    const kibibytes = [...text.matchAll(pattern)].map(([, digits]) => Number(digits));
    return (kibibytes.reduce((sum, value) => sum + value, 0) * 1024) / 1e6;
  };
  return {
    residentMb: megabytes(readFileSync(`/proc/${pid}/status`, "utf8"), /^VmRSS:\s+(\d+)/gm),
    ownMb: megabytes(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"), /^Anonymous:\s+(\d+)/gm),
  };
};
