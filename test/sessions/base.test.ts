import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { readRepository } from "../../src/workspace/repository.ts";
import { digestOf } from "../workspace/git-lab.ts";
import type { Desk } from "./session-desk.ts";
import { openDesk } from "./session-room.ts";

const timeoutMs = 60_000;

/** Makes a session, and gives its base with what differs from HEAD in it. */
const begin = async (desk: Desk, name = "one") => {
  const index = path.join(desk.repositoryOf()!.gitDir, "index");
  const before = fs.existsSync(index) ? fs.readFileSync(index).toString("hex") : "";
  const { session, notes, release } = await desk.create(name);
  release();
  expect(fs.existsSync(index) ? fs.readFileSync(index).toString("hex") : "").toBe(before);
  const { commit, head } = session.base;
  const from = head ?? desk.git("hash-object", "-t", "tree", "/dev/null");
  const rows = desk.git("diff", "--no-renames", "--name-status", from, commit).split("\n").filter(Boolean);
  return { session, notes, base: session.base, rows: rows.map((row) => row.replace("\t", " ")) };
};

test("a clean tree is HEAD itself", async () => {
  const desk = openDesk();
  const { base, session } = await begin(desk);
  const head = desk.git("rev-parse", "HEAD");
  expect(base).toEqual({ commit: head, head, branch: "refs/heads/main" });
  expect(desk.git("rev-parse", `refs/cordon/${session.id}/start`)).toBe(head);
});

test("staged, changed, removed and untracked files as they lie there; ignored ones not", async () => {
  const desk = openDesk();
  desk.put("staged", "staged\n");
  desk.git("add", "staged");
  desk.put("staged", "and changed\n");
  desk.put("new", "new\n");
  desk.put("ignored", "secret\n");
  desk.put("later", "later\n");
  desk.git("add", "-N", "later");
  desk.git("rm", "-q", "--cached", "a.txt");
  fs.rmSync(path.join(desk.project, "dir/b.txt"));
  const { base, rows, session } = await begin(desk);
  expect(rows).toEqual(["D dir/b.txt", "A later", "A new", "A staged"]);
  expect(desk.git("show", `${base.commit}:staged`)).toBe("and changed");
  expect(desk.git("log", "-1", "--format=%P %an %ae", base.commit)).toBe(`${base.head} cordon cordon@localhost`);
  expect(desk.git("rev-parse", `refs/cordon/${session.id}/start`)).toBe(base.commit);
});

describe("forms of repositories", () => {
  test("unborn", async () => {
    const desk = openDesk({ hasGit: false });
    desk.git("init", "-q", "-b", "trunk");
    const { base, rows, session } = await begin(desk);
    expect(base).toMatchObject({ branch: "refs/heads/trunk" });
    expect(base.head).toBeUndefined();
    expect(rows).toEqual(["A .gitignore", "A a.txt", "A dir/b.txt"]);
    await desk.work(session, "echo more >> a.txt; git add -A; git commit -qm root; echo x > x");
    const { collected, problems } = await desk.collect(session);
    expect(problems).toEqual([]);
    expect(collected).toMatchObject({ work: true, commits: 1, files: 4 });
  });

  test("unborn, with nothing done", async () => {
    const desk = openDesk({ hasGit: false });
    desk.git("init", "-q");
    const { session } = await begin(desk);
    const done = await desk.collect(session);
    expect([done.problems, done.collected, done.session.isStale]).toEqual([[], undefined, false]);
  });

  test("detached", async () => {
    const desk = openDesk();
    desk.git("checkout", "-q", "--detach");
    expect((await begin(desk)).base).toMatchObject({
      head: desk.git("rev-parse", "HEAD"),
      commit: desk.git("rev-parse", "HEAD"),
    });
  });

  test("sha256", async () => {
    const desk = openDesk({ format: "sha256" });
    desk.put("new", "new\n");
    const { base, session } = await begin(desk);
    expect(base.commit).toMatch(/^[0-9a-f]{64}$/);
    await desk.work(session, "rm dir/b.txt; echo c > c; git add c; git commit -qm c; echo more >> new");
    const { collected, problems } = await desk.collect(session);
    expect(problems).toEqual([]);
    expect(collected).toMatchObject({ work: true, commits: 1, files: 3 });
  });

  test("a linked working tree", async () => {
    const desk = openDesk();
    desk.git("worktree", "add", "-q", "-b", "side", desk.at("linked"));
    fs.writeFileSync(desk.at("linked/new"), "new\n");
    const repository = readRepository(desk.at("linked"))!;
    const other = { ...desk, project: desk.at("linked"), repositoryOf: () => repository };
    const { createSession } = await import("../../src/sessions/creation.ts");
    const { collectSession } = await import("../../src/sessions/collect.ts");
    const host = { ...desk.host, cwd: other.project, project: other.project };
    const asked = {
      host,
      project: other.project,
      repository,
      name: "one",
      agent: "claude",
      workspace: "overlay",
    } as const;
    const { session, release } = await createSession(asked);
    release();
    expect(session.base).toMatchObject({ branch: "refs/heads/side", head: desk.git("rev-parse", "side") });
    await desk.work(session, "echo mine > mine; git add mine; git commit -qm mine; echo more >> new");
    const { collected, problems } = await collectSession({ host, session, repository });
    expect(problems).toEqual([]);
    expect(collected).toMatchObject({ work: true, commits: 1, files: 2 });
  });

  test("sparse, with a file that should not be there", async () => {
    const desk = openDesk();
    desk.put("other/c", "c\n");
    desk.git("add", "-A");
    desk.git("commit", "-qm", "other");
    desk.git("sparse-checkout", "set", "--cone", "dir");
    expect(fs.existsSync(path.join(desk.project, "other"))).toBe(false);
    desk.put("dir/b.txt", "changed\n");
    const { rows, session } = await begin(desk);
    expect(rows).toEqual(["M dir/b.txt"]);
    await desk.work(session, "echo x >> dir/b.txt; mkdir other; echo mine > other/c");
    const { collected, problems } = await desk.collect(session);
    expect(problems).toEqual([]);
    expect(desk.git("diff", "--name-only", "HEAD", collected!.tip).split("\n")).toEqual(["dir/b.txt", "other/c"]);
  });

  test("a partial clone fetches nothing", async () => {
    const desk = openDesk();
    desk.put("a.txt", "two\n");
    desk.git("commit", "-qam", "two");
    desk.git("config", "uploadpack.allowFilter", "true");
    const clone = desk.at("clone");
    desk.git("clone", "-q", "--filter=blob:none", "--no-local", `file://${desk.project}`, clone);
    fs.rmSync(path.join(desk.project, ".git"), { recursive: true });
    fs.renameSync(path.join(clone, ".git"), path.join(desk.project, ".git"));
    desk.put("a.txt", "dirty\n");
    const { rows, session } = await begin(desk);
    expect(rows).toEqual(["M a.txt"]);
    await desk.work(session, "echo mine > mine; git add mine; git commit -qm mine; rm dir/b.txt");
    const { collected, problems } = await desk.collect(session);
    expect(problems).toEqual([]);
    expect(desk.git("diff", "--name-only", "HEAD", collected!.tip).split("\n")).toEqual(["dir/b.txt", "mine"]);
  });

  test("a split index, one that is unmerged, and files that git was told not to look at", async () => {
    const desk = openDesk();
    desk.git("checkout", "-qb", "side");
    desk.put("a.txt", "side\n");
    desk.git("commit", "-qam", "side");
    desk.git("checkout", "-q", "main");
    desk.put("a.txt", "main\n");
    desk.git("commit", "-qam", "main");
    expect(() => desk.git("merge", "-q", "side")).toThrow();
    desk.git("update-index", "--split-index");
    desk.git("update-index", "--assume-unchanged", "dir/b.txt");
    desk.put("dir/b.txt", "hidden\n");
    const halves = () =>
      fs.readdirSync(path.join(desk.project, ".git")).filter((name) => name.startsWith("sharedindex"));
    const before = halves();
    const { rows, base } = await begin(desk);
    expect(rows).toEqual(["M a.txt", "M dir/b.txt"]);
    expect(desk.git("show", `${base.commit}:a.txt`)).toContain("<<<<<<<");
    expect(halves()).toEqual(before);
  });

  test(
    "submodules and repositories that lie there are not looked into",
    async () => {
      const desk = openDesk();
      const trap = (place: string) => {
        const script = desk.at("trap");
        fs.writeFileSync(script, `#!/bin/sh\ntouch ${desk.at("ran")}\n`, { mode: 0o755 });
        for (const key of ["core.fsmonitor", "core.sshCommand", "core.alternateRefsCommand"])
          desk.git("-C", place, "config", key, script);
      };
      desk.git("init", "-q", "lib");
      desk.put("lib/x", "x\n");
      desk.git("-C", "lib", "add", "-A");
      desk.git("-C", "lib", "commit", "-qm", "lib");
      desk.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "./lib", "sub");
      desk.git("commit", "-qm", "sub");
      trap("sub");
      trap("lib");
      desk.put("sub/x", "changed\n");
      const { rows, notes } = await begin(desk);
      expect(rows).toEqual([]);
      expect(notes).toEqual(["lib: a repository of its own: what changes in it stays in the session"]);
      expect(fs.existsSync(desk.at("ran"))).toBe(false);
      desk.git("status");
      expect(fs.existsSync(desk.at("ran"))).toBe(true);
    },
    timeoutMs,
  );
});

test("nothing of the repository is run, and nothing is filtered", async () => {
  const desk = openDesk();
  const ran = desk.at("ran");
  const script = `touch ${ran}; cat`;
  for (const key of ["filter.f.clean", "filter.f.smudge", "filter.f.process", "core.fsmonitor"])
    desk.git("config", key, script);
  desk.git("config", "filter.f.required", "true");
  for (const hook of ["post-index-change", "reference-transaction", "post-commit"])
    fs.writeFileSync(path.join(desk.project, ".git/hooks", hook), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  desk.put(".gitattributes", "* filter=f\n");
  desk.put("new", "new\n");
  const { rows } = await begin(desk);
  expect(rows).toEqual(["A .gitattributes", "A new"]);
  expect(fs.existsSync(ran)).toBe(false);
  spawnSync("git", ["add", "new"], { cwd: desk.project, env: desk.env });
  expect(fs.existsSync(ran)).toBe(true);
});

test("what the user ignores everywhere is ignored here", async () => {
  const desk = openDesk();
  fs.mkdirSync(desk.at("home/.config/git"), { recursive: true });
  fs.writeFileSync(desk.at("home/.config/git/ignore"), "*.swp\n");
  desk.put("x.swp", "x\n");
  const { rows, session } = await begin(desk);
  expect(rows).toEqual([]);
  await desk.work(session, "touch y.swp z");
  const { collected } = await desk.collect(session);
  expect(desk.git("diff", "--name-only", "HEAD", collected!.tip)).toBe("z");
});

test("without git, what is no file is left out and named", async () => {
  const desk = openDesk({ hasGit: false });
  spawnSync("mkfifo", [path.join(desk.project, "pipe")]);
  desk.git("init", "-q", "sub");
  desk.put("sub/x", "x\n");
  const { session, notes, release } = await desk.create("one");
  release();
  expect(notes).toEqual(["sub: a repository of its own: what changes in it stays in the session"]);
  const { commit } = session.base;
  expect(session.base).toEqual({ commit, head: undefined, branch: undefined });
  expect(desk.shadowGit(session, "ls-tree", "-r", "--name-only", commit).split("\n")).toEqual([
    ".gitignore",
    "a.txt",
    "dir/b.txt",
  ]);
  expect(digestOf(desk.project)).not.toContain("shadow");
});
