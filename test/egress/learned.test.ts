import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { type Change, forget, learn, learnedFile, readLearned } from "../../src/egress/learned.ts";
import type { CordonError } from "../../src/errors.ts";
import { type Places, placesOf } from "../../src/places.ts";

setDefaultTimeout(60_000);

const source = (name: string) => JSON.stringify(path.join(import.meta.dirname, "../../src", name));

let directory: string;
let places: Places;
let file: string;
beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "cordon-learned-"));
  places = placesOf({}, directory, 0);
  file = learnedFile(places);
});
afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));

const change = (verb: Change["verb"], pattern: string, scope: Change["scope"] = "always", project = "/p"): Change => ({
  ...{ verb, pattern, scope, project },
});
const write = (text: string) => {
  fs.mkdirSync(places.config, { recursive: true });
  fs.writeFileSync(file, text);
};
const failureOf = async (work: () => unknown): Promise<string> => {
  try {
    await work();
    return "";
  } catch (error) {
    const { code, message, hint } = error as CordonError;
    return `${code} ${message} ${hint}`;
  }
};

describe("rules that are kept", () => {
  test("none: nothing is made by looking", () => {
    expect(readLearned(places, "/p")).toEqual({ allow: [], deny: [] });
    expect(fs.readdirSync(directory)).toEqual([]);
  });

  test("hold for their project or for every one, and name the command they come from", async () => {
    expect(await learn(places, change("allow", "a.test"))).toBe(true);
    expect(await learn(places, change("allow", "b.test", "project"))).toBe(true);
    expect(await learn(places, change("deny", "c.test", "project", "/q"))).toBe(true);
    expect(await learn(places, change("deny", "d.test"))).toBe(true);
    const denied = [{ value: "d.test", origin: "cordon deny --always" }];
    const allowed = [{ value: "a.test", origin: "cordon allow --always" }];
    expect(readLearned(places, "/p")).toEqual({
      allow: [{ value: "b.test", origin: "cordon allow --project" }, ...allowed],
      deny: denied,
    });
    expect(readLearned(places, "/q")).toEqual({
      allow: allowed,
      deny: [{ value: "c.test", origin: "cordon deny --project" }, ...denied],
    });
    expect(readLearned(places, "/p/inner")).toEqual({ allow: allowed, deny: denied });
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect(fs.statSync(places.config).mode & 0o777).toBe(0o700);
    expect(fs.readdirSync(places.config)).toEqual(["rules.json"]);
  });

  test("twice are kept once; the opposite goes, in its own scope only", async () => {
    await learn(places, change("deny", "a.test"));
    await learn(places, change("deny", "a.test", "project"));
    expect(await learn(places, change("deny", "a.test"))).toBe(false);
    expect(await learn(places, change("allow", "a.test"))).toBe(true);
    expect(readLearned(places, "/p")).toEqual({
      allow: [{ value: "a.test", origin: "cordon allow --always" }],
      deny: [{ value: "a.test", origin: "cordon deny --project" }],
    });
  });

  test("are forgotten, and leave no empty project behind", async () => {
    for (const scope of ["project", "always"] as const) {
      await learn(places, change("allow", "a.test", scope));
      expect(await forget(places, change("deny", "a.test", scope))).toBe(false);
      expect(await forget(places, change("allow", "a.test", scope))).toBe(true);
      expect(await forget(places, change("allow", "a.test", scope))).toBe(false);
    }
    expect(JSON.parse(fs.readFileSync(file, "utf8"))).toEqual({
      ...{ version: 1, always: { allow: [], deny: [] }, projects: {} },
    });
  });

  test("stay where the user keeps the file", async () => {
    const elsewhere = path.join(directory, "dotfiles.json");
    fs.mkdirSync(places.config, { recursive: true });
    fs.writeFileSync(elsewhere, '{"version":1,"always":{"allow":[],"deny":[]},"projects":{}}');
    fs.symlinkSync(elsewhere, file);
    await learn(places, change("allow", "a.test"));
    expect(fs.readlinkSync(file)).toBe(elsewhere);
    expect(readLearned(places, "/p").allow.length).toBe(1);
  });
});

describe("a file that is not what cordon wrote", () => {
  const good = { version: 1, always: { allow: [], deny: [] }, projects: {} };
  const table: [string, string, RegExp][] = [
    ["a later version", JSON.stringify({ ...good, version: 2 }), /E_CONFIG_INVALID .*version is 2.* update cordon/],
    ["no version", "{}", /E_CONFIG_INVALID .*version is none/],
    ["half a file", JSON.stringify(good).slice(0, 30), /E_CONFIG_INVALID .*repair the file/],
    ["nothing", "", /E_CONFIG_INVALID/],
    ["a list", "[]", /E_CONFIG_INVALID .*no object/],
    ["no text", JSON.stringify({ ...good, always: { allow: [1], deny: [] } }), /E_CONFIG_INVALID .*lists of patterns/],
    ["no lists", JSON.stringify({ ...good, projects: { "/q": {} } }), /E_CONFIG_INVALID .*lists of patterns/],
    ["too much", JSON.stringify({ ...good, more: "x".repeat(300_000) }), /E_CONFIG_UNREADABLE .*larger/],
  ];
  test.each(table)("%s is refused by its name, and not written over", async (_, text, expected) => {
    write(text);
    expect(await failureOf(() => readLearned(places, "/p"))).toMatch(expected);
    expect(await failureOf(() => learn(places, change("allow", "a.test")))).toMatch(expected);
    expect(fs.readFileSync(file, "utf8")).toBe(text);
    expect(fs.readdirSync(places.config)).toEqual(["rules.json"]);
  });

  test("a pattern that is none is no rule to pass over", async () => {
    write(JSON.stringify({ ...good, always: { allow: [], deny: ["a.test\u0000"] } }));
    expect(await failureOf(() => readLearned(places, "/p"))).toContain(`E_CONFIG_INVALID ${file}`);
  });

  test("a prototype is no project", () => {
    write('{"version":1,"always":{"allow":[],"deny":[]},"projects":{"__proto__":{"allow":["*"],"deny":[]}}}');
    expect(readLearned(places, "/p").allow).toEqual([]);
    expect(readLearned(places, "constructor").allow).toEqual([]);
  });

  test("more rules than can be read again are not kept", async () => {
    const many = Array.from({ length: 9000 }, (_, index) => `${index}.${"x".repeat(20)}.test`);
    write(JSON.stringify({ ...good, always: { allow: many.slice(0, 6800), deny: [] } }));
    expect(await failureOf(() => learn(places, change("allow", "a.test")))).toMatch(/E_CONFIG_UNWRITABLE .*256 KiB/);
    expect(readLearned(places, "/p").allow.length).toBe(6800);
  });
});

describe("several writers", () => {
  test("lose none of each other's rules", async () => {
    const script = `
const { learn } = await import(${source("egress/learned.ts")});
const { placesOf } = await import(${source("places.ts")});
const [home, name] = process.argv.slice(1);
const places = placesOf({}, home, 0);
await Promise.all(Array.from({ length: 20 }, (_, i) =>
  learn(places, { verb: "allow", pattern: name + i + ".test", scope: "always", project: "/p" })));`;
    const writers = ["a", "b", "c"].map(
      (name) =>
        new Promise((resolve) =>
          spawn(process.execPath, ["-e", script, directory, name], { stdio: "inherit" }).on("exit", resolve),
        ),
    );
    expect(await Promise.all(writers)).toEqual([0, 0, 0]);
    expect(new Set(readLearned(places, "/p").allow.map(({ value }) => value)).size).toBe(60);
    expect(fs.readdirSync(places.config)).toEqual(["rules.json"]);
  });

  test("one that was killed in the middle holds up nobody", async () => {
    fs.mkdirSync(places.config, { recursive: true });
    const script = `
const fs = require("node:fs");
const { tryLock } = await import(${source("file-lock.ts")});
tryLock(fs.openSync(process.argv[1] + ".lock", "w"));
console.log("locked");
setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ["-e", script, file], { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => holder.stdout.once("data", resolve));
    let isDone = false;
    const done = learn(places, change("allow", "a.test")).then((isNew) => {
      isDone = true;
      return isNew;
    });
    await Bun.sleep(100);
    const waited = !isDone;
    holder.kill("SIGKILL");
    expect(waited).toBe(true);
    expect(await done).toBe(true);
    expect(fs.readdirSync(places.config)).toEqual(["rules.json"]);
  });

  test("where nothing can be written, it is said", async () => {
    fs.writeFileSync(path.join(directory, ".config"), "");
    expect(await failureOf(() => learn(places, change("allow", "a.test")))).toContain(
      `E_CONFIG_UNWRITABLE cannot write`,
    );
  });
});
