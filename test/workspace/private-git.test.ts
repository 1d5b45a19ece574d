import { describe, expect, test } from "bun:test";
import fs from "node:fs";
import { digestOf, useLab } from "./git-lab.ts";

/** Work in the private git directory, by a real git in a real sandbox. */

const lab = useLab();

const status = "git status --porcelain=v2 --branch";

/** Everything that a status tells: staged, changed, deleted, untracked, ignored files. */
const makeBusy = (name: string) => {
  lab.create(name);
  for (const file of ["b", "c", "d", "e"]) lab.write(`${name}/${file}.txt`, `${file}\n`);
  lab.write(`${name}/.gitignore`, "*.log\n");
  lab.outside(name, "add", ".");
  lab.outside(name, "commit", "-q", "-m", "two");
  lab.outside(name, "branch", "feature");
  lab.outside(name, "tag", "-m", "first", "v1");
  lab.write(`${name}/a.txt`, "staged\n");
  lab.outside(name, "add", "a.txt");
  lab.write(`${name}/b.txt`, "changed\n");
  fs.rmSync(lab.at(`${name}/c.txt`));
  lab.outside(name, "mv", "d.txt", "moved.txt");
  lab.write(`${name}/new.txt`, "new\n");
  lab.write(`${name}/x.log`, "x\n");
  lab.write(`${name}/kept-out.txt`, "private\n");
  lab.write(`${name}/.git/info/exclude`, "kept-out.txt\n");
};

describe("in a repository", () => {
  test("the status inside is the status outside, staged things included", async () => {
    makeBusy("busy");
    const outside = lab.outside("busy", "status", "--porcelain=v2", "--branch");
    const opened = await lab.open("busy");
    expect(outside).toContain("moved.txt");
    // git looks again at files as young as their index: a copy that looks younger would hide a change.
    const [copied, original] = [`${opened.parts[0]!.directory}/index`, lab.at("busy/.git/index")].map(
      (file) => fs.statSync(file).mtimeMs,
    );
    expect(copied).toBeLessThanOrEqual(original!);
    expect(original! - copied!).toBeLessThan(1);
    expect(lab.inside("busy", opened, status)).toBe(outside);
    expect(lab.inside("busy", opened, "git diff --cached")).toBe(lab.outside("busy", "diff", "--cached"));
    expect(lab.inside("busy", opened, "git log --all --format='%H %d'")).toContain("(HEAD -> main, tag: v1, feature)");
    expect(lab.inside("busy", opened, "git describe; git fsck --strict")).toContain("v1");
    opened.release();
  });

  test("commit, branch, stash, rebase, merge and worktrees work, and nothing of the host's .git changes", async () => {
    lab.create("work");
    lab.write("work/sub/deep.txt", "deep\n");
    lab.outside("work", "add", ".");
    lab.outside("work", "commit", "-q", "-m", "two");
    const opened = await lab.open("work");
    const before = digestOf(lab.at("work/.git"));
    const printed = lab.inside(
      "work",
      opened,
      `git switch -q -c topic
       echo more >> a.txt; git commit -qam 'topic'
       git switch -q main; echo other > o.txt; git add .; git commit -qm 'other'
       git rebase -q main topic
       git merge -q --no-ff -m 'merged' main 2>/dev/null || true
       echo dirty >> a.txt; git stash -q; git stash list; git stash pop -q
       cd sub; echo deeper > deeper.txt; git add deeper.txt; git commit -qm 'from below'; git rev-parse --show-prefix; cd ..
       git worktree add -q .trees/second -b second; echo w > .trees/second/w.txt
       git -C .trees/second add w.txt; git -C .trees/second commit -qm 'in a worktree'
       git log --all --format=%s; git fsck --full --strict`,
    );
    for (const subject of ["topic", "other", "from below", "in a worktree", "stash@{0}", "sub/"])
      expect(printed).toContain(subject);
    expect(digestOf(lab.at("work/.git"))).toBe(before);
    expect(lab.outside("work", "log", "--all", "--format=%s")).not.toContain("topic");
    opened.release();
  });

  test("hooks run inside, where they were and where the settings say", async () => {
    lab.create("hooks");
    lab.write("hooks/.git/hooks/pre-commit", "#!/bin/sh\necho ran-inside $PWD\n", 0o755);
    lab.write("hooks/.git/hooks/commit-msg", "#!/bin/sh\nexit 1\n", 0o644);
    const opened = await lab.open("hooks");
    expect(lab.inside("hooks", opened, "git commit --allow-empty -qm x 2>&1")).toContain(
      `ran-inside ${lab.at("hooks")}`,
    );
    opened.release();

    lab.create("husky");
    lab.write("husky/.husky/_/pre-commit", "#!/bin/sh\necho from-the-tree\n", 0o755);
    lab.outside("husky", "config", "core.hooksPath", ".husky/_");
    const second = await lab.open("husky");
    expect(lab.inside("husky", second, "git commit --allow-empty -qm x 2>&1")).toContain("from-the-tree");
    second.release();

    lab.create("elsewhere");
    lab.write("my-hooks/pre-commit", "#!/bin/sh\necho from-elsewhere\n", 0o755);
    lab.outside("elsewhere", "config", "core.hooksPath", lab.at("my-hooks"));
    const third = await lab.open("elsewhere");
    expect(lab.inside("elsewhere", third, "git commit --allow-empty -qm x 2>&1")).toContain("from-elsewhere");
    third.release();
  });

  test("no credential, signing or helper of the settings comes in; what describes the data does", async () => {
    lab.create("config");
    const set = (key: string, value: string) => lab.outside("config", "config", "--add", key, value);
    set("credential.helper", "store --file=/x/SECRET-helper");
    set("http.extraHeader", "Authorization: SECRET-header");
    set("url.https://SECRET-user:SECRET-pass@example.org/.insteadOf", "https://example.org/");
    set("remote.origin.url", "https://SECRET-token@example.org/a.git");
    set("remote.origin.pushurl", "https://SECRET-push@example.org/a.git");
    set("remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*");
    set("remote.other.url", "ssh://git:SECRET-pass@example.org/b.git");
    set("commit.gpgsign", "true");
    set("user.signingkey", "SECRET-key");
    set("core.fsmonitor", "/x/SECRET-monitor");
    set("core.sshCommand", "ssh -i SECRET-file");
    set("alias.x", "!echo SECRET-alias");
    set("alias.st", "status --short");
    set("include.path", "/x/SECRET-include");
    set("filter.lfs.clean", "git-lfs clean -- %f");
    set("core.autocrlf", "input");
    set("branch.main.description", 'two\nlines "and" \\ more\t');
    const opened = await lab.open("config");
    const inside = lab.inside(
      "config",
      opened,
      "git config --list --show-origin; cat .git/config; grep -r SECRET .git || true",
    );
    expect(inside).not.toContain("SECRET");
    for (const line of [
      ...["remote.origin.url=https://example.org/a.git", "remote.other.url=ssh://git@example.org/b.git"],
      ...[
        "commit.gpgsign=false",
        "alias.st=status --short",
        "filter.lfs.clean=git-lfs clean -- %f",
        "core.autocrlf=input",
      ],
    ])
      expect(inside).toContain(line);
    const asked = "git config branch.main.description; git commit -q --allow-empty -m unsigned";
    expect(lab.inside("config", opened, asked)).toBe('two\nlines "and" \\ more\t\n');
    opened.release();
  });

  test("what the host is in the middle of goes on inside", async () => {
    lab.create("conflict");
    lab.outside("conflict", "switch", "-q", "-c", "side");
    lab.write("conflict/a.txt", "side\n");
    lab.outside("conflict", "commit", "-q", "-a", "-m", "side");
    lab.outside("conflict", "switch", "-q", "main");
    lab.write("conflict/a.txt", "main\n");
    lab.outside("conflict", "commit", "-q", "-a", "-m", "main");
    expect(() => lab.outside("conflict", "rebase", "side")).toThrow();
    const outside = lab.outside("conflict", "status");
    const opened = await lab.open("conflict");
    expect(outside).toContain("rebase in progress");
    expect(lab.inside("conflict", opened, "git status")).toBe(outside);
    const end = "echo both > a.txt; git add a.txt; GIT_EDITOR=true git rebase --continue 2>&1; git log --format=%s";
    expect(lab.inside("conflict", opened, end)).toContain("main\nside\none");
    opened.release();
  });
});
