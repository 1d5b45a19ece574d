import { expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { type Lab, lines, stateOf, withLab, workIn } from "./merge-lab.ts";

/** Host repositories in every state in which a user may have left them. */

/** A merge that must change nothing at all. */
const expectRefused = async (lab: Lab, session: ReturnType<typeof workIn>, expected: object, top = lab.top) => {
  const before = stateOf(lab, top);
  const result = await lab.merge(session);
  expect(result).toMatchObject({ kind: "refused", ...expected });
  expect(stateOf(lab, top)).toBe(before);
};

const simple = (lab: Lab, files: Record<string, string> = { "a.txt": lines("a", { 0: "agent" }), "n.txt": "n\n" }) =>
  workIn(lab, "fix", (agent) => agent.commit(files));

const linkTo = (lab: Lab, name: string, target: string) => fs.symlinkSync(target, path.join(lab.top, name));

test("another branch is checked out: it gets the work", () =>
  withLab(async (lab) => {
    const session = simple(lab);
    const main = lab.git("rev-parse", "main");
    lab.git("checkout", "-q", "-b", "feature/x");
    const host = lab.commit({ "b.txt": "b\n" });
    expect(await lab.merge(session)).toMatchObject({ kind: "merged", how: "merge", branch: "refs/heads/feature/x" });
    expect(lab.git("log", "-1", "--format=%P")).toBe(`${host} ${session.tip}`);
    expect(lab.git("rev-parse", "main")).toBe(main);
  }));

test("a detached HEAD moves, and no branch does", () =>
  withLab(async (lab) => {
    const session = simple(lab);
    const main = lab.git("rev-parse", "main");
    lab.git("checkout", "-q", "--detach");
    const result = await lab.merge(session);
    expect(result).toMatchObject({ kind: "merged", how: "fast-forward", head: session.tip });
    expect(result).toHaveProperty("branch", undefined);
    expect(lab.git("rev-parse", "HEAD", "main").split("\n")).toEqual([session.tip, main]);
    expect(lab.tryIn(lab.top, ["symbolic-ref", "-q", "HEAD"]).code).toBe(1);
    expect(lab.git("status", "--porcelain")).toBe("");
  }));

test("something unfinished is finished first", () =>
  withLab(async (lab) => {
    const session = simple(lab);
    lab.git("checkout", "-q", "-b", "other");
    lab.commit({ "b.txt": "other\n" });
    lab.git("checkout", "-q", "main");
    lab.commit({ "b.txt": "main\n" });
    expect(lab.tryIn(lab.top, ["merge", "other"]).code).toBe(1);
    await expectRefused(lab, session, { code: "busy" });
    fs.rmSync(path.join(lab.top, ".git/MERGE_HEAD"));
    // The index alone tells it as well.
    await expectRefused(lab, session, { code: "busy" });
    lab.git("reset", "-q", "--hard");
    expect(await lab.merge(session)).toMatchObject({ kind: "merged" });
  }));

test("staged changes stop a merge of the same file only", () =>
  withLab(async (lab) => {
    const session = simple(lab);
    lab.put("b.txt", "staged\n");
    lab.put("extra.txt", "staged\n");
    lab.git("add", "b.txt", "extra.txt");
    lab.put("dir/c.txt", "dirty\n");
    lab.put("a.txt", "staged\n");
    lab.git("add", "a.txt");
    await expectRefused(lab, session, { code: "staged", paths: ["a.txt"] });
    lab.git("restore", "--staged", "--worktree", "a.txt");
    expect(await lab.merge(session)).toMatchObject({ kind: "merged", how: "fast-forward", files: 2 });
    expect(lab.git("status", "--porcelain").split("\n")).toEqual(["M  b.txt", " M dir/c.txt", "A  extra.txt"]);
    expect([lab.get("b.txt"), lab.get("dir/c.txt")]).toEqual(["staged\n", "dirty\n"]);
  }));

test("dirty, deleted and untracked files in the way are named, and everything stays", () =>
  withLab(async (lab) => {
    const session = simple(lab, { "a.txt": "agent\n", "n.txt": "agent\n", "b.txt": "agent\n" });
    lab.put("a.txt", "mine\n");
    await expectRefused(lab, session, { code: "local-changes", paths: ["a.txt"] });
    lab.git("checkout", "-q", "a.txt");
    fs.rmSync(path.join(lab.top, "b.txt"));
    await expectRefused(lab, session, { code: "local-changes", paths: ["b.txt"] });
    lab.git("checkout", "-q", "b.txt");
    lab.put("n.txt", "mine\n");
    await expectRefused(lab, session, { code: "untracked", paths: ["n.txt"] });
    // Also when git ignores it, which would write over it.
    lab.put(".git/info/exclude", "n.txt\n");
    await expectRefused(lab, session, { code: "untracked", paths: ["n.txt"] });
    lab.put("n.txt", "agent\n");
    lab.put("a.txt", "agent\n");
    expect(await lab.merge(session)).toMatchObject({ kind: "merged", head: session.tip });
    expect(lab.git("status", "--porcelain")).toBe("");
  }));

test("what git was told not to look at is looked at", () =>
  withLab(async (lab) => {
    const session = simple(lab);
    lab.git("update-index", "--assume-unchanged", "a.txt");
    lab.put("a.txt", "mine\n");
    await expectRefused(lab, session, { code: "local-changes", paths: ["a.txt"] });
    lab.git("update-index", "--no-assume-unchanged", "a.txt");
    lab.git("update-index", "--skip-worktree", "a.txt");
    await expectRefused(lab, session, { code: "local-changes", paths: ["a.txt"] });
    lab.git("update-index", "--no-skip-worktree", "a.txt");
    lab.git("checkout", "-q", "a.txt");
    expect(await lab.merge(session)).toMatchObject({ kind: "merged" });
  }));

test("a link of the user's is never followed", () =>
  withLab(async (lab) => {
    const session = simple(lab, { "out/deep/file": "agent\n", "a.txt": "agent\n" });
    fs.mkdirSync(lab.at("elsewhere"));
    linkTo(lab, "out", lab.at("elsewhere"));
    await expectRefused(lab, session, { code: "untracked", paths: ["out"] });
    lab.put(".git/info/exclude", "out\n");
    await expectRefused(lab, session, { code: "untracked", paths: ["out"] });
    fs.rmSync(path.join(lab.top, "out"));
    fs.rmSync(path.join(lab.top, "a.txt"));
    fs.writeFileSync(lab.at("victim"), lines("a"));
    linkTo(lab, "a.txt", lab.at("victim"));
    await expectRefused(lab, session, { code: "local-changes", paths: ["a.txt"] });
    lab.git("checkout", "-q", "a.txt");
    expect(await lab.merge(session)).toMatchObject({ kind: "merged" });
    expect(fs.readdirSync(lab.at("elsewhere"))).toEqual([]);
    expect(fs.readFileSync(lab.at("victim"), "utf8")).toBe(lines("a"));
  }));

test("a link in one commit and a file below it in the next", () =>
  withLab(async (lab) => {
    fs.mkdirSync(lab.at("elsewhere"));
    const session = workIn(lab, "fix", (agent) => {
      fs.symlinkSync(lab.at("elsewhere"), path.join(agent.top, "l"));
      agent.git("add", "-A");
      agent.git("commit", "-qm", "link");
      fs.rmSync(path.join(agent.top, "l"));
      agent.commit({ "l/file": "agent\n" });
    });
    const first = { kind: "commits" as const, ids: [lab.git("rev-parse", `${session.tip}~1`)] };
    expect(await lab.merge(session, { choice: first })).toMatchObject({ kind: "merged" });
    expect(fs.readlinkSync(path.join(lab.top, "l"))).toBe(lab.at("elsewhere"));
    expect(await lab.merge(session)).toMatchObject({ kind: "merged" });
    expect(fs.lstatSync(path.join(lab.top, "l")).isDirectory()).toBe(true);
    expect(fs.readdirSync(lab.at("elsewhere"))).toEqual([]);
  }));

test("a file where a directory was, and a directory where a file was", () =>
  withLab(async (lab) => {
    const session = workIn(lab, "fix", (agent) => {
      agent.git("rm", "-q", "dir/c.txt", "b.txt");
      agent.put("dir", "a file now\n");
      agent.put("b.txt/deep", "a directory now\n");
    });
    lab.put("dir/mine", "untracked\n");
    await expectRefused(lab, session, { code: "untracked", paths: ["dir/mine"] });
    fs.rmSync(path.join(lab.top, "dir/mine"));
    fs.mkdirSync(path.join(lab.top, "dir/empty"));
    expect(await lab.merge(session)).toMatchObject({ kind: "merged" });
    expect([lab.get("dir"), lab.get("b.txt/deep")]).toEqual(["a file now\n", "a directory now\n"]);
    expect(lab.git("status", "--porcelain")).toBe("");
  }));

test("modes, links, deletions and names of any bytes", () =>
  withLab(async (lab) => {
    const names = ["-rf", "with\nnewline", 'quote"d', "*", ":(top)x", "\x1b[31m", " lead", "ü", "e\u0301"];
    const session = workIn(lab, "fix", (agent) => {
      for (const name of names) agent.put(name, `${name}\n`);
      fs.writeFileSync(Buffer.concat([Buffer.from(`${agent.top}/`), Buffer.of(0xff, 0x61)]), "no utf-8\n");
      fs.chmodSync(path.join(agent.top, "a.txt"), 0o755);
      fs.symlinkSync("a.txt", path.join(agent.top, "link"));
      fs.rmSync(path.join(agent.top, "dir/c.txt"));
      agent.git("add", "-A");
      agent.git("commit", "-qm", "names");
    });
    expect(await lab.merge(session, { choice: { kind: "files", paths: [...names, "\udcffa"] } })).toMatchObject({
      kind: "merged",
      files: 10,
    });
    expect(await lab.merge(session)).toMatchObject({ kind: "merged", files: 3 });
    expect(lab.git("status", "--porcelain")).toBe("");
    for (const name of names) expect(lab.get(name)).toBe(`${name}\n`);
    expect(fs.readdirSync(Buffer.from(lab.top), "buffer").some((name) => name.equals(Buffer.of(0xff, 0x61)))).toBe(
      true,
    );
    expect(fs.statSync(path.join(lab.top, "a.txt")).mode & 0o111).toBe(0o111);
    expect(fs.existsSync(path.join(lab.top, "dir"))).toBe(false);
  }));
