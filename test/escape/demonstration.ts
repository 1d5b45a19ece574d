import { join } from "node:path";
import { probes } from "./catalog.ts";
import { type RunInside, runProbes } from "./escape.ts";
import type { Outcome } from "./facts.ts";
import { plant } from "./plant.ts";
import { runCommand } from "./spawn.ts";

/**
 * Runs inside of `container.sh`: every probe on ground of its own, without any boundary, and prints what it reports.
 * Only a mount namespace lies around each, so that a probe that takes mounts away takes nothing from the next.
 */
const runBare: RunInside = (argv, { env, facts, leaks }, terminal) =>
  runCommand({ argv: ["unshare", "--mount", "--", ...argv], env, cwd: facts.workspace, leaks, terminal });

const kit = join(import.meta.dirname, "..");
const bounds = { processes: 20, megabytes: 8, inodes: 100 };
const report: Record<string, Outcome> = {};
for (const probe of probes) {
  const ground = await plant({ kit, facts: { bounds, limits: true } });
  try {
    Object.assign(report, await runProbes(runBare, ground, [probe]));
  } finally {
    await ground.cleanup();
  }
}
console.log(JSON.stringify(report));
process.exit(0);
