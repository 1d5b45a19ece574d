import { afterAll, expect, test } from "bun:test";
import { probes } from "./catalog.ts";
import { failed, held, type Outcome, type Probe } from "./facts.ts";
import { type Ground, type GroundOptions, plant, probeCommand } from "./plant.ts";

/**
 * Starts the sandbox as its user would, from `ground.env`, with `ground.lower` and `ground.leaks`, in
 * `ground.facts.workspace`, and runs `argv` in it. Inside, `ground.facts.kit` is readable and nothing else is added.
 * `runCommand` does the host's part.
 */
export type RunInside = (
  argv: string[],
  ground: Ground,
  terminal: boolean,
) => Promise<{ stdout: string; stderr: string; code: number }>;

export interface EscapeOptions extends GroundOptions {
  /** Of which sandbox, as which user: stands before each test's name. */
  name: string;
  runInside: RunInside;
  /** Probes known to get through, each with its reason. Their tests fail as soon as the hole is closed. */
  knownGaps?: Record<string, string>;
  /** Ids of the probes to run; all of them if left out. */
  only?: string[];
}

type Report = Record<string, Outcome>;

function parseReport(stdout: string): Report {
  // A terminal may echo typed characters in front of a line.
  const lines = stdout.split(/\r?\n/).flatMap((line) => /\{"id":.*\}/.exec(line)?.[0] ?? []);
  return Object.fromEntries(lines.map((line) => JSON.parse(line)).map(({ id, ...outcome }) => [id, outcome]));
}

/** The verdict of one sandbox for each probe; what the host saw afterwards overrules what the probe saw. */
export async function runProbes(runInside: RunInside, ground: Ground, chosen = probes): Promise<Report> {
  const report: Report = {};
  const run = async (batch: readonly Probe[], terminal = false) => {
    if (batch.length === 0) return;
    const argv = probeCommand(
      ground.facts,
      batch.map((probe) => probe.id),
    );
    const { stdout, stderr, code } = await runInside(argv, ground, terminal);
    Object.assign(report, parseReport(stdout));
    for (const probe of batch) report[probe.id] ??= describeSilence(probe, code, stderr || stdout);
    for (const probe of batch) {
      const seen = probe.inspect?.(ground.facts, ground.host);
      if (seen) report[probe.id] = { verdict: "breached", detail: seen };
    }
  };
  await run(chosen.filter((probe) => !probe.alone && !probe.terminal));
  await run(
    chosen.filter((probe) => probe.terminal),
    true,
  );
  for (const probe of chosen.filter((probe) => probe.alone)) await run([probe]);
  return report;
}

/** Killed is what a limit does to a bomb; any other silence, such as a sandbox that did not start, proves nothing. */
function describeSilence(probe: Probe, code: number, output: string): Outcome {
  const KILLED = 128 + 9;
  if (probe.mayDie && code === KILLED) return held("the sandbox was ended");
  return failed(`no verdict, exit code ${code}: ${output.slice(0, 500)}`);
}

/** Plants the ground, runs every probe and registers one test for each. Await it at the top of a test file. */
export async function registerEscape({
  name,
  runInside,
  knownGaps = {},
  only,
  ...options
}: EscapeOptions): Promise<void> {
  const ground = await plant(options);
  afterAll(() => ground.cleanup());
  const chosen = only ? probes.filter(({ id }) => only.includes(id)) : probes;
  const report = await runProbes(runInside, ground, chosen).catch(async (error) => {
    await ground.cleanup();
    throw error;
  });
  for (const { id, attack } of chosen) {
    const { verdict, detail } = report[id]!;
    const gap = knownGaps[id];
    const title = `${name}: ${id} ${attack}`;
    if (verdict === "skipped") test.skip(`${title} (skipped: ${detail})`, () => {});
    else if (gap) test(`${title} (known gap: ${gap})`, () => expect(verdict).toBe("breached"));
    else test(title, () => expect({ verdict, detail }).toEqual({ verdict: "held", detail }));
  }
}
