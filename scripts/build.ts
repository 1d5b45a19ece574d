import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

const root = path.join(import.meta.dirname, "..");

/** Without the last four, files of the directory in which cordon is started would steer it before its first line. */
const buildArgs = [
  "build",
  "src/main.ts",
  ...["--compile", "--bytecode", "--format=esm"],
  // Smaller, and what a run does not need stays in chunks that are not read: 2 ms less.
  ...["--minify", "--splitting"],
  ...["dotenv", "bunfig", "tsconfig", "package-json"].map((file) => `--no-compile-autoload-${file}`),
];

/**
 * Variables by which Bun would load other code into the program, or become another program, before its first line.
 * There is no option against them. A name that holds `=` can stand in no environment, so the runtime finds none of them.
 */
const steeringNames = ["BUN_OPTIONS", "BUN_BE_BUN", "BUN_INSPECT", "BUN_JSC_"];

const silence = (program: string): void => {
  const bytes = fs.readFileSync(program);
  for (const name of steeringNames) {
    let at = bytes.indexOf(name);
    if (at < 0) throw new Error(`the runtime no longer knows ${name}: look how it is steered now`);
    for (; at >= 0; at = bytes.indexOf(name, at + 1)) bytes.write("=", at);
  }
  fs.writeFileSync(program, bytes);
};

/**
 * Compiles the program to `outfile`, which is there complete or not at all: a running copy is not disturbed.
 * Throws an Error with the compiler's words.
 */
export const buildCordon = (outfile: string): void => {
  const directory = path.dirname(path.resolve(outfile));
  fs.mkdirSync(directory, { recursive: true });
  const scratch = fs.mkdtempSync(path.join(directory, ".build-"));
  try {
    const made = path.join(scratch, "cordon");
    const compiler = path.join(root, "node_modules/.bin/bun");
    const done = spawnSync(compiler, [...buildArgs, "--outfile", made], { cwd: root, encoding: "utf8" });
    if (done.status !== 0) throw new Error(`the program cannot be built:\n${done.stdout}${done.stderr}`);
    silence(made);
    fs.renameSync(made, outfile);
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
};

if (import.meta.main) {
  const [outfile] = process.argv.slice(2);
  if (outfile === undefined) throw new Error("usage: bun scripts/build.ts OUTFILE");
  try {
    buildCordon(outfile);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}
