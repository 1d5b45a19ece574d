import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { gitMark, makeTable, readTable, rowsOf, writeTable } from "../../src/workspace/directory-table.ts";
import { findNested } from "../../src/workspace/nested.ts";
import { mergeRefs } from "../../src/workspace/ref-merge.ts";
import { formatPackedRefs, isRefName, parsePackedRefs, parseRefValue, type Refs } from "../../src/workspace/refs.ts";
import { lookAtRepository, readHostRefs, readRepository } from "../../src/workspace/repository.ts";
import { takeUse } from "../../src/workspace/use-lock.ts";
import { git, useLab } from "./git-lab.ts";

const lab = useLab();

describe("a look at a repository", () => {
  test("finds from below what git finds", () => {
    lab.create("plain");
    lab.write("plain/a/b/c.txt", "");
    const found = lookAtRepository(lab.at("plain/a/b"))!;
    const [top, gitDir, head, branch] = lab
      .outside(
        "plain/a/b",
        "rev-parse",
        "--show-toplevel",
        "--absolute-git-dir",
        "HEAD",
        "--symbolic-full-name",
        "HEAD",
      )
      .trim()
      .split("\n");
    expect(found).toMatchObject({ top: top!, gitDir: gitDir!, commonDir: gitDir!, head: head!, branch: branch! });
    expect(found).toMatchObject({ isLinked: false, hashAlgorithm: "sha1", nested: [], objects: [`${gitDir}/objects`] });
    lab.outside("plain", "pack-refs", "--all");
    expect(lab.look("plain").head).toBe(head!);
    lab.outside("plain", "symbolic-ref", "refs/heads/alias", "refs/heads/main");
    lab.outside("plain", "symbolic-ref", "HEAD", "refs/heads/alias");
    expect(lab.look("plain")).toMatchObject({ head: head!, branch: "refs/heads/alias" });
  });

  test("finds none where there is none, and waits for no pipe", () => {
    fs.mkdirSync(lab.at("none/.git"), { recursive: true });
    expect(lookAtRepository(lab.at("none"))).toBeUndefined();
    lab.create("pipes");
    fs.rmSync(lab.at("pipes/.git/HEAD"));
    spawnSync("mkfifo", [lab.at("pipes/.git/HEAD"), lab.at("pipes/.git/packed-refs")]);
    expect(readRepository(lab.at("pipes"))).toBeUndefined();
    fs.rmSync(lab.at("pipes/.git/HEAD"));
    fs.writeFileSync(lab.at("pipes/.git/HEAD"), "ref: refs/heads/packed\n");
    expect(readRepository(lab.at("pipes"))).toMatchObject({ head: undefined, branch: "refs/heads/packed" });
    spawnSync("mkfifo", [lab.at("none/pipe")]);
    fs.rmdirSync(lab.at("none/.git"));
    fs.renameSync(lab.at("none/pipe"), lab.at("none/.git"));
    expect(lookAtRepository(lab.at("none"))).toBeUndefined();
  });

  test("refuses one whose HEAD or references are of a form that it does not know", () => {
    lab.create("future");
    // What git writes there when its references are in a reftable.
    fs.writeFileSync(lab.at("future/.git/HEAD"), "ref: refs/heads/.invalid\n");
    expect(() => lookAtRepository(lab.at("future"))).toThrow("HEAD");
  });

  test("reads a gitfile as git does, however it is padded", () => {
    lab.create("target");
    for (const padding of ["", "\n", "\n".repeat(9000), "\r\n"]) {
      lab.write("pointer/.git", `gitdir: ../target/.git${padding}`);
      expect(readRepository(lab.at("pointer"))?.gitDir).toBe(lab.at("target/.git"));
      expect(lab.outside("pointer", "rev-parse", "--absolute-git-dir").trim()).toBe(lab.at("target/.git"));
    }
    lab.write("pointer/.git", "gitdir:../target/.git\n");
    expect(readRepository(lab.at("pointer"))).toBeUndefined();
    expect(() => lab.outside("pointer", "rev-parse", "--git-dir")).toThrow();
  });

  test("goes through a link, and reads alternates with comments, quotes and circles", () => {
    lab.create("real");
    fs.mkdirSync(lab.at("linking"));
    fs.symlinkSync(lab.at("real/.git"), lab.at("linking/.git"));
    expect(readRepository(lab.at("linking"))?.commonDir).toBe(lab.at("real/.git"));
    lab.create('od"d');
    lab.write("real/.git/objects/info/alternates", `# one\n"${lab.at('od\\"d')}/.git/objects"\n/not/there\n`);
    lab.write('od"d/.git/objects/info/alternates', "../../../real/.git/objects\n");
    expect(lab.look("real").objects).toEqual([lab.at("real/.git/objects"), lab.at('od"d/.git/objects')]);
    expect(lab.outside("real", "count-objects", "-v")).toContain('od\\"d/.git/objects');
  });
});

describe("the look for nested repositories", () => {
  test("remembers what it saw, and sees what has changed since", async () => {
    lab.create("tree");
    lab.write("tree/deep/er/x.txt", "");
    const cache = lab.at("nested.table");
    const look = () => findNested(lab.at("tree"), cache).paths;
    expect(look()).toEqual([]);
    lab.write("tree/deep/er/.git", "gitdir: nowhere");
    expect(look()).toEqual(["deep/er/.git"]);
    // Past the time in which a change could hide behind the one before it.
    await Bun.sleep(120);
    expect(look()).toEqual(["deep/er/.git"]);
    expect(look()).toEqual(["deep/er/.git"]);
    fs.renameSync(lab.at("tree/deep/er"), lab.at("tree/deep/moved"));
    lab.create("tree/node_modules/pkg/vendored");
    fs.symlinkSync("/", lab.at("tree/deep/root"));
    const expected = ["deep/moved/.git", "node_modules/pkg/vendored/.git"];
    expect(look()).toEqual(expected);
    const time = new Date(0);
    fs.mkdirSync(lab.at("tree/deep/moved/in/.git"), { recursive: true });
    fs.utimesSync(lab.at("tree/deep/moved"), time, time);
    expect(look()).toEqual(["deep/moved/.git", "deep/moved/in/.git", "node_modules/pkg/vendored/.git"]);
    fs.writeFileSync(cache, "{ broken");
    expect(look()).toHaveLength(3);
  });

  test("a remembered directory is not read again", async () => {
    lab.write("still/a/b/x.txt", "");
    await Bun.sleep(120);
    const cache = lab.at("still.table");
    findNested(lab.at("still"), cache);
    const rows = [...rowsOf(readTable(cache)!)];
    expect(rows.map(({ path }) => path).sort()).toEqual(["", "a", "a/b"]);
    writeTable(cache, makeTable(rows.map((row) => ({ ...row, marks: row.path === "a" ? gitMark : 0 }))));
    expect(findNested(lab.at("still"), cache).paths).toEqual(["a/.git"]);
  });
});

describe("references as data", () => {
  test("names are what git-check-ref-format takes", () => {
    const names = [
      ...[
        "refs/heads/main",
        "refs/heads/-x",
        "refs/heads/a.lock",
        "refs/heads/.a",
        "refs/heads/a..b",
        "refs/heads/a b",
      ],
      ...[
        "refs/heads/a~",
        "refs/heads/a^",
        "refs/heads/a:",
        "refs/heads/a?",
        "refs/heads/a*",
        "refs/heads/a[",
        "refs/heads/a\\",
      ],
      ...[
        "refs/heads/a@{b",
        "refs/heads/@",
        "refs/heads/a/",
        "refs/heads//a",
        "refs/heads/a.",
        "refs/heads/\u007f",
        "refs/x",
      ],
      ...[
        "refs/heads/a.lock/b",
        "refs/heads/ü",
        "refs/heads/a\u0001",
        "refs/heads/a.lockb",
        "refs/heads/..",
        "refs/heads/a]",
      ],
    ];
    const byGit = names.filter((name) => spawnSync(git, ["check-ref-format", name]).status === 0);
    expect(names.filter(isRefName)).toEqual(byGit);
    expect(byGit.length).toBeGreaterThan(4);
    expect(["HEAD", "../refs/heads/a", "", "/refs/heads/a"].filter(isRefName)).toEqual([]);
  });

  test("values are ids or names, nothing else", () => {
    const id = "a".repeat(40);
    expect([id, `${id}\n`, `ref: refs/heads/x\n`].map(parseRefValue)).toEqual([id, id, "ref: refs/heads/x"]);
    expect([id.slice(1), id.toUpperCase(), `${id} x`, "ref: HEAD", "ref: /etc/passwd", ""].map(parseRefValue)).toEqual(
      Array(6).fill(undefined),
    );
  });

  test("packed references go round, and git reads what is written", () => {
    lab.create("packed");
    for (const name of ["b", "a", "ü", "\u{1F600}", "\uffff"]) lab.outside("packed", "branch", name);
    lab.outside("packed", "tag", "-m", "t", "annotated");
    lab.outside("packed", "pack-refs", "--all");
    const refs = readHostRefs(lab.at("packed/.git"));
    expect(refs.get("refs/tags/annotated")?.peeled).toMatch(/^[0-9a-f]{40}$/);
    const before = lab.outside("packed", "show-ref", "--dereference");
    fs.writeFileSync(lab.at("packed/.git/packed-refs"), formatPackedRefs(refs));
    expect(lab.outside("packed", "show-ref", "--dereference")).toBe(before);
    const read: Refs = new Map();
    expect(parsePackedRefs(`${"a".repeat(40)} refs/heads/ok\n^zz\nnonsense\n${"a".repeat(40)} --evil\n`, read)).toBe(3);
    expect([...read.keys()]).toEqual(["refs/heads/ok"]);
  });

  test("three sides: only what the sandbox has not moved follows the host", () => {
    const refs = (text: string): Refs =>
      new Map(
        text
          .split(" ")
          .filter(Boolean)
          .map((pair) => [pair.split("=")[0]!, { value: pair.split("=")[1]! }]),
      );
    const merge = (base: string, host: string, own: string) => {
      const { set, remove, forked } = mergeRefs(refs(base), refs(host), refs(own));
      return [[...set], remove, forked.map(({ name }) => name)];
    };
    expect(merge("a=1 b=1 c=1 d=1", "a=2 b=1 c=2 e=1", "a=1 b=2 c=3 d=1 f=1")).toEqual([
      [
        ["a", "2"],
        ["e", "1"],
      ],
      ["d"],
      ["c"],
    ]);
    expect(merge("a=1 b=1", "a=2", "a=2 b=2")).toEqual([[], [], ["b"]]);
    expect(merge("", "x/y=1 z=1", "x=2 z/w=2")).toEqual([[], [], ["x/y", "z"]]);
    expect(merge("x=1", "x/y=1", "x=1")).toEqual([[["x/y", "1"]], ["x"], []]);
  });
});

test("one alone, or any number together", async () => {
  const file = lab.at("use.lock");
  const first = await takeUse(file);
  let isSecond = false;
  const waiting = takeUse(file).then((lock) => {
    isSecond = true;
    return lock;
  });
  await Bun.sleep(50);
  expect([first.isAlone, isSecond]).toEqual([true, false]);
  await first.share();
  const second = await waiting;
  const third = await takeUse(file);
  expect([second.isAlone, third.isAlone]).toEqual([false, false]);
  for (const lock of [first, second, third]) lock.release();
  const last = await takeUse(file);
  expect(last.isAlone).toBe(true);
  last.release();
});
