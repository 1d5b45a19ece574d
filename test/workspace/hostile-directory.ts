import { expect } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { type Lab, litterOf, run, tryRun } from "./import-lab.ts";

/** What an attacker writes into a private git directory, and what a plain git makes of it. */

/** What a merge that knows no better would do: fetch from the directory into a copy of the repository. */
export const fetchPlainly = (lab: Lab, what = "+refs/heads/*:refs/naive/*", seconds = 20) => {
  if (!fs.existsSync(lab.at("naive"))) run(["clone", "-q", lab.at("main"), lab.at("naive")], lab.env, lab.directory);
  // Out here the host's objects stand at another place than inside.
  const alternates = path.join(lab.priv, "objects/info/alternates");
  const before = fs.readFileSync(alternates);
  fs.appendFileSync(alternates, `${lab.at("main/.git/objects")}\n`);
  const words = ["-s", "KILL", String(seconds), "git", "fetch", "-q", lab.priv, what];
  const done = spawnSync("timeout", words, { cwd: lab.at("naive"), env: lab.env });
  fs.writeFileSync(alternates, before);
  return { code: done.status ?? done.signal, stderr: done.stderr.toString() };
};
export const has = (lab: Lab, id: string, where = lab.top) => tryRun(["cat-file", "-e", id], lab.env, where).code === 0;

/** Everything of the host that an import could have changed. */
export const stateOf = (lab: Lab) => [
  lab.git("for-each-ref"),
  lab.git("count-objects", "-v"),
  lab.git("status", "--porcelain"),
  fs.readFileSync(lab.at("main/.git/config"), "utf8"),
];

export const expectRefused = async (lab: Lab, pattern: RegExp, limits = {}) => {
  const before = stateOf(lab);
  const result = await lab.bring({ limits });
  expect(result).toMatchObject({ imported: [], kept: [], hints: [], seen: undefined });
  expect(result.problems).toHaveLength(1);
  expect(result.problems[0]).toMatch(pattern);
  expect(result.problems[0]).toContain(lab.priv);
  expect(stateOf(lab)).toEqual(before);
  expect(litterOf(lab)).toEqual([]);
};

export const insideWith = (lab: Lab, input: string | Buffer, ...args: string[]) =>
  run(args, lab.insideEnv, lab.top, input);
export const entry = (mode: string, name: string, id: string): Buffer =>
  Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, "hex")]);
export const plantTree = (lab: Lab, entries: Buffer[]): string =>
  insideWith(lab, Buffer.concat(entries), "hash-object", "-t", "tree", "-w", "--stdin", "--literally");
/** A commit on top of main whose tree is as given. */
export const plantCommit = (lab: Lab, tree: string): string => {
  const id = insideWith(lab, "planted", "commit-tree", "-p", lab.base.head!, tree);
  lab.inside("update-ref", "refs/heads/main", id);
  return id;
};
export const blobOf = (lab: Lab, text: string) => insideWith(lab, text, "hash-object", "-w", "--stdin");
