import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { CordonError } from "../../src/errors.ts";
import type { Setup } from "../../src/plan/setup.ts";
import type { Outcome } from "../../src/run/interpreter.ts";
import { makeReady } from "../../src/run/setup.ts";
import { digestInputs } from "../../src/run/setup-inputs.ts";

let directory: string;
let project: string;
let runs: number;
let told: string[];
beforeEach(() => {
  directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "cordon-setup-")));
  project = path.join(directory, "project");
  fs.mkdirSync(project);
  runs = 0;
  told = [];
});
afterEach(() => fs.rmSync(directory, { recursive: true }));

const put = (name: string, text: string): void => {
  fs.mkdirSync(path.dirname(path.join(project, name)), { recursive: true });
  fs.writeFileSync(path.join(project, name), text);
};
const setupWith = (changes: Partial<Setup> = {}): Setup => ({
  command: ["install"],
  written: "install",
  origin: "--setup",
  inputs: undefined,
  ...changes,
});
type Act = () => Outcome | Promise<Outcome>;
const ready = (setup = setupWith(), { stamp = "stamp", act = (() => ({ code: 0 })) as Act } = {}): Promise<void> =>
  makeReady(setup, {
    project,
    stamp: path.join(directory, "state", stamp),
    run: async () => {
      runs++;
      return act();
    },
    tell: (sentence) => told.push(sentence),
  });

describe("it runs", () => {
  test("once, and again for another command, another lock file, another workspace", async () => {
    const steps: [() => void, Promise<void>?][] = [
      [() => {}],
      [() => put("package-lock.json", "1")],
      [() => put("package-lock.json", "2")],
      [() => put("requirements-dev.txt", "1")],
      [() => fs.mkdirSync(path.join(project, "node_modules"))],
      [() => fs.rmdirSync(path.join(project, "node_modules"))],
      [() => fs.rmSync(path.join(project, "package-lock.json"))],
    ];
    for (const [index, [change]] of steps.entries()) {
      change();
      await ready();
      await ready();
      expect(runs).toBe(index + 1);
    }
    await ready(setupWith({ command: ["other"] }));
    expect(runs).toBe(steps.length + 1);
    await ready(setupWith({ command: ["other"] }), { stamp: "session" });
    expect(runs).toBe(steps.length + 2);
    expect(told).toHaveLength(runs);
  });

  test("not for files that it does not depend on", async () => {
    await ready();
    put("index.js", "1");
    put("sub/package-lock.json", "1");
    await ready();
    expect(runs).toBe(1);
    put("sub/Cargo.lock", "1");
    const named = setupWith({ inputs: ["sub/Cargo.lock"] });
    await ready(named);
    put("package-lock.json", "1");
    await ready(named);
    expect(runs).toBe(2);
    put("sub/Cargo.lock", "2");
    await ready(named);
    expect(runs).toBe(3);
  });

  test("not again for what it has written itself", async () => {
    const act = () => {
      put("package-lock.json", String(Math.random()));
      return { code: 0 };
    };
    await ready(setupWith(), { act });
    await ready(setupWith(), { act });
    expect(runs).toBe(1);
  });

  test("again after it has failed, also when it had succeeded before", async () => {
    await ready();
    put("yarn.lock", "1");
    await expect(ready(setupWith(), { act: () => ({ code: 9 }) })).rejects.toThrow("ended with status 9");
    fs.rmSync(path.join(project, "yarn.lock"));
    await ready();
    expect(runs).toBe(3);
  });
});

test.each([
  [{ code: 7 }, "ended with status 7"],
  [{ code: 124, reason: "timeout" }, "took longer than `--timeout` allows"],
  [{ code: 143, reason: "stopped" }, "was ended by `cordon stop`"],
] as [Outcome, string][])("the error says how it ended: %j", async (outcome, ending) => {
  const error = await ready(setupWith({ written: "npm ci\nmore" }), { act: () => outcome }).catch((cause) => cause);
  expect((error as CordonError).code).toBe("E_SETUP_FAILED");
  expect((error as CordonError).message).toBe(`the setup \`npm ci…\` ${ending}, so nothing was started`);
});

test("two runs at once make it ready once", async () => {
  const gate = Promise.withResolvers<Outcome>();
  const first = ready(setupWith(), { act: () => gate.promise });
  const second = ready();
  while (told.length < 2) await Bun.sleep(5);
  expect(told).toContain("waiting for the setup of another run");
  expect(runs).toBe(1);
  gate.resolve({ code: 0 });
  await Promise.all([first, second]);
  expect(runs).toBe(1);
});

describe("a hostile project", () => {
  test("a pipe is not waited for, a link is not followed, a missing place is no error", () => {
    spawnSync("mkfifo", [path.join(project, "yarn.lock")]);
    const secret = path.join(directory, "secret");
    fs.writeFileSync(secret, "1");
    fs.symlinkSync(secret, path.join(project, "package-lock.json"));
    const before = digestInputs(project, []);
    fs.writeFileSync(secret, "2");
    expect(digestInputs(project, [])).toBe(before);
    expect(digestInputs(path.join(directory, "nowhere"), [], ["a"])).toMatch(/^[0-9a-f]{64}$/);
  });

  test("names and contents cannot stand for each other", () => {
    put("a", "x");
    put("b", "");
    const first = digestInputs(project, [], ["a", "b"]);
    put("a", "");
    put("b", "x");
    expect(digestInputs(project, [], ["a", "b"])).not.toBe(first);
  });
});
