import { afterAll, beforeAll } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

/** Builds overlay-main.ts for a test file, where every user can start it; removed after the last test. Gives its path. */
export const useOverlayProgram = (): string => {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "co-"));
  const program = path.join(scratch, "cordon");
  beforeAll(() => {
    fs.chmodSync(scratch, 0o755);
    const main = path.join(import.meta.dirname, "overlay-main.ts");
    const done = spawnSync(process.execPath, ["build", main, "--compile", "--outfile", program]);
    if (done.status !== 0) throw new Error(`overlay-main does not build: ${done.stderr}`);
    fs.chmodSync(program, 0o755);
  }, 60_000);
  afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));
  return program;
};

/** The command line of a run by that program, from the one of the tested one. */
export const withOverlay = ([file, args]: [string, string[]], tested: string, program: string): [string, string[]] => {
  const swap = (word: string) => (word === tested ? program : word);
  return [swap(file), args.map(swap)];
};
