import { expect, test } from "bun:test";
import { agentChecks } from "./conformance/agent.ts";
import { environmentChecks } from "./conformance/environment.ts";
import { fileChecks } from "./conformance/files.ts";
import { limitChecks } from "./conformance/limits.ts";
import { networkChecks } from "./conformance/network.ts";
import { presetChecks } from "./conformance/presets.ts";
import { programChecks } from "./conformance/program.ts";
import { createWorld, type Entry, type World } from "./conformance/world.ts";

/** One promise that every backend keeps. Throws where it is broken. */
export type Check = { name: string; does(world: World): Promise<void> };

export const checks: readonly Check[] = [
  ...programChecks,
  ...fileChecks,
  ...environmentChecks,
  ...networkChecks,
  ...limitChecks,
  ...presetChecks,
  ...agentChecks,
];

/** Runs one check in a world of its own; gives what was wrong, or undefined. */
export const runCheck = async (check: Check, entry: Entry): Promise<Error | undefined> => {
  const world = createWorld(entry);
  try {
    await check.does(world);
    return undefined;
  } catch (cause) {
    return cause as Error;
  } finally {
    world.cleanup();
  }
};

/** The names of those checks that a sandbox fails. */
export const findBroken = async (names: readonly string[], entry: Entry): Promise<string[]> => {
  const broken: string[] = [];
  for (const name of names) {
    const check = checks.find((candidate) => candidate.name === name);
    if (!check) throw new Error(`there is no check \`${name}\``);
    if (await runCheck(check, entry)) broken.push(name);
  }
  return broken;
};

/** Registers one test for each check. A deviation of a backend is named, with its reason, and must really deviate. */
export const registerConformance = (name: string, entry: Entry, deviations: Record<string, string> = {}): void => {
  for (const check of checks) {
    const reason = deviations[check.name];
    test(`${name}: ${check.name}${reason ? ` (deviates: ${reason})` : ""}`, async () => {
      const problem = await runCheck(check, entry);
      if (reason) expect(problem).toBeDefined();
      else if (problem) throw problem;
    }, 120_000);
  }
};
