import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { readJunit, type Tally } from "./junit.ts";
import { type Ended, runToEnd } from "./process.ts";
import { findSuites, type Suite } from "./suites.ts";

const root = path.join(import.meta.dirname, "..");
const bun = path.join(root, "node_modules/.bin/bun");
const timeoutMs = 10 * 60_000;

const steps: [name: string, file: string, args: string[]][] = [
  ["types", "node_modules/.bin/tsc", ["--noEmit"]],
  ["lint", "node_modules/.bin/biome", ["check", "--error-on-warnings", "."]],
  ["reference pages", bun, ["scripts/docs.ts"]],
];

const say = (text: string): boolean => process.stdout.write(`${text}\n`);

const isGreen = (tally: Tally): boolean => tally.failed === 0;

const describe = (tally: Tally): string =>
  `${tally.passed} passed, ${tally.failed} failed${tally.skipped.length ? `, ${tally.skipped.length} skipped` : ""}`;

const report = (name: string, tally: Tally, { output, seconds }: Ended): void => {
  say(`${isGreen(tally) ? "ok  " : "FAIL"} ${name.padEnd(40)} ${describe(tally)} (${seconds.toFixed(1)} s)`);
  for (const skipped of tally.skipped) say(`       skipped: ${skipped}`);
  if (!isGreen(tally)) say(output.trimEnd().replaceAll(/^/gm, "     | "));
};

/** One process for each file: a crash of one, or what it leaves behind in memory, touches no other. */
const runFile = async (file: string, { wrapper = [] }: Suite, scratch: string): Promise<Tally> => {
  const outfile = path.join(scratch, "junit.xml");
  fs.rmSync(outfile, { force: true });
  const args = ["test", `./${file}`, "--only-failures", "--reporter=junit", `--reporter-outfile=${outfile}`];
  const [program = bun, ...words] = [...wrapper, bun, ...args];
  const ended = await runToEnd(program, words, root, timeoutMs);
  const tally = fs.existsSync(outfile) ? readJunit(fs.readFileSync(outfile, "utf8")) : undefined;
  const counted = tally ?? { passed: 0, failed: 0, skipped: [] };
  const said = explain(ended, tally);
  if (said !== undefined) {
    counted.failed++;
    ended.output += `\n${said}`;
  }
  report(file.slice("test/".length), counted, ended);
  return counted;
};

/** What no test case of the file says for itself. */
const explain = ({ status, timedOut }: Ended, tally: Tally | undefined): string | undefined => {
  if (timedOut) return `did not end within ${timeoutMs / 60_000} minutes`;
  if (tally === undefined) return `ended with ${status ?? "a signal"} before its report was written`;
  if (status !== 0 && tally.failed === 0) return `ended with ${status ?? "a signal"}`;
  if (tally.passed + tally.failed + tally.skipped.length === 0) return "no test ran";
  return undefined;
};

const runStep = async (name: string, file: string, args: string[]): Promise<Tally> => {
  const ended = await runToEnd(file, args, root, timeoutMs);
  const passed = ended.status === 0 ? 1 : 0;
  const tally: Tally = { passed, failed: 1 - passed, skipped: [] };
  report(name, tally, ended);
  return tally;
};

const sum = (tallies: Tally[]): Tally => ({
  passed: tallies.reduce((count, { passed }) => count + passed, 0),
  failed: tallies.reduce((count, { failed }) => count + failed, 0),
  skipped: tallies.flatMap(({ skipped }) => skipped),
});

const runSuite = async (suite: Suite, scratch: string): Promise<Tally> => {
  const tallies: Tally[] = [];
  for (const file of suite.files) tallies.push(await runFile(file, suite, scratch));
  return sum(tallies);
};

const main = async (onlyQuick: boolean): Promise<number> => {
  const results: [string, Tally][] = [];
  for (const [name, file, args] of steps) results.push([name, await runStep(name, file, args)]);
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "cordon-test-"));
  process.on("exit", () => fs.rmSync(scratch, { recursive: true, force: true }));
  for (const suite of findSuites(onlyQuick)) results.push([suite.name, await runSuite(suite, scratch)]);
  say("");
  for (const [name, tally] of results) say(`${name.padEnd(16)} ${describe(tally)}`);
  const total = sum(results.map(([, tally]) => tally));
  say(describe(total));
  return isGreen(total) && total.passed > 0 ? 0 : 1;
};

process.exit(await main(process.argv.includes("--quick")));
