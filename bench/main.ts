import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { cordonBinary } from "../test/binary.ts";
import { measureFiles } from "./files.ts";
import { isMet, type Row, type Skipped } from "./measure.ts";
import { measureMemory } from "./memory.ts";
import { measureNetwork } from "./network.ts";
import { renderTable } from "./report.ts";
import { measureStartup } from "./startup.ts";
import { measureTerminal } from "./terminal.ts";
import { measureWorkspaces } from "./workspaces.ts";
import { createWorld, type World } from "./world.ts";

type Measure = (cordon: string, world: World) => Promise<(Row | Skipped)[]> | (Row | Skipped)[];

const areas: Record<string, Measure> = {
  "start-up": measureStartup,
  memory: measureMemory,
  files: measureFiles,
  network: measureNetwork,
  terminal: measureTerminal,
  workspaces: measureWorkspaces,
};

const usage = `usage: bun bench/main.ts [--json] [AREA…]\nareas: ${Object.keys(areas).join(", ")}\n`;

/**
 * Measures the named areas (all by default) on the compiled program. A target that is not met is told, and fails
 * nothing; what cannot run does, with exit code 1, after the rest.
 */
const main = async (): Promise<number> => {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: "boolean" } } });
  const wanted = positionals.length > 0 ? positionals : Object.keys(areas);
  if (wanted.some((name) => !Object.hasOwn(areas, name))) {
    process.stderr.write(usage);
    return 2;
  }
  const cordon = cordonBinary();
  const rows: (Row | Skipped)[] = [];
  let code = 0;
  for (const name of wanted) {
    process.stderr.write(`measuring ${name} …\n`);
    const world = createWorld();
    try {
      rows.push(...(await areas[name]!(cordon, world)));
    } catch (cause) {
      process.stderr.write(`error: cannot measure ${name}: ${(cause as Error).message}\n`);
      code = 1;
    } finally {
      world.remove();
    }
  }
  const machine = { processors: cpus().length, model: cpus()[0]?.model.trim() ?? "", load: loadavg()[0] ?? 0 };
  const judged = rows.map((row) => ("skipped" in row ? row : { ...row, met: isMet(row) }));
  process.stdout.write(
    values.json ? `${JSON.stringify({ machine, rows: judged }, undefined, 2)}\n` : `\n${renderTable(rows)}`,
  );
  return code;
};

process.exit(await main());
