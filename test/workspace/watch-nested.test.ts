import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { findAppeared, rememberNested, watchNested } from "../../src/workspace/watch-nested.ts";
import { entriesOf, gapsOf, lookAgain, type Seen, startTree } from "../../src/workspace/watch-tree.ts";

/** Repositories that appear in a working tree are found, whatever is done to hide them. */

const root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "cordon-nested-")));
afterAll(() => {
  spawnSync("chmod", ["-R", "u+rwx", root]);
  fs.rmSync(root, { recursive: true, force: true });
});

let count = 0;

/** A project in which a script has run. */
const makeProject = (script: string) => {
  const top = path.join(root, `p${count++}`);
  fs.mkdirSync(top);
  const act = (words: string) => {
    const done = spawnSync("/bin/bash", ["-ec", words], { cwd: top });
    if (done.status !== 0) throw new Error(`${words}: ${done.stderr}`);
  };
  act(script);
  return { top, act };
};

const found = (top: string, nested: string[], act: () => void): string[] => {
  const watch = watchNested({ before: rememberNested(top, nested), onAppear: () => {} });
  act();
  return watch
    .finish()
    .entries.map(({ path }) => path)
    .sort();
};

const start =
  "mkdir -p .git a/b/c vendor/.git tree; echo gitdir: ../.git/modules/tree > tree/.git; ln -s ../.git a/.git";
const known = ["vendor/.git", "tree/.git", "a/.git"];

const appearing: [what: string, script: string, paths: string[]][] = [
  ["a directory", "mkdir a/b/c/.git", ["a/b/c/.git"]],
  ["in a new directory, deep", "mkdir -p n/1/2/3/4/5/.git", ["n/1/2/3/4/5/.git"]],
  ["a gitfile", "echo gitdir: ../../evil > a/b/.git", ["a/b/.git"]],
  ["a link", "ln -s ../../evil a/b/.git", ["a/b/.git"]],
  ["a pipe", "mkfifo a/b/.git", ["a/b/.git"]],
  ["another link in place of one", "ln -sfn ../evil a/.git", ["a/.git"]],
  ["a directory in place of a link", "rm a/.git; mkdir a/.git", ["a/.git"]],
  ["where a repository of the start has been moved away from", "mv vendor v; mkdir -p vendor/.git", ["vendor/.git"]],
  ["a gitfile that was moved, and so leads elsewhere", "mv tree a/b/tree", ["a/b/tree/.git"]],
  ["a link that was moved, and so leads elsewhere", "mv a n", ["n/.git"]],
  ["in a directory whose name is no UTF-8", "mkdir -p $'\\xff\\xfe/x/.git'", ["\udcff\udcfe/x/.git"]],
  ["in hidden and installed directories", "mkdir -p .x/.git node_modules/y/.git", [".x/.git", "node_modules/y/.git"]],
  ["prepared elsewhere and moved in", "mkdir -p x/y/.git; mv x/y a/b/c", ["a/b/c/y/.git"]],
];

const quiet: [what: string, script: string][] = [
  ["nothing", "true"],
  ["files and directories", "mkdir -p x/y; echo 1 > x/y/z; rm -r a/b/c"],
  ["a repository of the start, moved with its directory", "mv vendor a/b"],
  ["work of the host in one", "echo 1 > vendor/.git/index; echo 1 > .git/index"],
  ["another name", "mkdir -p .gitx .github .git2/x 'a/.git ' a/.GIT a/git~1 a/b/git"],
  ["what lies in a git directory", "mkdir -p vendor/.git/modules/x/.git"],
  ["a directory behind a link", `mkdir -p ${path.join(root, "other/.git")}; ln -s ../other a/other`],
];

describe("what has appeared", () => {
  test.each(appearing)("%s", (_what, script, paths) => {
    const { top, act } = makeProject(start);
    expect(found(top, known, () => act(script))).toEqual(paths);
  });

  test.each(quiet)("not: %s", (_what, script) => {
    const { top, act } = makeProject(start);
    expect(found(top, known, () => act(script))).toEqual([]);
  });

  test("the project's own, when there was none", () => {
    const { top, act } = makeProject("mkdir a");
    expect(found(top, [], () => act("mkdir .git"))).toEqual([".git"]);
  });

  test("the project's own, when it is another", () => {
    const { top, act } = makeProject("mkdir .git");
    expect(found(top, [], () => act("mv .git old; mkdir .git"))).toEqual([".git"]);
  });

  test("after a crash: by other numbers of devices, and without the project's own", () => {
    const { top, act } = makeProject(start);
    const before = rememberNested(top, known);
    for (const [path, identity] of Object.entries(before.entries))
      before.entries[path] = identity.replace(/:\d+:/, ":99:");
    expect(findAppeared(before).entries).toEqual([]);
    act("mv .git old; mkdir -p .git a/b/.git");
    expect(findAppeared(before).entries.map(({ path }) => path)).toEqual(["a/b/.git"]);
  });

  test("directories that cannot be entered or named are told of", () => {
    const { top, act } = makeProject("mkdir -p a/closed");
    act("mkdir a/closed/.git");
    const name = "d".repeat(200);
    act(`for i in {1..25}; do mkdir ${name}; cd ${name}; done; mkdir .git`);
    if (process.getuid?.() !== 0) act("chmod 0 a/closed");
    const { entries, closed } = findAppeared(rememberNested(top, []));
    expect(closed.some((path) => path.startsWith(name))).toBe(true);
    if (process.getuid?.() === 0) expect(entries.map(({ path }) => path)).toEqual(["a/closed/.git"]);
    else expect(closed).toContain("a/closed");
  });
});

/** What a look before the run would remember, and then the tree grows older than a tick of the clock. */
const remember = async (top: string): Promise<Seen[]> => {
  await Bun.sleep(120);
  const names = ["", ...fs.readdirSync(top, { recursive: true, encoding: "utf8" }).sort()];
  const stats = names.map((name) => ({ name, stat: fs.lstatSync(path.join(top, name)) }));
  return stats.flatMap(({ name, stat }) =>
    stat.isDirectory() ? [{ path: name, changedMs: stat.ctimeMs, inode: 0 }] : [],
  );
};

describe("what is remembered saves looking", () => {
  const lookAt = (top: string, seen: Seen[]) => {
    const tree = startTree(top, seen);
    for (const _ of lookAgain(tree));
    return entriesOf(tree).map(({ path }) => path);
  };

  test("a directory that has not changed is not read again, one that has is", async () => {
    const { top, act } = makeProject("mkdir -p a/b/.git c/d/.git");
    const seen = await remember(top);
    expect(lookAt(top, seen)).toEqual([]);
    expect(lookAt(top, [])).toHaveLength(2);
    act("touch c/d/file");
    expect(lookAt(top, seen)).toEqual(["c/d/.git"]);
  });

  test("a directory of the same age that was moved in is read", async () => {
    // Both of one time, as an attacker would prepare them: the file system's own clock decides.
    const { top, act } = makeProject("mkdir -p a/sub hidden/b/sub; mkdir hidden/b/sub/.git");
    const seen = await remember(top);
    const twin = seen.find(({ path }) => path === "hidden/b/sub")!;
    const told = seen.filter(({ path }) => !path.startsWith("hidden"));
    told.find(({ path }) => path === "a/sub")!.changedMs = twin.changedMs;
    act("mv a old; mv hidden/b a");
    expect(lookAt(top, told)).toContain("a/sub/.git");
  });

  test("with its number as well", async () => {
    const { top, act } = makeProject("mkdir -p a/sub hidden/sub; mkdir hidden/sub/.git");
    const seen = (await remember(top)).map((one) => ({ ...one, inode: fs.lstatSync(path.join(top, one.path)).ino }));
    expect(lookAt(top, seen)).toEqual([]);
    const told = seen.filter(({ path }) => !path.startsWith("hidden"));
    told.find(({ path }) => path === "a/sub")!.changedMs = seen.find(({ path }) => path === "hidden/sub")!.changedMs;
    act("mv a old; mv hidden a");
    expect(lookAt(top, told)).toContain("a/sub/.git");
  });

  test("also between two looks of one run", () => {
    const { top, act } = makeProject("mkdir -p a/sub b/sub; mkdir b/sub/.git");
    const tree = startTree(top);
    for (const _ of lookAgain(tree));
    const rows = tree.rows;
    rows.get("a/sub")!.changedMs = fs.lstatSync(path.join(top, "b/sub")).ctimeMs;
    act("mv a old; mv b a");
    for (const _ of lookAgain(tree));
    expect(entriesOf(tree).map(({ path }) => path)).toEqual(["a/sub/.git"]);
    expect(gapsOf(tree)).toEqual({ closed: [], isComplete: true });
  });
});

describe("while a run goes on", () => {
  test("one is told of once, and found at the end", async () => {
    const { top, act } = makeProject("mkdir -p .git a/b");
    const told: string[] = [];
    const watch = watchNested({ before: rememberNested(top, []), onAppear: (path) => told.push(path) });
    act("mkdir -p a/b/.git $'x\\e[31m/.git'");
    while (told.length < 2) await Bun.sleep(20);
    expect(told.sort()).toEqual(["a/b/.git", "x\\x1b[31m/.git"]);
    act("mkdir -p late/.git; rm -r a/b/.git");
    expect(
      watch
        .finish()
        .entries.map(({ path }) => path)
        .sort(),
    ).toEqual(["late/.git", "x\u001b[31m/.git"]);
    expect(told).toHaveLength(2);
  });

  test("a run that is over at once is looked at all the same, with what is remembered", async () => {
    const { top, act } = makeProject("mkdir -p .git a/b");
    const seen = await remember(top);
    const watch = watchNested({ before: rememberNested(top, []), seen: () => seen, onAppear: () => {} });
    act("mkdir a/b/.git");
    expect(watch.finish()).toMatchObject({ entries: [{ path: "a/b/.git" }], closed: [], isComplete: true });
  });
});
