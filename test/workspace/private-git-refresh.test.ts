import { describe, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { agentCommit, digestOf, useLab } from "./git-lab.ts";

/** A second run finds what the first one left, and what the host has done since. */

const lab = useLab();

const { commit, run } = lab;

/** What an import does in the end, here by the shortest way. */
const fetchBack = (name: string, branch: string) => {
  const from = lab.at(`store-${name}/git`);
  const objects = lab.at(`${name}/.git/objects`);
  fs.writeFileSync(path.join(from, "objects/info/alternates"), `${objects}\n`);
  lab.outside(name, "fetch", "-q", "--update-head-ok", from, `${branch}:${branch}`);
};

describe("what the host has done since", () => {
  test("comes in where the sandbox has done nothing", async () => {
    lab.create("follow");
    await run("follow", "git status");
    commit("follow", "b.txt");
    lab.outside("follow", "branch", "fresh");
    lab.outside("follow", "tag", "v1");
    lab.write("follow/a.txt", "staged\n");
    lab.outside("follow", "add", "a.txt");
    const outside = lab.outside("follow", "status", "--porcelain=v2", "--branch");
    expect(await run("follow", "git status --porcelain=v2 --branch")).toBe(outside);
    expect(await run("follow", "git branch --list fresh; git tag")).toBe("  fresh\nv1\n");
    lab.outside("follow", "branch", "-D", "fresh");
    lab.outside("follow", "stash", "-q");
    lab.outside("follow", "switch", "-q", "-c", "next");
    commit("follow", "c.txt");
    expect(await run("follow", "git branch --show-current; git branch --list fresh; git log -1 --format=%s")).toBe(
      "next\nhost c.txt\n",
    );
    expect(await run("follow", "git status --porcelain; git stash list")).toBe("");
  });

  test("does not cost a commit that has not come over, and both are seen", async () => {
    lab.create("both");
    await run("both", `${agentCommit("x.txt")}; git switch -q -c other; ${agentCommit("y.txt")}; git switch -q main`);
    commit("both", "h.txt");
    const opened = await lab.open("both");
    const seen = "git log -1 --format=%s main; git log -1 --format=%s other; git log -1 --format=%s host/main";
    expect(lab.inside("both", opened, seen)).toBe("agent x.txt\nagent y.txt\nhost h.txt\n");
    expect(opened.notes).toEqual(["refs/heads/main has moved on both sides"]);
    expect(
      lab.inside("both", opened, "rm h.txt && git merge -q -m both host/main && git log --format=%s && git fsck"),
    ).toContain("host h.txt");
    opened.release();
  });

  test("is followed again once the commits have come over and were built upon", async () => {
    lab.create("built");
    await run("built", agentCommit("x.txt"));
    fetchBack("built", "main");
    lab.outside("built", "reset", "-q", "--mixed");
    expect(await run("built", "git status --porcelain; git log -1 --format=%s")).toBe("agent x.txt\n");
    commit("built", "h.txt");
    expect(await run("built", "git log --format=%s")).toBe("host h.txt\nagent x.txt\none\n");
  });

  test("when the host has changed to a branch that went its own way inside, its commit is checked out detached", async () => {
    lab.create("away");
    lab.outside("away", "branch", "side");
    await run("away", `git switch -q side; ${agentCommit("s.txt")}; git switch -q main`);
    lab.outside("away", "switch", "-q", "side");
    fs.rmSync(lab.at("away/s.txt"), { force: true });
    expect(
      await run("away", "git status --porcelain --branch; git log -1 --format=%s side; git log -1 --format=%s"),
    ).toBe("## HEAD (no branch)\nagent s.txt\none\n");
  });

  test("a commit that only a detached HEAD holds, and an operation in progress, are kept", async () => {
    lab.create("kept");
    await run("kept", `git checkout -q --detach; ${agentCommit("x.txt")}`);
    lab.outside("kept", "switch", "-q", "-c", "moved");
    const opened = await lab.open("kept");
    expect(lab.inside("kept", opened, "git branch --show-current; git log --all --format=%s")).toContain("agent x.txt");
    expect(opened.notes[0]).toContain("cordon-kept-");
    expect(lab.inside("kept", opened, "git branch --show-current")).toBe("moved\n");
    opened.release();

    const busy = `git reset -q --hard; git switch -q -c up; ${agentCommit("u.txt")}; git switch -q moved; echo z > u.txt; git add u.txt
      git commit -q -m z; git merge up >/dev/null 2>&1 || git status | head -3`;
    expect(await run("kept", busy)).toContain("unmerged");
    lab.outside("kept", "switch", "-q", "main", "--force");
    expect(await run("kept", "git status")).toContain("On branch moved");
  });

  test("settings of both sides, hooks and excludes are brought up to date; killed locks are in nobody's way", async () => {
    lab.create("renew");
    lab.outside("renew", "config", "branch.main.rebase", "true");
    await run(
      "renew",
      "git config branch.topic.remote origin; git config user.name Inside; touch .git/index.lock .git/refs/heads/main.lock",
    );
    lab.outside("renew", "config", "branch.main.rebase", "false");
    lab.outside("renew", "config", "core.eol", "lf");
    lab.write("renew/.git/hooks/pre-commit", "#!/bin/sh\necho hooked\n", 0o755);
    lab.write("renew/.git/info/exclude", "*.out\n");
    const asked =
      "git config branch.topic.remote; git config user.name; git config branch.main.rebase; git config core.eol; touch x.out; git status --porcelain; git commit --allow-empty -qm x 2>&1";
    expect(await run("renew", asked)).toBe("origin\nInside\nfalse\nlf\nhooked\n");
    fs.rmSync(lab.at("renew/.git/hooks/pre-commit"));
    expect(await run("renew", "git commit --allow-empty -qm y 2>&1")).toBe("");
  });
});

describe("two runs", () => {
  test("share one directory, and nothing is brought up to date under them", async () => {
    lab.create("shared");
    lab.create("shared/nested");
    const first = await lab.open("shared");
    lab.inside("shared", first, agentCommit("x.txt"));
    commit("shared", "h.txt");
    const before = digestOf(first.parts[0]!.directory);
    const second = await lab.open("shared");
    expect([first.isShared, second.isShared]).toEqual([false, true]);
    expect(digestOf(first.parts[0]!.directory)).toBe(before);
    expect(second.parts[0]!.base()).toEqual(first.parts[0]!.base());
    expect(lab.inside("shared", second, "git log -1 --format=%s")).toBe("agent x.txt\n");
    expect(second.mounts.filter(({ kind }) => kind === "mask").map(({ target }) => target)).toEqual([
      lab.at("shared/nested/.git"),
    ]);
    first.release();
    second.release();
    const third = await lab.open("shared");
    expect(third.isShared).toBe(false);
    expect(third.notes).toContain("refs/heads/main has moved on both sides");
    third.release();
  });

  test("one after the other find all that the first has done, also when it was killed before its record was written", async () => {
    lab.create("crash");
    await run("crash", agentCommit("x.txt"));
    fs.rmSync(lab.at("store-crash/git.json"));
    commit("crash", "h.txt");
    expect(await run("crash", "git log -1 --format=%s main; git log -1 --format=%s host/main")).toBe(
      "agent x.txt\nhost h.txt\n",
    );
  });
});
