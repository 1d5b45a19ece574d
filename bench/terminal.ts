import { compareRounds, type Row, summarise } from "./measure.ts";
import { startOnTerminal } from "./pty.ts";
import type { World } from "./world.ts";

const area = "terminal";
const rounds = 5;
const limitMs = 60_000;
const bytes = 100_000_000;

const lines = {
  "100 MB of plain lines": "'a line of ordinary output, as a compiler prints it'",
  "100 MB of coloured lines": `"$(printf '\\033[32mok\\033[0m a coloured line \\033[2m(12 ms)\\033[0m')"`,
};

/** How fast output reaches a terminal that reads as fast as it can, through cordon's private terminal and without. */
export const measureTerminal = async (cordon: string, world: World): Promise<Row[]> => {
  const rows: Row[] = [];
  for (const [name, line] of Object.entries(lines)) {
    const command = ["sh", "-c", `yes ${line} | head -c ${bytes}`];
    const inside: number[] = [];
    const outside: number[] = [];
    for (let round = 0; round < rounds; round++) {
      inside.push(await throughput([cordon, "--net", "open", "run", "--", ...command], world));
      outside.push(await throughput(command, world));
    }
    rows.push({
      ...{ area, name, unit: "MB/s", measured: summarise(inside) },
      beside: { name: "without cordon", measured: summarise(outside) },
      comparison: compareRounds("ratio", inside, outside),
    });
  }
  return rows;
};

/** From the first byte to the last: starting does not count. */
const throughput = async (argv: string[], world: World): Promise<number> => {
  const started = startOnTerminal(argv, world);
  const drained = started.drain(limitMs);
  if (!drained.isClosed || drained.bytes < bytes) throw new Error(`only ${drained.bytes} bytes came from the terminal`);
  await started.finish();
  return drained.bytes / 1e6 / ((drained.lastMs - drained.firstMs) / 1000);
};
