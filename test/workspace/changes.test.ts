import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { findChanges, looksAtEnd, type Snapshot, takeSnapshot } from "../../src/workspace/changes.ts";
import { findLater } from "../../src/workspace/later.ts";
import { decodeName, encodeName } from "../../src/workspace/name-bytes.ts";
import { readText } from "../../src/workspace/walk.ts";

let root: string;
const at = (...names: string[]) => path.join(root, ...names);
const put = (name: string, text = "old") => {
  fs.mkdirSync(path.dirname(at(name)), { recursive: true });
  fs.writeFileSync(at(name), text);
};

/** File times have the grain of the kernel's tick: what is to be old gets older than any tick before the run starts. */
const settle = () => Bun.sleepSync(60);
const start = (options: Parameters<typeof takeSnapshot>[1] = {}): Snapshot => {
  settle();
  return takeSnapshot(root, options);
};
const changesOf = (snapshot: Snapshot, options: Parameters<typeof findChanges>[1] = {}) =>
  findChanges(snapshot, options)
    .changed.map(({ kind, path }) => `${kind} ${path}`)
    .sort();
const later = (snapshot: Snapshot) => findLater(findChanges(snapshot).changed).map(({ path }) => path);

beforeEach(() => {
  root = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), "cordon-changes-"));
  put("package.json", '{"scripts":{"test":"x"}}');
  put(".github/workflows/ci.yml");
  put(".husky/pre-commit");
  put(".git/config");
  put("src/deep/er/Makefile");
  put("src/deep/er/main.ts");
  put("fixtures/evil/.vscode/tasks.json");
  put("node_modules/old/index.js");
});
afterEach(() => {
  fs.chmodSync(root, 0o700);
  fs.rmSync(root, { recursive: true, force: true });
});

describe("what changed", () => {
  test("nothing, when nothing did", () => expect(changesOf(start())).toEqual([]));

  test("written, replaced, added, deleted, made executable; at any depth", () => {
    const before = start();
    put("src/deep/er/Makefile", "new");
    put("src/deep/er/tmp", "new");
    fs.renameSync(at("src/deep/er/tmp"), at("src/deep/er/main.ts"));
    put("pkg/a/.envrc", "new");
    fs.rmSync(at(".husky/pre-commit"));
    fs.chmodSync(at(".github/workflows/ci.yml"), 0o755);
    expect(changesOf(before)).toEqual([
      "added pkg/a/.envrc",
      "added src/deep/er/main.ts",
      "changed .github/workflows/ci.yml",
      "changed src/deep/er/Makefile",
      "deleted .husky/pre-commit",
    ]);
  });

  test("times set back do not hide a change", () => {
    const before = start();
    put("src/deep/er/Makefile", "new");
    fs.utimesSync(at("src/deep/er/Makefile"), 1, 1);
    expect(later(before)).toEqual(["src/deep/er/Makefile"]);
  });

  test.each(["moved", ".x/moved", "src/deep/moved"])("old files that a moved directory brings to %s", (target) => {
    const before = start();
    fs.mkdirSync(path.dirname(at(target)), { recursive: true });
    fs.renameSync(at("fixtures/evil"), at(target));
    expect(later(before)).toContain(`${target}/.vscode/tasks.json`);
  });

  test("what moves out and comes back is as before; what takes its place is not", () => {
    const before = start();
    fs.renameSync(at("fixtures"), at("elsewhere"));
    fs.renameSync(at("elsewhere"), at("fixtures"));
    expect(changesOf(before)).toEqual([]);
    fs.renameSync(at("fixtures/evil/.vscode"), at(".husky/.vscode"));
    fs.renameSync(at(".husky"), at("old"));
    fs.renameSync(at("fixtures"), at(".husky"));
    fs.renameSync(at("old/.vscode"), at(".husky/evil/.vscode"));
    expect(later(before)).toContain(".husky/evil/.vscode/tasks.json");
  });

  test("an old directory in the very place of another", () => {
    put("fixtures/github/workflows/ci.yml");
    const before = start();
    fs.renameSync(at(".github"), at("away"));
    fs.renameSync(at("fixtures/github"), at(".github"));
    expect(later(before)).toContain(".github/workflows/ci.yml");
  });

  test("a hard link to an old file, and a clock set back in between", () => {
    const before = start();
    fs.linkSync(at("src/deep/er/main.ts"), at("src/deep/conftest.py"));
    expect(later(before)).toEqual(["src/deep/conftest.py"]);
    const hour = 3_600_000;
    const ahead: Snapshot = { ...before, startedAtMs: before.startedAtMs + hour };
    const clocks = { nowMs: Date.now(), monotonicMs: performance.now() };
    expect(changesOf(ahead, { clocks })).not.toEqual([]);
  });

  test("nested repositories, a gitfile, an embedded bare repository", () => {
    put("lib/bare/HEAD", "ref: refs/heads/main");
    for (const name of ["objects", "refs"]) fs.mkdirSync(at("lib/bare", name));
    const before = start({ ignore: [".git"] });
    put("vendor/a/.git/config", "[core] fsmonitor = x");
    put("vendor/a/.git/hooks/post-checkout", "x");
    put("vendor/b/.git", `gitdir: ../x${"\n".repeat(9_000)}`);
    put("lib/bare/config", "[core] fsmonitor = x");
    put(".git/config", "the user's own change, at the same time");
    const expected = ["lib/bare", "vendor/a/.git/config", "vendor/a/.git/hooks/post-checkout", "vendor/b/.git"];
    expect(later(before).sort()).toEqual(expected);
  });

  test("links are read, never followed", () => {
    put("outside-target", "x");
    const before = start();
    fs.rmSync(at(".husky"), { recursive: true });
    fs.symlinkSync("/", at(".husky"));
    fs.symlinkSync("../../../..", at("src/up"));
    fs.symlinkSync("deep/er/main.ts", at("src/in"));
    fs.symlinkSync(".", at("loop"));
    const found = findLater(findChanges(before).changed).map(({ path, target }) => `${path} ${target ?? ""}`);
    expect(found).toContain("src/up ../../../..");
    expect(found.filter((line) => line.startsWith(".husky"))).toEqual([".husky ", ".husky/pre-commit "]);
    expect(found.some((line) => line.startsWith("src/in") || line.startsWith("loop"))).toBe(false);
  });

  test("installed packages count as one, programs in them too", () => {
    const before = start();
    put("node_modules/new/index.js", "x");
    put("node_modules/.bin/tool", "x");
    put("pkg/.venv/bin/python", "x");
    expect(findLater(findChanges(before).changed)).toMatchObject([
      { path: "node_modules", group: "ignored" },
      { path: "pkg/.venv", group: "ignored" },
    ]);
  });

  test("texts before and after say whether it matters", () => {
    const before = start();
    put("package.json", '{"scripts":{"test":"x"},"version":"2"}');
    expect(later(before)).toEqual([]);
    put("package.json", '{"scripts":{"test":"x","postinstall":"evil"}}');
    expect(findLater(findChanges(before).changed)[0]?.why).toContain("postinstall");
  });

  test("plain data: it survives being written down", () => {
    const before = start();
    put(".envrc", "x");
    expect(later(JSON.parse(JSON.stringify(before)))).toEqual([".envrc"]);
  });
});

describe("bounds", () => {
  test("what lies beyond is said, and the places nearest the top are looked at first", () => {
    for (let at = 0; at < 50; at++) put(`many/d${at}/file`);
    const before = start();
    put("many/d49/Makefile", "x");
    put(".vscode/tasks.json", "x");
    const { changed, unseen } = findChanges(before, { mostLooks: 90 });
    expect(unseen.beyond).toBeGreaterThan(10);
    expect(changed.map(({ path }) => path)).toContain(".vscode/tasks.json");
    expect(looksAtEnd(0)).toBeLessThan(looksAtEnd(60_000));
    expect(looksAtEnd(1e12)).toBe(looksAtEnd(1e13));
  });

  test("in a directory too large to list, the known names are asked for", () => {
    for (let at = 0; at < 6_000; at++) fs.writeFileSync(`${root}/${"n".repeat(100)}${at}`, "");
    const before = start();
    for (const name of ["CLAUDE.md", "Makefile", ".envrc", ".vscode/tasks.json", "CMakeLists.txt"]) put(name, "x");
    const { changed, unseen } = findChanges(before, { mostLooks: 1_000 });
    if (unseen.beyond > 0) expect(changed.length).toBeGreaterThanOrEqual(5);
    expect(findLater(changed).length).toBe(5);
  });

  test.each([0o000, 0o400, 0o100])("a directory of mode %o hides nothing: what cannot be read is said", (mode) => {
    const before = start();
    put("closed/Makefile", "x");
    fs.chmodSync(at("closed"), mode);
    const { changed, unseen } = findChanges(before);
    const isSeen = changed.some(({ path }) => path === "closed/Makefile");
    expect([isSeen, unseen.unreadable]).toEqual(isSeen ? [true, []] : [false, ["closed"]]);
    fs.chmodSync(at("closed"), 0o700);
  });

  test("a path longer than the system takes is no way to hide or to break", () => {
    const before = start();
    const script =
      'cd "$1"; i=0; while [ $i -lt 25 ]; do mkdir $2 && cd -P $2 || exit 1; i=$((i+1)); done; : >Makefile';
    const made = spawnSync("sh", ["-c", script, "sh", root, "d".repeat(200)]);
    expect(made.status).toBe(0);
    const { unseen, changed } = findChanges(before);
    expect(changed).toEqual([]);
    expect(unseen.unreadable.length).toBe(1);
    spawnSync("rm", ["-rf", root]);
    fs.mkdirSync(root);
  });
});

describe("hostile names and files", () => {
  const names = ["-rf", "a\nb", "\x1b[2Jx", "$(x)", "*", "..x", " ", "\u202e", "e\u0301", "\ufffd", "x".repeat(255)];
  test.each(names)("%j", (name) => {
    const before = start();
    put(`hooks/${name}/Makefile`, "x");
    put(`.claude/${name}`, "x");
    expect(changesOf(before)).toEqual([`added .claude/${name}`, `added hooks/${name}/Makefile`]);
  });

  test.each([[[0xff]], [[0xc3]], [[0x61, 0xe2, 0x82]], [[0xed, 0xa0, 0x80]], [[0xf5, 0x80, 0x0a, 0xc3, 0xa9]]])(
    "bytes %p are kept",
    (bytes) => {
      const name = decodeName(Buffer.from(bytes));
      expect([...Buffer.from(encodeName(name))]).toEqual(bytes);
      expect(decodeName(Buffer.from(encodeName(name)))).toBe(name);
      const before = start();
      const directory = Buffer.concat([Buffer.from(`${root}/.vscode`), Buffer.from(bytes)]);
      fs.mkdirSync(directory);
      fs.writeFileSync(Buffer.concat([directory, Buffer.from("/package.json")]), '{"scripts":{"a":"b"}}');
      const [found] = findChanges(before).changed;
      expect(found).toMatchObject({ path: `.vscode${name}/package.json`, kind: "added" });
    },
  );

  test("a pipe, a link and a huge file are not read", () => {
    spawnSync("mkfifo", [at("pipe")]);
    fs.symlinkSync(at("package.json"), at("link"));
    fs.symlinkSync(root, at("around"));
    for (const name of ["pipe", "link", "around/package.json", "src", "none"])
      expect(readText(root, name, 1_000)).toBeUndefined();
    expect(readText(root, "package.json", 10)).toBeUndefined();
    expect(readText(root, "package.json", 1_000)).toContain("scripts");
    const before = start();
    fs.rmSync(at("package.json"));
    spawnSync("mkfifo", [at("package.json")]);
    expect(findLater(findChanges(before).changed)).toMatchObject([{ path: "package.json" }]);
  });
});
