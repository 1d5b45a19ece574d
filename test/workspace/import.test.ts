import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { type Lab, type LabOptions, litterOf, refsOf, tryRun, useLabs } from "./import-lab.ts";

/** Honest work that comes out of a private git directory. */

const open = useLabs();

const objectsOf = (text: string): string[] => text.split("\n").filter(Boolean).sort();
const write = (lab: Lab, name: string, text: string) => fs.writeFileSync(path.join(lab.top, name), text);
const isSound = (lab: Lab) => {
  expect(tryRun(["fsck", "--full", "--strict"], lab.env, lab.top)).toMatchObject({ code: 0 });
  expect(litterOf(lab)).toEqual([]);
};

describe.each([
  { what: "a repository", options: {} },
  { what: "a sha256 repository", options: { format: "sha256" } as const },
  { what: "a linked worktree", options: { linked: true } },
  { what: "a path with a colon, a quote and a space", options: { prefix: 'im "p:ort-' } },
  { what: "a repository without a commit", options: { unborn: true } },
] satisfies { what: string; options: LabOptions }[])("$what", ({ options }) => {
  test("receives the very commits, and its status is right", async () => {
    const lab = open(options);
    lab.commit("file", "two\n");
    const tip = lab.commit("added", "new\n");
    expect(tryRun(["cat-file", "-e", tip], lab.env, lab.top).code).not.toBe(0);
    const result = await lab.bring();
    expect(result).toMatchObject({ kept: [], hints: [], problems: [] });
    expect(result.imported).toMatchObject([{ name: lab.start, ref: lab.start, id: tip, from: lab.base.head }]);
    expect(lab.git("rev-parse", "HEAD")).toBe(tip);
    expect(lab.git("symbolic-ref", "HEAD")).toBe(lab.start);
    expect(lab.git("status", "--porcelain")).toBe("");
    expect(lab.git("diff-files", "--name-only")).toBe("");
    const all = ["rev-list", "--objects", "--no-object-names", tip];
    expect(objectsOf(lab.git(...all))).toEqual(objectsOf(lab.inside(...all)));
    expect(lab.git("cat-file", "commit", tip)).toBe(lab.inside("cat-file", "commit", tip));
    isSound(lab);
  });
});

test("packs are as readable as git makes them, and only theirs are there", async () => {
  const lab = open();
  lab.commit("file", "two\n");
  await lab.bring();
  const directory = lab.at("main/.git/objects/pack");
  const names = fs.readdirSync(directory);
  expect(
    names
      .map((name) => path.extname(name))
      .filter((end) => end !== ".rev")
      .sort(),
  ).toEqual([".idx", ".pack"]);
  for (const name of names) expect(fs.statSync(path.join(directory, name)).mode & 0o777).toBe(0o444);
});

test("what the user has not staged stays as it is", async () => {
  const lab = open();
  lab.commit("file", "two\n");
  write(lab, "other", "edited\n");
  write(lab, "untracked", "mine\n");
  expect((await lab.bring()).problems).toEqual([]);
  expect(lab.git("status", "--porcelain").split("\n")).toEqual([" M other", "?? untracked"]);
  expect(fs.readFileSync(path.join(lab.top, "other"), "utf8")).toBe("edited\n");
});

test("no hook and no filter of the host runs", async () => {
  const lab = open();
  const marker = lab.at("ran");
  for (const name of ["reference-transaction", "post-index-change", "post-merge"])
    fs.writeFileSync(lab.at("main/.git/hooks", name), `#!/bin/sh\necho ${name} >> ${marker}\n`, { mode: 0o755 });
  for (const [key, value] of Object.entries({
    "core.fsmonitor": `echo fsmonitor >> ${marker}; false`,
    "filter.x.clean": `echo clean >> ${marker}; cat`,
  }))
    lab.git("config", key, value);
  write(lab, ".gitattributes", "* filter=x\n");
  lab.commit("file", "two\n");
  fs.rmSync(marker, { force: true });
  expect((await lab.bring()).problems).toEqual([]);
  expect(fs.existsSync(marker)).toBe(false);
  lab.git("status");
  expect(fs.readFileSync(marker, "utf8")).toContain("fsmonitor");
});

/** Each leaves the host in a state in which its branch must not move; the hint's command brings the work in. */
const obstacles: { kind: string; prepare: (lab: Lab) => void; after?: (lab: Lab) => void }[] = [
  { kind: "other-branch", prepare: (lab) => lab.git("switch", "-q", "-c", "elsewhere") },
  {
    kind: "moved",
    prepare: (lab) => {
      lab.git("commit", "-q", "--allow-empty", "-m", "meanwhile");
    },
  },
  {
    kind: "staged",
    prepare: (lab) => {
      write(lab, "file", "staged\n");
      lab.git("add", "file");
    },
  },
  {
    kind: "busy",
    prepare: (lab) => fs.writeFileSync(lab.at("main/.git/MERGE_HEAD"), `${lab.base.head}\n`),
    after: (lab) => fs.rmSync(lab.at("main/.git/MERGE_HEAD")),
  },
];

test.each(obstacles)("the branch does not move: $kind", async ({ kind, prepare, after }) => {
  const lab = open();
  const tip = lab.commit("file", "two\n");
  prepare(lab);
  const head = lab.git("rev-parse", "HEAD");
  const before = [
    lab.git("rev-parse", "HEAD", "main"),
    lab.git("status", "--porcelain"),
    lab.git("symbolic-ref", "HEAD"),
  ];
  const result = await lab.bring();
  expect(result).toMatchObject({ imported: [], problems: [] });
  expect(result.kept).toMatchObject([
    { name: "refs/heads/main", ref: "refs/cordon/run1/main", id: tip, reason: { kind } },
  ]);
  expect(lab.git("rev-parse", "refs/cordon/run1/main")).toBe(tip);
  expect([
    lab.git("rev-parse", "HEAD", "main"),
    lab.git("status", "--porcelain"),
    lab.git("symbolic-ref", "HEAD"),
  ]).toEqual(before);
  expect(result.hints).toHaveLength(1);
  expect(result.hints[0]!.text).toContain("refs/cordon/run1/main");
  after?.(lab);
  const typed = spawnSync("sh", ["-c", result.hints[0]!.command], { cwd: lab.top, env: lab.env });
  expect(typed.stderr.toString()).not.toContain("fatal");
  expect(typed.status).toBe(0);
  expect(tryRun(["merge-base", "--is-ancestor", tip, "main"], lab.env, lab.top).code).toBe(0);
  expect(tryRun(["merge-base", "--is-ancestor", head, "main"], lab.env, lab.top).code).toBe(0);
  isSound(lab);
});

test("the branch does not move: a new submodule comes in", async () => {
  const lab = open();
  lab.inside("update-index", "--add", "--cacheinfo", `160000,${lab.base.head},deep/vendored`);
  lab.inside("commit", "-qm", "vendor");
  const result = await lab.bring();
  expect(result.kept).toMatchObject([
    { ref: "refs/cordon/run1/main", reason: { kind: "gitlink", path: "deep/vendored" } },
  ]);
  expect(lab.git("rev-parse", "main")).toBe(lab.base.head!);
  expect(result.hints.map(({ command }) => command)).toEqual(["git log --stat HEAD..refs/cordon/run1/main"]);
  // One that the host has already may point elsewhere.
  lab.git("update-ref", "refs/heads/main", result.kept[0]!.id);
  lab.git("read-tree", "HEAD");
  const bumped = lab.inside("commit-tree", "-p", "HEAD", "-m", "x", lab.inside("rev-parse", "HEAD^{tree}"));
  lab.inside("update-ref", "HEAD", bumped);
  expect((await lab.bring()).imported).toMatchObject([{ ref: "refs/heads/main", id: bumped }]);
});

test("rewritten commits stay beside the host's", async () => {
  const lab = open();
  lab.commit("file", "two\n");
  lab.inside("commit", "-q", "--amend", "-m", "other");
  const tip = lab.inside("commit-tree", "-m", "root", lab.inside("rev-parse", "HEAD^{tree}"));
  lab.inside("reset", "-q", tip);
  const result = await lab.bring();
  expect(result.kept).toMatchObject([{ id: tip, reason: { kind: "rewritten" } }]);
  spawnSync("sh", ["-c", result.hints[0]!.command], { cwd: lab.top, env: lab.env });
  expect(lab.git("rev-parse", "HEAD")).toBe(tip);
  expect(lab.git("status", "--porcelain")).toBe("");
});

describe("refs", () => {
  test("new branches and tags arrive under their names", async () => {
    const lab = open();
    const tip = lab.commit("file", "two\n");
    lab.inside("branch", "topic/a");
    lab.inside("tag", "-a", "-m", "one", "v1");
    lab.inside("tag", "light");
    const { imported, kept } = await lab.bring();
    expect(imported.map(({ ref }) => ref).sort()).toEqual([
      "refs/heads/main",
      "refs/heads/topic/a",
      "refs/tags/light",
      "refs/tags/v1",
    ]);
    expect(kept).toEqual([]);
    expect(lab.git("rev-parse", "v1")).toBe(lab.inside("rev-parse", "v1"));
    expect(lab.git("rev-parse", "topic/a", "light", "v1^{}").split("\n")).toEqual([tip, tip, tip]);
  });

  test("names that the host has taken meanwhile are kept beside", async () => {
    const lab = open();
    const tip = lab.commit("file", "two\n");
    for (const name of ["taken", "a/b", "base/x", "heads"]) lab.inside("branch", name);
    lab.inside("tag", "v1");
    lab.git("branch", "taken");
    lab.git("branch", "a");
    lab.git("branch", "base");
    lab.git("branch", "heads/y");
    lab.git("tag", "v1");
    const { kept, imported } = await lab.bring();
    expect(imported.map(({ ref }) => ref)).toEqual(["refs/heads/main"]);
    expect(kept.map(({ ref }) => ref.slice("refs/cordon/run1/".length)).sort()).toEqual([
      ...["a/b", "heads/base/x", "heads/heads", "tags/v1", "taken"],
    ]);
    expect(lab.git("rev-parse", "taken", "v1").split("\n")).toEqual([lab.base.head!, lab.base.head!]);
    expect(lab.git("rev-parse", "refs/cordon/run1/taken")).toBe(tip);
  });

  test("another branch moves along when the host has not touched it", async () => {
    const lab = open();
    lab.git("branch", "other");
    lab.git("worktree", "add", "-q", "-b", "open", lab.at("open"));
    const refs = refsOf(lab.git("for-each-ref"));
    const base = { ...lab.base, refs };
    const tip = lab.commit("file", "two\n");
    for (const name of ["other", "open"]) lab.inside("update-ref", `refs/heads/${name}`, tip);
    const { kept } = await lab.bring({ base });
    expect(lab.git("rev-parse", "other")).toBe(tip);
    // Somebody works in a tree that has it checked out.
    expect(kept).toMatchObject([{ ref: "refs/cordon/run1/open", reason: { kind: "checked-out" } }]);
    expect(lab.git("-C", lab.at("open"), "status", "--porcelain")).toBe("");
  });

  test("a branch that was checked out inside at the end is offered", async () => {
    const lab = open();
    lab.inside("checkout", "-q", "-b", "feature");
    const tip = lab.commit("file", "two\n");
    const { hints } = await lab.bring();
    expect(hints).toHaveLength(1);
    const typed = spawnSync("sh", ["-c", hints[0]!.command], { cwd: lab.top, env: lab.env });
    expect(typed.status).toBe(0);
    expect(lab.git("rev-parse", "HEAD", "feature").split("\n")).toEqual([tip, tip]);
    expect(lab.git("status", "--porcelain")).toBe("");
  });

  test("stash entries, commits of no branch and notes are kept", async () => {
    const lab = open();
    write(lab, "file", "first\n");
    lab.inside("stash", "-q");
    write(lab, "file", "second\n");
    lab.inside("stash", "-q");
    lab.inside("notes", "add", "-m", "a note", "HEAD");
    lab.inside("checkout", "-q", "--detach");
    const loose = lab.commit("file", "loose\n");
    const { kept, hints } = await lab.bring();
    const stash = kept.filter(({ name }) => name === "stash");
    expect(stash.map(({ id }) => id)).toEqual(lab.inside("reflog", "--format=%H", "refs/stash").split("\n"));
    expect(lab.git("rev-parse", "refs/cordon/run1/HEAD")).toBe(loose);
    expect(kept.map(({ ref }) => ref)).toContain("refs/cordon/run1/notes/commits");
    lab.git("checkout", "-q", "-f");
    const offer = hints.find(({ text }) => text.includes("stash"))!;
    expect(spawnSync("sh", ["-c", offer.command], { cwd: lab.top, env: lab.env }).status).toBe(0);
    expect(fs.readFileSync(path.join(lab.top, "file"), "utf8")).toBe("second\n");
    expect(lab.git("stash", "list")).toBe("");
  });

  test("a detached host moves along", async () => {
    const lab = open();
    lab.git("checkout", "-q", "--detach");
    lab.inside("checkout", "-q", "--detach");
    const tip = lab.commit("file", "two\n");
    const { imported } = await lab.bring({ base: { ...lab.base, branch: undefined } });
    expect(imported).toMatchObject([{ ref: "HEAD", id: tip }]);
    expect(lab.git("rev-parse", "HEAD", "main").split("\n")).toEqual([tip, lab.base.head!]);
    expect(lab.git("status", "--porcelain")).toBe("");
  });

  test("a session changes nothing but its own refs", async () => {
    const lab = open();
    const tip = lab.commit("file", "two\n");
    lab.inside("branch", "topic");
    const before = lab.git("for-each-ref", "refs/heads", "refs/tags");
    const { imported, kept, hints } = await lab.bring({ advances: false });
    expect([imported, hints]).toEqual([[], []]);
    expect(kept.map(({ ref, id }) => [ref, id])).toEqual([
      ["refs/cordon/run1/main", tip],
      ["refs/cordon/run1/topic", tip],
    ]);
    expect(lab.git("for-each-ref", "refs/heads", "refs/tags")).toBe(before);
  });
});
