import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { makeTable, readTable, rowsOf, writeTable } from "../../src/workspace/directory-table.ts";
import { encodeName } from "../../src/workspace/name-bytes.ts";
import { findNested } from "../../src/workspace/nested.ts";
import { findForeign } from "../../src/workspace/ownership.ts";
import { settleNested } from "../../src/workspace/private-mounts.ts";
import { isAmbiguous } from "../../src/workspace/ref-name.ts";
import { readRepository } from "../../src/workspace/repository.ts";
import { git, useLab } from "./git-lab.ts";

/** Ways out of sight: what the look for repositories misses stands open inside. */

const lab = useLab();
const makeBytes = (name: string) => fs.mkdirSync(encodeName(name), { recursive: true });

describe("the look for nested repositories misses none", () => {
  test("below a name that is no UTF-8, which is then hidden, whatever bears the name that stands for it", () => {
    const top = lab.at("foreign");
    makeBytes(`${top}/v\udcff/lib/.git`);
    lab.create("foreign/v\ufffd/lib");
    const { paths } = findNested(top, undefined);
    expect(paths).toEqual(["v\udcff/lib/.git", "v\ufffd/lib/.git"]);
    const settled = settleNested({ top, nested: paths, repository: undefined }, lab.at("store"), [], false);
    const hidden = settled.mounts.filter(({ kind }) => kind === "mask");
    expect(hidden.map(({ target }) => target)).toEqual([`${top}/v\udcff/lib/.git`]);
    expect(settled.notes).toEqual(["v\\xff/lib/.git is hidden"]);
  });

  test("deeper than a path can say: the way there is closed", () => {
    const top = lab.at("deep");
    fs.mkdirSync(top);
    const script = `import os
place = os.open(".", os.O_RDONLY)
for _ in range(25):
    os.mkdir("d" * 200, dir_fd=place)
    place = os.open("d" * 200, os.O_RDONLY, dir_fd=place)`;
    expect(spawnSync("python3", ["-c", script], { cwd: top }).status).toBe(0);
    const { closed } = findNested(top, undefined);
    expect(closed).toHaveLength(1);
    const { mounts } = settleNested({ top, nested: [], closed, repository: undefined }, lab.at("store"), [], false);
    expect(mounts).toMatchObject([{ kind: "mask", target: `${top}/${closed[0]}` }]);
    expect(Buffer.byteLength(mounts[0]!.target)).toBeLessThan(4_000);
    spawnSync("rm", ["-rf", top]);
  });

  test.if(process.getuid?.() !== 0)("behind rights that its owner can give back", () => {
    lab.write("closed/a/b/.git/HEAD", "");
    fs.chmodSync(lab.at("closed/a"), 0o444);
    expect(findNested(lab.at("closed"), undefined)).toMatchObject({ paths: [], closed: ["a"] });
    fs.chmodSync(lab.at("closed/a"), 0o755);
  });

  test("in another directory of the same name and age", async () => {
    lab.write("swap/one/lib/x", "");
    lab.write("swap/two/lib/.git/HEAD", "");
    await Bun.sleep(120);
    const cache = lab.at("swap.table");
    findNested(lab.at("swap"), cache);
    fs.renameSync(lab.at("swap/one"), lab.at("swap/old"));
    fs.renameSync(lab.at("swap/two"), lab.at("swap/one"));
    // As if both had been made within one tick of the clock.
    const aged = fs.lstatSync(lab.at("swap/one/lib")).ctimeMs;
    const rows = [...rowsOf(readTable(cache)!)];
    const same = rows.map((row) => (row.path === "one/lib" ? { ...row, changedMs: aged } : row));
    writeTable(cache, makeTable(same));
    expect(findNested(lab.at("swap"), cache).paths).toEqual(["one/lib/.git"]);
  });

  test("more than can be hidden are refused", () => {
    const nested = Array.from({ length: 1_100 }, (_, at) => `d${at}/.git`);
    for (const name of nested) lab.write(`many/${name}/x`, "");
    const project = { top: lab.at("many"), nested, repository: undefined };
    expect(() => settleNested(project, lab.at("store"), [], false)).toThrow("more than can be guarded");
  });

  test.each(["..", "../x/..", "../sub"])("a gitfile to %s, around its own working tree, replaces nothing", (place) => {
    const top = lab.at(`around-${place.replaceAll("/", "-")}`);
    fs.mkdirSync(path.join(top, "sub/x"), { recursive: true });
    for (const at of [top, path.join(top, "sub")]) {
      for (const name of ["objects", "refs"]) fs.mkdirSync(path.join(at, name));
      fs.writeFileSync(path.join(at, "HEAD"), "ref: refs/heads/main\n");
    }
    fs.mkdirSync(path.join(top, "x"));
    const at = place === "../sub" ? "sub/x" : "x";
    fs.writeFileSync(path.join(top, at, ".git"), `gitdir: ${place === "../sub" ? ".." : place}\n`);
    const project = { top, nested: [`${at}/.git`], repository: undefined };
    const { parts } = settleNested(project, lab.at("store"), [], false);
    expect(parts).toEqual([]);
  });
});

describe("a project's repository is its own", () => {
  const foreignOf = (name: string) => findForeign(readRepository(lab.at(name))!, git);

  test("linked working trees and submodules lead back", async () => {
    lab.create("own");
    lab.create("up");
    lab.outside("own", "worktree", "add", "-q", lab.at("tree"));
    lab.outside("own", "submodule", "--quiet", "add", lab.at("up"), "sub");
    for (const name of ["own", "tree", "own/sub"]) expect(await foreignOf(name)).toBeUndefined();
    fs.mkdirSync(lab.at("moved"));
    fs.renameSync(lab.at("tree"), lab.at("moved/tree"));
    expect(await foreignOf("moved/tree")).toContain("core.worktree");
    lab.outside("moved/tree", "worktree", "repair");
    expect(await foreignOf("moved/tree")).toBeUndefined();
  });

  test("another one's is not, until it says so", async () => {
    lab.create("theirs");
    lab.write("plain/.git", `gitdir: ${lab.at("theirs/.git")}\n`);
    expect(await foreignOf("plain")).toContain("not a repository of this directory");
    fs.mkdirSync(lab.at("linked"));
    fs.symlinkSync(lab.at("theirs/.git"), lab.at("linked/.git"));
    expect(await foreignOf("linked")).toContain("not a repository of this directory");
    lab.outside("theirs", "config", "core.worktree", lab.at("plain"));
    expect(await foreignOf("plain")).toBeUndefined();
  });

  test("objects are not borrowed from where an agent writes", async () => {
    lab.create("lender");
    lab.write("lender/pool/info/alternates", "");
    lab.write("lender/.git/objects/info/alternates", `${lab.at("lender/pool")}\n`);
    expect(await foreignOf("lender")).toContain("lies in the project");
  });
});

test.each([
  ["refs/tags/main", true],
  ["refs/heads/origin/main", true],
  ["refs/heads/origin", true],
  ["refs/tags/origin/main", true],
  ["refs/heads/stash", true],
  ["refs/heads/v1", true],
  ["refs/heads/main", false],
  ["refs/heads/main2", false],
  ["refs/heads/heads/main", true],
])("%s means something else: %p", (name, expected) => {
  const others = [
    "refs/heads/main",
    "refs/tags/v1",
    "refs/remotes/origin/main",
    "refs/remotes/origin/HEAD",
    "refs/stash",
  ];
  expect(isAmbiguous(name, new Set(others))).toBe(expected);
});
