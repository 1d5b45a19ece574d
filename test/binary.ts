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
  for (const name of fs.readdirSync(path.dirname(current))) {
    const directory = path.join(path.dirname(current), name);
    const stat = fs.statSync(directory, { throwIfNoEntry: false });
    if (stat && directory !== current && Date.now() - stat.mtimeMs > keptMs)
      fs.rmSync(directory, { recursive: true, force: true });
  }
};

/** Parts of the suites run as another user, who may not be let into the directory of the sources: then a copy is used. */
const reachable = (file: string): string => {
  const ancestors: string[] = [];
  for (let at = path.dirname(file); at !== path.dirname(at); at = path.dirname(at)) ancestors.push(at);
  if (ancestors.every((directory) => (fs.statSync(directory).mode & 0o001) !== 0)) return file;
  const shared = path.join(os.tmpdir(), `cordon-test-${process.getuid?.()}`);
  fs.mkdirSync(shared, { recursive: true, mode: 0o755 });
  if (fs.lstatSync(shared).uid !== process.getuid?.()) throw new Error(`${shared} belongs to somebody else`);
  const directory = path.join(shared, path.basename(path.dirname(file)));
  fs.mkdirSync(directory, { recursive: true, mode: 0o755 });
  const copy = path.join(directory, "cordon");
  if (!fs.existsSync(copy)) {
    const unfinished = `${copy}.${process.pid}`;
    fs.copyFileSync(file, unfinished);
    fs.chmodSync(unfinished, 0o755);
    fs.renameSync(unfinished, copy);
  }
  forgetOld(directory);
  return copy;
};

const sourceDigest = (): string => {
  const hash = createHash("sha256");
  const names = fs.readdirSync(path.join(root, "src"), { recursive: true, encoding: "utf8" }).sort();
  for (const name of [...names.map((name) => `src/${name}`), "scripts/build.ts", "package.json", "package-lock.json"]) {
    const file = path.join(root, name);
    if (fs.statSync(file).isFile()) hash.update(`${name}\0`).update(fs.readFileSync(file));
  }
  return hash.digest("hex").slice(0, 16);
};
