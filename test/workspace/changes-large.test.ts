import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { findChanges, takeSnapshot } from "../../src/workspace/changes.ts";
import { countOf, isLarge, notableMark, pathAt, rowsMarked } from "../../src/workspace/directory-table.ts";
import { findLater } from "../../src/workspace/later.ts";
import { rulesVersion } from "../../src/workspace/later-reach.ts";
import { changedSince } from "../../src/workspace/native-look.ts";
import { findNested } from "../../src/workspace/nested.ts";

/**
 * After a run in a large project only a few directories are looked into. What is found there must be all that a look at
 * the whole finds, but for programs that only their rights make one.
 */

// Thousands of directories are made in memory at once, and on a disk in seconds.
const memory = fs.existsSync("/dev/shm") ? "/dev/shm" : os.tmpdir();
const root = fs.realpathSync(fs.mkdtempSync(path.join(memory, "cordon-large-")));
afterAll(() => fs.rmSync(root, { recursive: true, force: true }), 60_000);

let count = 0;

/** Directories of all kinds, so many that nobody looks at each after a short run. */
const makeLarge = () => {
  const top = path.join(root, `t${count++}`);
  fs.mkdirSync(top);
  const act = (script: string) => {
    const done = spawnSync("/bin/bash", ["-ec", script], { cwd: top });
    if (done.status !== 0) throw new Error(`${script}: ${done.stderr}`);
  };
  act("mkdir -p d{0..79}/e{0..19}");
  act(`
    mkdir -p d78/e9/{venv/bin,node_modules/.bin} d79/e1/bin d77/e1/__pycache__ d70/e1/.vscode/deep d71/e2/hooks d72/e3/node_modules/p/bin d73/e4/bare.git/{objects,refs,hooks} .github/workflows
    echo '{}' | tee package.json d74/e5/package.json d70/e1/.vscode/tasks.json d70/e1/.vscode/deep/any > d72/e3/node_modules/p/bin/x
    echo 'ref: refs/heads/main' > d73/e4/bare.git/HEAD; echo > d73/e4/bare.git/config; echo > d71/e2/hooks/update
    echo > d75/e6/Makefile; echo > .github/workflows/ci.yml; ln -s one.ts d76/e7/link; echo > d77/e8/tool.ts; chmod +x d77/e8/tool.ts
    echo > d77/e1/__pycache__/m.pyc; echo > d78/e9/venv/pyvenv.cfg; echo > 'd76/e9/a\\\\build.rs'
    for f in d78/e9/{venv/bin/activate,node_modules/.bin/x.js} d79/e1/bin/tool.py d79/e2/{run,run.sh}; do echo > $f; chmod +x $f; done`);
  return { top, act, cache: path.join(root, `table${count}`, "table") };
};

const settle = () => Bun.sleep(120);

const scripts: [what: string, script: string, found: number][] = [
  ["nothing", "true", 0],
  ["files of well known names, written in place", "echo x >> d74/e5/package.json; echo x >> d75/e6/Makefile", 2],
  ["anything in a directory that matters", "echo x >> d70/e1/.vscode/deep/any; echo x >> .github/workflows/ci.yml", 2],
  ["a hook, written in place", "echo x >> d71/e2/hooks/update", 1],
  ["a setting of a bare repository, written in place", "echo x >> d73/e4/bare.git/config", 1],
  ["a new hook of a bare repository", "echo x > d73/e4/bare.git/hooks/post-update", 1],
  ["new files", "echo x > d5/e5/Makefile; echo x > d6/e6/plain.ts; echo x > d6/e6/new; chmod +x d6/e6/new", 2],
  ["new directories", "mkdir -p d7/e7/n/1/2 m/.vscode; echo x > d7/e7/n/1/2/.envrc; echo x > m/.vscode/tasks.json", 2],
  ["a directory that was moved", "mv d75/e6 d8/moved", 1],
  ["a tree that was moved", "mv d74 d75/; mv d70 d9/", 2],
  ["two that have changed places", "mv d74/e5 t; mv d75/e6 d74/e5; mv t d75/e6", 1],
  ["a directory in place of another", "mkdir -p x/e6; cp d75/e6/Makefile x/e6/; mv d75 old; mv x d75", 2],
  ["what is gone", "rm -r d71/e2/hooks d75/e6 .github; rm package.json", 1],
  ["a link that leads out", "ln -sfn ../../../.. d76/e7/link", 1],
  ["installed code", "echo x >> d72/e3/node_modules/p/bin/x; mkdir d72/e3/node_modules/q", 1],
  [
    "programs, written in place",
    "for f in d78/e9/*/*bin/* d78/e9/*/.bin/* d79/e1/bin/* d79/e2/*; do echo x >> $f; done",
    5,
  ],
  ["files in installed code, in place", "echo x >> d77/e1/__pycache__/m.pyc; echo x >> d78/e9/venv/pyvenv.cfg", 2],
  ["a name that Windows reads as two", "echo x >> 'd76/e9/a\\build.rs'", 1],
  [
    "a flood",
    "for e in d*/e*; do : > $e/z; done; rm d*/e*/z; echo x >> .github/workflows/ci.yml; echo x >> d75/e6/Makefile",
    2,
  ],
  ["what nobody looks at in installed code", "echo x > d72/e3/node_modules/p/bin/y", 0],
  ["many directories", "for d in d1*/e*; do echo > $d/file; done; echo > d20/e5/.envrc", 1],
];

const look = ({ top, act, cache }: ReturnType<typeof makeLarge>, script: string) => {
  const { table } = findNested(top, cache);
  const changed = changedSince(top, () => table, path.dirname(cache));
  const before = takeSnapshot(top);
  act(script);
  const part = changed.atOnce()!;
  const later = (options: Parameters<typeof findChanges>[1]) => {
    const { changed: found, unseen } = findChanges(before, options);
    return { found: findLater(found), unseen };
  };
  return {
    table,
    quick: later({ directories: { ...part, ...changed.judged() }, mostLooks: 4_000 }),
    whole: later({ mostLooks: 1_000_000 }),
    both: later({ directories: { ...part, ...changed.judged() }, mostLooks: 1_000_000 }),
  };
};

describe("a large project", () => {
  test.each(scripts)("%s", async (_, script, least) => {
    const project = makeLarge();
    findNested(project.top, project.cache);
    await settle();
    const { quick, whole, both } = look(project, script);
    expect(whole.found.length).toBeGreaterThanOrEqual(least);
    expect(quick.found).toEqual(whole.found);
    expect(both.found).toEqual(whole.found);
    expect(both.unseen).toEqual(whole.unseen);
    expect(quick.unseen.beyond).toBeGreaterThan(0);
    fs.rmSync(project.top, { recursive: true });
  });

  test("a program that only its rights make one is found by a longer look", async () => {
    const project = makeLarge();
    findNested(project.top, project.cache);
    await settle();
    const { quick, both } = look(project, "echo x >> d77/e8/tool.ts");
    expect(quick).toMatchObject({ found: [], unseen: { beyond: 1 } });
    expect(both.found).toMatchObject([{ path: "d77/e8/tool.ts" }]);
    expect(both.unseen.beyond).toBe(0);
  });
});

test("a project that is large by installed code alone is looked at as a whole", async () => {
  const top = path.join(root, "installed");
  fs.mkdirSync(path.join(top, "src/a"), { recursive: true });
  for (let at = 0; at < 1_700; at++) fs.mkdirSync(path.join(top, `node_modules/p${at}/lib`), { recursive: true });
  const tool = path.join(top, "src/a/tool.ts");
  fs.writeFileSync(tool, "", { mode: 0o755 });
  const cache = path.join(root, "installed-table", "table");
  await settle();
  const act = () => fs.appendFileSync(tool, "x");
  const { quick, table } = look({ top, act, cache }, "");
  expect(isLarge(countOf(table))).toBe(true);
  expect(quick).toMatchObject({ found: [{ path: "src/a/tool.ts" }], unseen: { beyond: 0 } });
});

describe("directories that matter", () => {
  const notableOf = ({ top, cache }: ReturnType<typeof makeLarge>): string[] => {
    const { table } = findNested(top, cache);
    expect(isLarge(countOf(table))).toBe(true);
    return rowsMarked(table, notableMark).map((row) => pathAt(table, row));
  };
  const expected = [
    ...["", ".github/workflows", "d70/e1/.vscode", "d70/e1/.vscode/deep", "d71/e2/hooks"],
    ...["d73/e4/bare.git", "d74/e5", "d75/e6", "d76/e7", "d76/e9", "d77/e1/__pycache__", "d79/e1/bin", "d79/e2"],
    ...["d78/e9/node_modules/.bin", "d78/e9/venv", "d78/e9/venv/bin"],
  ];

  test("are known from the first look, and after a change", async () => {
    const project = makeLarge();
    expect(notableOf(project).sort()).toEqual(expected.toSorted());
    await settle();
    project.act("echo > d1/e1/.envrc; rm d74/e5/package.json; mkdir -p n/1; echo > n/1/Makefile");
    const now = [...expected.filter((path) => path !== "d74/e5"), "d1/e1", "n/1"].sort();
    expect(notableOf(project).sort()).toEqual(now);
    await settle();
    expect(notableOf(project).sort()).toEqual(now);
    project.act("echo > d2/e2/.envrc");
    expect(notableOf(project).sort()).toEqual([...now, "d2/e2"].sort());
  });

  test("are known once a small project has become a large one", async () => {
    const { top, act, cache } = makeLarge();
    act("mkdir ../away; mv d[1-6]* ../away/");
    findNested(top, cache);
    await settle();
    act("mv ../away/* .; rmdir ../away");
    const found = notableOf({ top, act, cache });
    expect(found.sort()).toEqual(expected.toSorted());
  });
});

test("what was judged by other rules is judged anew", () => {
  const files = ["later-table", "later-rule", "later-match", "later-reach", "name-fold"];
  const place = path.join(import.meta.dirname, "../../src/workspace");
  const texts = files.map((name) => fs.readFileSync(path.join(place, `${name}.ts`), "utf8"));
  const text = texts.join("").replace(/^export const rulesVersion = .*$/m, "");
  const digest = `0x${new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 8)}`;
  // When this fails: the rules are others now. Put the number that is expected here into later-reach.ts.
  expect(`0x${rulesVersion.toString(16).padStart(8, "0")}`).toBe(digest);
});
