import { describe, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { describeNeutralised, neutralise } from "../../src/workspace/neutralise.ts";
import { harmlessSettings } from "../../src/workspace/neutralise-settings.ts";
import { findAppeared, rememberNested } from "../../src/workspace/watch-nested.ts";
import { digestOf, git, useLab } from "./git-lab.ts";

/** What an honest agent makes goes on working, outside and in its next run. */

const lab = useLab();
let count = 0;

/** A project with a repository, and one outside of it to clone from. */
const makeProject = () => {
  const name = `p${count++}`;
  lab.create(name);
  lab.create(`${name}-remote`);
  const top = lab.at(name);
  const before = rememberNested(top, []);
  const settle = async () => {
    const { entries } = findAppeared(before);
    return await neutralise({ root: top, git, trusted: [path.join(top, ".git")] }, entries);
  };
  return { name, top, remote: lab.at(`${name}-remote`), settle, entries: () => findAppeared(before).entries };
};

const changesOf = (done: Awaited<ReturnType<typeof neutralise>>) => done.flatMap(({ changes }) => changes);

describe("what an honest agent makes", () => {
  test("a repository, with its branches, work and index, byte for byte", async () => {
    const { name, top, settle } = makeProject();
    lab.create(`${name}/made`);
    lab.outside(`${name}/made`, "branch", "other");
    lab.outside(`${name}/made`, "remote", "add", "origin", "https://example.org/x.git");
    lab.outside(`${name}/made`, "config", "branch.main.remote", "origin");
    lab.outside(`${name}/made`, "config", "user.name", "Agent");
    lab.write(`${name}/made/a.txt`, "staged");
    lab.outside(`${name}/made`, "add", ".");
    const before = digestOf(path.join(top, "made"));
    const done = await settle();
    expect(done).toEqual([{ path: "made/.git", changes: [] }]);
    expect(digestOf(path.join(top, "made"))).toBe(before);
    expect(describeNeutralised(done[0]!)).toContain("made/.git was made during the run");
  });

  test("a clone keeps everything but an address on this machine", async () => {
    const { name, remote, settle } = makeProject();
    lab.outside(name, "clone", "-q", remote, "made");
    const [change] = changesOf(await settle());
    expect(change).toEqual({
      kind: "settings",
      from: "config",
      to: "config.held-by-cordon",
      keys: ["remote.origin.url", "remote.origin.fetch"],
    });
    expect(lab.outside(`${name}/made`, "status", "--porcelain")).toBe("");
    expect(lab.outside(`${name}/made`, "log", "--oneline")).toContain("one");
    const held = fs.readFileSync(lab.at(`${name}/made/.git/config.held-by-cordon`), "utf8");
    expect(held).toContain(remote);
  });

  test("a clone with submodules, and a working tree of it", async () => {
    const { name, remote, settle } = makeProject();
    lab.create(`${name}-with`);
    lab.outside(`${name}-with`, "submodule", "-q", "add", remote, "sub");
    lab.outside(`${name}-with`, "commit", "-qm", "sub");
    lab.outside(name, "clone", "-q", "--recurse-submodules", lab.at(`${name}-with`), "made");
    lab.outside(`${name}/made`, "worktree", "add", "-q", "../tree");
    const changes = changesOf(await settle());
    expect(changes.map(({ kind }) => kind)).toEqual(["settings", "settings"]);
    for (const place of ["made", "made/sub", "tree"]) {
      expect(lab.outside(`${name}/${place}`, "status", "--porcelain")).toBe("");
      expect(lab.outside(`${name}/${place}`, "log", "--oneline")).not.toBe("");
    }
  });

  test("a submodule or a working tree of the project itself, whose directory stands in the private one", async () => {
    const { name, settle } = makeProject();
    lab.write(`${name}/sub/.git`, "gitdir: ../.git/modules/sub\n");
    lab.write(`${name}/tree/.git`, `gitdir: ${lab.at(name)}/.git/worktrees/tree\n`);
    expect(changesOf(await settle())).toEqual([]);
    expect(fs.readFileSync(lab.at(`${name}/sub/.git`), "utf8")).toContain("modules/sub");
  });

  test("hooks are kept under another name, and those that git never runs stay", async () => {
    const { name, settle } = makeProject();
    lab.create(`${name}/made`);
    lab.write(`${name}/made/.git/hooks/pre-commit.sample`, "exit 1", 0o755);
    expect(changesOf(await settle())).toEqual([]);
    lab.write(`${name}/made/.git/hooks/pre-commit`, "exit 1", 0o755);
    lab.write(`${name}/made/.git/hooks.held-by-cordon`, "in the way");
    const done = await settle();
    expect(changesOf(done)).toMatchObject([{ kind: "renamed", from: "hooks", to: "hooks.held-by-cordon-2" }]);
    expect(fs.existsSync(lab.at(`${name}/made/.git/hooks.held-by-cordon-2/pre-commit`))).toBe(true);
    lab.commit(`${name}/made`, "b.txt");
  });
});

describe("what leads elsewhere", () => {
  const elsewhere: [what: string, make: (name: string) => void][] = [
    ["the project's own repository", (name) => lab.write(`${name}/n/.git`, "gitdir: ../.git\n")],
    ["all of its submodules", (name) => lab.write(`${name}/n/.git`, "gitdir: ../.git/modules\n")],
    ["a place that is not there yet", (name) => lab.write(`${name}/n/.git`, "gitdir: ../later\n")],
    ["one beside it, by the name", (name) => lab.write(`${name}/n/.git`, "gitdir: ../.git2/modules/x\n")],
    ["back out of it", (name) => lab.write(`${name}/n/.git`, "gitdir: ../.git/modules/../../later\n")],
    ["nothing", (name) => lab.write(`${name}/n/.git`, "no gitfile\n")],
    ["too much", (name) => lab.write(`${name}/n/.git`, `gitdir: ../.git/modules/x${"\n".repeat(1024 * 1024)}`)],
  ];
  test.each(elsewhere)("a gitfile to %s", async (_what, make) => {
    const { name, settle } = makeProject();
    fs.mkdirSync(lab.at(`${name}/.git/modules`), { recursive: true });
    make(name);
    expect(changesOf(await settle())).toMatchObject([{ kind: "renamed", from: ".git", to: ".git.held-by-cordon" }]);
    expect(fs.readdirSync(lab.at(`${name}/n`))).toEqual([".git.held-by-cordon"]);
  });

  test("a pipe and a link are renamed, and what the link leads to is left alone", async () => {
    const { name, remote, settle } = makeProject();
    const before = digestOf(remote);
    for (const folder of ["a", "b", "c"]) fs.mkdirSync(lab.at(`${name}/${folder}`));
    fs.symlinkSync(path.join(remote, ".git"), lab.at(`${name}/a/.git`));
    Bun.spawnSync(["mkfifo", lab.at(`${name}/b/.git`)]);
    lab.create(`${name}/c`);
    Bun.spawnSync(["mkfifo", lab.at(`${name}/c/.git/index.lock`)]);
    expect(changesOf(await settle()).map(({ to }) => to)).toEqual(Array(3).fill(".git.held-by-cordon"));
    expect(digestOf(remote)).toBe(before);
  });

  test("a folder that has become a link since it was found is not followed", async () => {
    const { name, top, remote, entries } = makeProject();
    lab.create(`${name}/made`);
    lab.outside(`${name}/made`, "config", "core.pager", "evil");
    lab.outside(`${name}-remote`, "config", "core.pager", "mine");
    const found = entries();
    fs.rmSync(lab.at(`${name}/made`), { recursive: true });
    fs.symlinkSync(remote, lab.at(`${name}/made`));
    const before = digestOf(remote);
    const [done] = await neutralise({ root: top, git, trusted: [] }, found);
    expect(done!.problem).toBeString();
    expect(describeNeutralised(done!)).toContain("do not use git there");
    expect(digestOf(remote)).toBe(before);
  });
});

describe("settings that stay", () => {
  const keep = (key: string, value: string) => harmlessSettings([{ key, value }], () => false).length > 0;
  const staying = [
    ...["https://u@example.org/x", "ssh://git@example.org/x", "git@example.org:x/y.git", "host:x"],
    ...["git://example.org/x"],
  ];
  test.each(staying)("an address: %s", (url) => expect(keep("remote.o.url", url)).toBe(true));
  const going = [
    ...["/x", "./x", "../x", "file:///x", "ext::sh -c x", "x::y", "-oProxyCommand=x:y", "ssh://-oProxyCommand=x/y", ""],
    ...["fd::0", "/x:y", "host:-x", "https:///x"],
  ];
  test.each(going)("no address: %s", (url) => expect(keep("remote.o.url", url)).toBe(false));

  test("data, and nothing that names a program or another place", () => {
    const data = [
      "core.bare",
      "core.filemode",
      "extensions.refstorage",
      "branch.x.remote",
      "user.email",
      "index.version",
    ];
    const programs = [
      ...["core.worktree", "core.editor", "core.gitproxy", "core.protectntfs", "core.alternaterefscommand"],
      ...["pull.twohead", "branch.x.mergeoptions", "blame.ignorerevsfile", "credential.helper", "http.proxy"],
      ...["diff.orderfile", "diff.x.command", "difftool.x.cmd", "merge.x.driver", "mergetool.x.cmd", "fetch.bundleuri"],
      ...["uploadpack.packobjectshook", "includeif.gitdir:/.path", "url.x.insteadof", "sequence.editor", "gpg.program"],
      ...["interactive.difffilter", "remote.x.vcs", "remote.x.uploadpack", "submodule.x.update", "init.templatedir"],
    ];
    expect(data.filter((key) => !keep(key, "x"))).toEqual([]);
    expect(programs.filter((key) => keep(key, "x"))).toEqual([]);
    expect(keep("submodule.x.update", "rebase")).toBe(true);
  });
});
