import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { buildCordon } from "../scripts/build.ts";

const root = path.join(import.meta.dirname, "..");
const place = path.join(root, ".cache/test");
const keptMs = 60 * 60_000;

let built: string | undefined;

/**
 * The compiled program, built once for each state of the sources, and executable by every user of this machine.
 * Throws with the compiler's words when it cannot be built.
 */
export const cordonBinary = (): string => {
  built ??= reachable(build());
  return built;
};

const build = (): string => {
  const directory = path.join(place, sourceDigest());
  const file = path.join(directory, "cordon");
  if (!fs.existsSync(file)) buildCordon(file);
  const now = new Date();
  fs.utimesSync(directory, now, now);
  forgetOld(directory);
  return file;
};

/** Others may run the tests at the same time on another state of the sources: what was used lately stays. */
const forgetOld = (current: string): void => {
  for (const name of fs.readdirSync(place)) {
    const directory = path.join(place, name);
    const stat = fs.statSync(directory, { throwIfNoEntry: false });
    if (stat && directory !== current && Date.now() - stat.mtimeMs > keptMs)
      fs.rmSync(directory, { recursive: true, force: true });
  }
};

/** Parts of the suites run as another user, who may not be let into the directory of the sources. */
const reachable = (file: string): string => {
  const ancestors: string[] = [];
  for (let at = path.dirname(file); at !== path.dirname(at); at = path.dirname(at)) ancestors.push(at);
  if (ancestors.every((directory) => (fs.statSync(directory).mode & 0o001) !== 0)) return file;
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "cordon-binary-"));
  fs.chmodSync(directory, 0o755);
  process.on("exit", () => fs.rmSync(directory, { recursive: true, force: true }));
  const copy = path.join(directory, "cordon");
  fs.copyFileSync(file, copy);
  fs.chmodSync(copy, 0o755);
  return copy;
};

const sourceDigest = (): string => {
  const hash = createHash("sha256");
  const names = fs.readdirSync(path.join(root, "src"), { recursive: true, encoding: "utf8" }).sort();
  for (const name of [...names.map((name) => `src/${name}`), "scripts/build.ts", "scripts/build.ts", "package.json", "package-lock.json"]) {
    const file = path.join(root, name);
    if (fs.statSync(file).isFile()) hash.update(`${name}\0`).update(fs.readFileSync(file));
  }
  return hash.digest("hex").slice(0, 16);
};
