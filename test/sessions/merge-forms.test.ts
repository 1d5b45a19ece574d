import { expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { readRepository } from "../../src/workspace/repository.ts";
import { type Lab, lines, litterOf, stateOf, withLab, workIn } from "./merge-lab.ts";

/** Forms of repositories that a merge meets. */

const simple = (lab: Lab, files: Record<string, string> = { "a.txt": lines("a", { 0: "agent" }), "n.txt": "n\n" }) =>
  workIn(lab, "fix", (agent) => agent.commit(files));
const has = (lab: Lab, name: string) => fs.existsSync(path.join(lab.top, name));

test("a sparse checkout does not get the files that it leaves out", () =>
  withLab(async (lab) => {
    lab.commit({ "in/x": "x\n", "out/y": "y\n", "out/z": "z\n" });
    const session = simple(lab, { "in/x": "agent\n", "in/new": "n\n", "out/y": "agent\n", "out/new": "n\n" });
    lab.git("sparse-checkout", "set", "in");
    expect(has(lab, "out/y")).toBe(false);
    expect(await lab.merge(session)).toMatchObject({ kind: "merged", head: session.tip, files: 4 });
    expect([lab.get("in/x"), lab.get("in/new")]).toEqual(["agent\n", "n\n"]);
    expect([has(lab, "out/y"), has(lab, "out/new")]).toEqual([false, false]);
    expect(lab.git("status", "--porcelain")).toBe("");
    lab.git("sparse-checkout", "disable");
    expect([lab.get("out/y"), lab.get("out/new")]).toEqual(["agent\n", "n\n"]);
  }));

test("a file of the user's outside of a sparse checkout is the user's", () =>
  withLab(async (lab) => {
    lab.commit({ "in/x": "x\n", "out/y": "y\n" });
    const session = simple(lab, { "out/y": "agent\n" });
    lab.git("sparse-checkout", "set", "in");
    lab.put("out/y", "mine\n");
    const before = stateOf(lab);
    expect(await lab.merge(session)).toMatchObject({ kind: "refused", code: "local-changes", paths: ["out/y"] });
    expect(stateOf(lab)).toBe(before);
    fs.rmSync(path.join(lab.top, "out/y"));
    expect(await lab.merge(session)).toMatchObject({ kind: "merged" });
  }));

const crlf = (text: string) => text.replaceAll("\n", "\r\n");

test.each(["repository", "user", "attributes"])("line ends as the %s wants them", (whose) =>
  withLab(async (lab) => {
    const session = simple(lab, { "a.txt": lines("a", { 0: "agent" }), "n.txt": "1\n2\n" });
    if (whose === "repository") lab.git("config", "core.autocrlf", "true");
    if (whose === "user") lab.git("config", "--global", "core.autocrlf", "true");
    if (whose === "attributes") {
      fs.mkdirSync(lab.at("home/.config/git"), { recursive: true });
      fs.writeFileSync(lab.at("home/.config/git/attributes"), "*.txt text eol=crlf\n");
    }
    lab.git("rm", "-rq", "--cached", ".");
    lab.git("reset", "-q", "--hard");
    expect(lab.get("b.txt")).toBe(crlf(lines("b")));
    expect(await lab.merge(session)).toMatchObject({ kind: "merged", head: session.tip });
    expect([lab.get("a.txt"), lab.get("n.txt")]).toEqual([crlf(lines("a", { 0: "agent" })), "1\r\n2\r\n"]);
    expect(lab.git("status", "--porcelain")).toBe("");
  }),
);

test("a linked working tree: the one in which the user stands", () =>
  withLab(async (lab) => {
    lab.git("worktree", "add", "-q", "-b", "side", lab.at("linked"));
    const session = workIn(lab, "fix", (agent) => agent.commit({ "a.txt": "agent\n" }), lab.at("linked"));
    const main = lab.git("rev-parse", "main");
    lab.commit({ "b.txt": "main\n" });
    const moved = lab.git("rev-parse", "main");
    const repository = readRepository(lab.at("linked"))!;
    expect(await lab.merge(session, { repository })).toMatchObject({ kind: "merged", branch: "refs/heads/side" });
    expect(lab.git("rev-parse", "main", "side").split("\n")).toEqual([moved, session.tip]);
    expect(main).not.toBe(moved);
    expect(lab.runIn(lab.at("linked"), ["status", "--porcelain"])).toBe("");
    expect(fs.readFileSync(lab.at("linked/a.txt"), "utf8")).toBe("agent\n");
    expect(litterOf(lab, repository.gitDir)).toEqual([]);
  }));

test("a submodule moves with its entry, and nothing in it is touched", () =>
  withLab(async (lab) => {
    const other = lab.at("other");
    lab.runIn(lab.root, ["init", "-q", "-b", "main", other]);
    for (const name of ["one", "two"]) lab.runIn(other, ["commit", "-q", "--allow-empty", "-m", name]);
    const [two, one] = lab.runIn(other, ["rev-list", "main"]).split("\n");
    lab.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", other, "sub");
    lab.runIn(path.join(lab.top, "sub"), ["checkout", "-q", one!]);
    lab.commit({}, "submodule");
    const session = workIn(lab, "fix", (agent) => {
      agent.git("update-index", "--cacheinfo", `160000,${two},sub`);
      agent.git("commit", "-qm", "move");
      agent.git("reset", "-q", "--hard");
    });
    const evil = path.join(lab.top, "sub/evil");
    lab.runIn(path.join(lab.top, "sub"), ["config", "core.fsmonitor", `touch ${evil}; false`]);
    expect(await lab.merge(session)).toMatchObject({ kind: "merged", head: session.tip, files: 1 });
    expect(fs.existsSync(evil)).toBe(false);
    lab.runIn(path.join(lab.top, "sub"), ["config", "--unset", "core.fsmonitor"]);
    expect(lab.git("diff", "--cached", "--name-only")).toBe("");
    expect(lab.runIn(path.join(lab.top, "sub"), ["rev-parse", "HEAD"])).toBe(one!);
    const gone = workIn(lab, "gone", (agent) => {
      agent.git("rm", "-q", "--cached", "sub");
      fs.rmSync(path.join(agent.top, "sub"), { recursive: true, force: true });
      agent.git("commit", "-qm", "gone");
    });
    expect(await lab.merge(gone)).toMatchObject({ kind: "merged", head: gone.tip });
    expect(has(lab, "sub/.git")).toBe(true);
  }));

test("a new repository inside is refused, by itself or among others", () =>
  withLab(async (lab) => {
    const session = workIn(lab, "fix", (agent) => {
      agent.put("a.txt", "agent\n");
      agent.git("update-index", "--add", "--cacheinfo", `160000,${agent.git("rev-parse", "HEAD")},deep/sub`);
      agent.git("commit", "-qm", "gitlink");
      fs.mkdirSync(path.join(agent.top, "deep/sub"), { recursive: true });
    });
    const before = stateOf(lab);
    expect(await lab.merge(session)).toMatchObject({ kind: "refused", code: "gitlink", paths: ["deep/sub"] });
    expect(stateOf(lab)).toBe(before);
    expect(await lab.merge(session, { choice: { kind: "files", paths: ["a.txt"] } })).toMatchObject({ kind: "merged" });
  }));

test("an index in parts, and one with a cache of what is untracked", () =>
  withLab(async (lab) => {
    const session = simple(lab);
    lab.git("config", "core.untrackedCache", "true");
    lab.git("update-index", "--untracked-cache");
    lab.git("status");
    lab.git("update-index", "--split-index");
    lab.put("staged", "staged\n");
    lab.git("add", "staged");
    expect(await lab.merge(session)).toMatchObject({ kind: "merged", head: session.tip });
    expect(lab.git("status", "--porcelain")).toBe("A  staged");
  }));

test("an index that somebody holds for a moment is waited for, one that is held for long is not", () =>
  withLab(async (lab) => {
    const session = simple(lab);
    const lock = path.join(lab.top, ".git/index.lock");
    fs.writeFileSync(lock, "");
    const before = stateOf(lab);
    expect(await lab.merge(session)).toMatchObject({ kind: "refused", code: "busy" });
    expect(stateOf(lab)).toBe(before);
    setTimeout(() => fs.rmSync(lock), 300);
    expect(await lab.merge(session)).toMatchObject({ kind: "merged", head: session.tip });
    expect(lab.git("status", "--porcelain")).toBe("");
  }));

test("names that a file system takes for one", () =>
  withLab(async (lab) => {
    const session = simple(lab, { "A.TXT": "agent\n", "DIR/x": "agent\n", "B.txt/x": "agent\n", "ok.txt": "ok\n" });
    // Set by git itself where the file system is so.
    lab.git("config", "core.ignorecase", "true");
    const before = stateOf(lab);
    const refused = await lab.merge(session);
    expect(refused).toMatchObject({ kind: "refused", code: "collision" });
    expect((refused as { paths: string[] }).paths.sort()).toEqual(["A.TXT", "B.txt/x", "a.txt", "b.txt"]);
    expect(stateOf(lab)).toBe(before);
    const choice = { kind: "files" as const, paths: ["ok.txt", "DIR"] };
    expect(await lab.merge(session, { choice })).toMatchObject({ kind: "merged", files: 2 });
    lab.git("config", "core.ignorecase", "false");
    expect(await lab.merge(session)).toMatchObject({ kind: "merged" });
  }));

test("no hook, filter, merge driver or monitor of the repository is run", () =>
  withLab(async (lab) => {
    const trap = lab.at("trap");
    const touch = `touch ${trap}; cat`;
    lab.put(".gitattributes", "a.txt filter=evil merge=evil\nn.txt filter=evil\n*.md merge=union\n");
    lab.commit({ "x.md": lines("x") });
    const session = simple(lab, {
      "a.txt": lines("a", { 0: "agent" }),
      "n.txt": "n\n",
      "x.md": `${lines("x")}agent\n`,
    });
    lab.commit({ "a.txt": lines("a", { 9: "host" }), "x.md": `${lines("x")}host\n` });
    for (const key of ["clean", "smudge"]) lab.git("config", `filter.evil.${key}`, touch);
    lab.git("config", "filter.evil.required", "true");
    lab.git("config", "merge.evil.driver", `touch ${trap}; true`);
    lab.git("config", "core.fsmonitor", `touch ${trap}; false`);
    for (const hook of [
      "post-checkout",
      "post-merge",
      "reference-transaction",
      "post-index-change",
      "pre-merge-commit",
    ])
      lab.put(`.git/hooks/${hook}`, `#!/bin/sh\ntouch ${trap}\n`, 0o755);
    fs.rmSync(trap, { force: true });
    // With its driver off, a file that both have changed is a conflict; one without, and of `union`, is not.
    expect(await lab.merge(session)).toMatchObject({ kind: "conflict", conflicts: [{ path: "a.txt" }] });
    const choice = { kind: "files" as const, paths: ["n.txt", "x.md"] };
    expect(await lab.merge(session, { choice })).toMatchObject({ kind: "merged", files: 2 });
    expect(lab.get("x.md")).toBe(`${lines("x")}host\nagent\n`);
    expect(fs.existsSync(trap)).toBe(false);
    lab.git("config", "--unset", "core.fsmonitor");
    fs.rmSync(path.join(lab.top, ".git/hooks"), { recursive: true });
  }));
