import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import {
  countOf,
  type DirectoryTable,
  makeTable,
  readTable,
  rowsOf,
  writeTable,
} from "../../src/workspace/directory-table.ts";
import { beginLook, changedSince } from "../../src/workspace/native-look.ts";
import { beginFinding, findNested } from "../../src/workspace/nested.ts";
import { rememberNested, watchNested } from "../../src/workspace/watch-nested.ts";

/** A large tree is looked at as a whole: nothing may be found that a walk does not find, and nothing be missed. */

// Thousands of directories are made in memory at once, and on a disk in seconds.
const memory = fs.existsSync("/dev/shm") ? "/dev/shm" : os.tmpdir();
const root = fs.realpathSync(fs.mkdtempSync(path.join(memory, "cordon-look-")));
afterAll(() => {
  spawnSync("chmod", ["-R", "u+rwx", root]);
  fs.rmSync(root, { recursive: true, force: true });
}, 60_000);

const foreign = Buffer.from([0x66, 0xff, 0xfe]);
let count = 0;

/** So many directories that the whole is looked at at once. */
const makeLarge = () => {
  const [top, place] = ["tree", "place"].map((name) => path.join(root, `${name}${count}`)) as [string, string];
  count += 1;
  for (let at = 0; at < 80; at++)
    for (let below = 0; below < 20; below++) fs.mkdirSync(path.join(top, `d${at}/e${below}`), { recursive: true });
  fs.mkdirSync(path.join(top, "d1/e1/.git"));
  fs.mkdirSync(Buffer.concat([Buffer.from(`${top}/`), foreign]));
  fs.mkdirSync(place);
  const act = (words: string) => {
    const done = spawnSync("/bin/bash", ["-ec", words], { cwd: top });
    if (done.status !== 0) throw new Error(`${words}: ${done.stderr}`);
  };
  const remove = () => {
    for (const directory of [top, place]) fs.rmSync(directory, { recursive: true });
  };
  return { top, place, cache: path.join(place, "table"), act, remove };
};

const inOrder = <T extends { path: string }>(rows: Iterable<T>): T[] =>
  [...rows].sort((a, b) => (a.path < b.path ? -1 : 1));

/** With what is remembered, and without. */
const compareLooks = (top: string, cache: string): void => {
  const [found, expected] = [findNested(top, cache), findNested(top, undefined)];
  const { paths, closed, isComplete } = expected;
  expect(found).toMatchObject({ paths, closed, isComplete });
  const namesOf = (table: DirectoryTable) => inOrder(rowsOf(table)).map((row) => row.path);
  expect(namesOf(found.table)).toEqual(namesOf(expected.table));
};

/** Past the time in which a change could hide behind the one before it. */
const settle = () => Bun.sleep(120);

const changes: [what: string, script: string][] = [
  ["nothing", "true"],
  ["a file in many directories", "for d in d1*; do echo > $d/file; done"],
  ["a repository", "mkdir d5/e5/.git"],
  ["a gitfile", "echo gitdir: x > d6/e6/.git"],
  ["one deep in new directories", "mkdir -p d7/e7/n/1/2/.git n/.git"],
  ["one that is gone", "rm -r d1/e1/.git"],
  ["directories that are gone", "rm -r d2 d3/e3"],
  ["a directory that was moved", "mv d4 d5/moved; mkdir d5/moved/e1/.git"],
  ["one in place of another", "mkdir -p x/e1/.git; mv d8 old; mv x d8"],
  ["two that have changed places", "mkdir d9/e9/.git; mv d9 t; mv d10 d9; mv t d10"],
  ["a link in place of a directory", "mv d11 d12/in; ln -s d12/in d11; mkdir d12/in/e0/.git"],
  ["a file in place of a directory", "rm -r d13; echo > d13"],
  ["names that are no UTF-8", "mkdir -p $'f\\xff\\xfe/sub/.git' $'d14/\\xff/.git'"],
  ["a name that only seems to hold a foreign byte", "mkdir -p d15/�/.git"],
  ["more than half of all", "for d in d[4-7]*/e*; do mkdir -p $d/new; done; mkdir d50/e1/new/.git"],
];

describe("a large tree", () => {
  test.each(changes)("during a run, and then from the start, with %s", async (_, script) => {
    const { top, place, cache, act, remove } = makeLarge();
    findNested(top, cache);
    await settle();
    const { paths, table } = findNested(top, cache);
    expect(beginLook(top, table, place)?.finish()).toEqual([]);
    const before = rememberNested(top, paths);
    const parts: number[] = [];
    const since = changedSince(top, () => table, place);
    const atOnce = () => {
      const part = since.atOnce()!;
      parts.push(part.rows.length);
      return part;
    };
    const changed = { ...since, atOnce };
    const [quick, whole] = [{ before, changed }, { before }].map((rest) => watchNested({ ...rest, onAppear() {} }));
    act(script);
    const [expected, found] = [whole!.finish(), quick!.finish()];
    expect(inOrder(found.entries)).toEqual(inOrder(expected.entries));
    expect([found.closed, found.isComplete]).toEqual([[], true]);
    expect(parts).toHaveLength(1);
    if (script === "true") expect(parts).toEqual([1]);
    await settle();
    compareLooks(top, cache);
    compareLooks(top, cache);
    remove();
  });

  test("during a longer run, one is told of once", async () => {
    const { top, place, cache, act, remove } = makeLarge();
    findNested(top, cache);
    await settle();
    const { paths, table } = findNested(top, cache);
    const told: string[] = [];
    const changed = changedSince(top, () => table, place);
    const watch = watchNested({ before: rememberNested(top, paths), changed, onAppear: (where) => told.push(where) });
    act("mkdir -p d5/e5/.git n/1/.git; mv d7 d8/; mkdir d1/e2/.git; rm -r d1/e2/.git");
    while (told.length < 2) await Bun.sleep(20);
    act("mkdir d9/.git");
    while (told.length < 3) await Bun.sleep(20);
    expect(told).toEqual([...told.slice(0, 2).sort(), "d9/.git"]);
    expect(inOrder(watch.finish().entries).map((one) => one.path)).toEqual(["d5/e5/.git", "d9/.git", "n/1/.git"]);
    const steps = changed.inSteps();
    let step = steps.next();
    let count = 0;
    for (; !step.done; step = steps.next()) count += 1;
    expect(count).toBe(2);
    expect(step.value).toEqual(changed.atOnce()!);
    remove();
  });

  test("differs where it has changed, and nowhere else", async () => {
    const { top, place, cache, act } = makeLarge();
    findNested(top, cache);
    await settle();
    const { table } = findNested(top, cache);
    expect(countOf(table)).toBeGreaterThan(1_600);
    act("echo > d20/e2/file; chmod 700 d21; mv d22 d23/");
    const names = [...rowsOf(table)].map((row) => row.path);
    const differing = beginLook(top, table, place)!
      .finish()
      .map((row) => names[row]!);
    const gone = names.filter((name) => /^d22(\/|$)/.test(name));
    expect(differing.sort()).toEqual(["", "d20/e2", "d21", "d23", ...gone].sort());
    expect(fs.readdirSync(place)).toEqual(["table"]);
  });

  test("is not taken for what it was while a part of it cannot be looked into", async () => {
    const { top, cache, act, remove } = makeLarge();
    const remembered = () => {
      const look = beginFinding(top, cache);
      const { closed } = look.finish();
      return { closed: closed.length, remembered: look.remembered };
    };
    act("for i in {1..20}; do mkdir $(printf 'n%.0s' {1..200}); cd n*; done");
    await settle();
    expect([remembered(), remembered()]).toMatchObject([
      { closed: 1, remembered: undefined },
      { remembered: undefined },
    ]);
    act("rm -r n*");
    await settle();
    remembered();
    expect(remembered()).toEqual({ closed: 0, remembered: { paths: ["d1/e1/.git"], closed: [] } });
    remove();
  });

  test("a directory that is closed to its owner is told of each time", async () => {
    if (process.getuid?.() === 0) return;
    const { top, cache, act } = makeLarge();
    act("chmod 0 d1/e1");
    for (let look = 0; look < 3; look++) {
      expect(findNested(top, cache)).toMatchObject({ paths: [], closed: ["d1/e1"] });
      await settle();
    }
    act("chmod 700 d1/e1");
    expect(findNested(top, cache)).toMatchObject({ paths: ["d1/e1/.git"], closed: [] });
  });
});

describe("a table", () => {
  const rows = [
    { path: "", changedMs: 1.25, inode: 2, marks: 3 },
    { path: "a", changedMs: 0, inode: 2 ** 40 + 1, marks: 0 },
    { path: "a/ü", changedMs: 1_700_000_000_000.5, inode: 7, marks: 3 },
    { path: "a/ü/\udcff", changedMs: 3, inode: 8, marks: 0 },
    { path: "b", changedMs: 4, inode: 9, marks: 0 },
  ];

  test("is read as it was written", () => {
    const file = path.join(root, "a.table");
    writeTable(file, makeTable(rows));
    const table = readTable(file)!;
    expect([...rowsOf(table)]).toEqual(rows);
    expect([...table.parents]).toEqual([0, 0, 1, 2, 0]);
  });

  test("that breaks off, or is something else, is none", () => {
    const file = path.join(root, "b.table");
    writeTable(file, makeTable(rows));
    const bytes = fs.readFileSync(file);
    for (const other of [
      bytes.subarray(0, -1),
      bytes.subarray(0, 20),
      Buffer.concat([bytes, Buffer.of(0)]),
      Buffer.of(),
    ]) {
      fs.writeFileSync(file, other);
      expect(readTable(file)).toBeUndefined();
    }
    expect(readTable(path.join(root, "missing"))).toBeUndefined();
  });
});
