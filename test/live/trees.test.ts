import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import fs from "node:fs";
import { cordonsOwn, createLiveLab, hintsIn, inventory, type LiveLab, users } from "./lab.ts";

setDefaultTimeout(60_000);

const commit = (file: string): string => `echo ${file} > ${file}; git add ${file}; git commit -q -m ${file}`;

/** More than one working tree, more than one repository. */
for (const { name: userName, uid } of users) {
  describe(`working trees, as ${userName}`, () => {
    let lab: LiveLab;
    beforeAll(() => {
      lab = createLiveLab(uid);
    });
    afterAll(() => lab.close());
    const state = (place: string) => lab.host(place, "git log --format=%s -2; git status --porcelain --branch");

    test("a linked one of the host's is a project of its own", () => {
      lab.create("main");
      lab.host("main", "git worktree add -q ../linked -b topic; echo dirty >> ../linked/a.txt; echo m > mine");
      const before = inventory(lab.at("main"), /^\.git\/(index|objects|refs|logs|worktrees)/);
      const done = lab.inside("linked", `git status -sb; git rev-parse --git-common-dir; ${commit("b")}; ls ../main`);
      expect(done.stdout).toBe(`## topic\n M a.txt\n${lab.at("main/.git")}\n`);
      expect(state("linked")).toBe("b\none\n## topic\n M a.txt");
      expect(state("main")).toBe("one\n## main\n?? mine");
      expect(inventory(lab.at("main"), /^\.git\/(index|objects|refs|logs|worktrees)/)).toEqual(before);
      // The other working tree's branch is not to be had.
      expect(() => lab.inside("linked", "git switch -q main")).toThrow();
      expect(() => lab.inside("main", "git switch -q topic")).toThrow();
    });

    test("main and linked one at the same time", async () => {
      lab.create("first");
      lab.host("first", "git worktree add -q ../second -b topic");
      const runs = ["first", "second"].map((place) => lab.start(place, `${commit(place)}; pause here`));
      for (const run of runs) await run.reached("here");
      for (const run of runs) run.resume();
      for (const run of runs) expect({ code: await run.ended, stderr: run.stderr() }).toMatchObject({ code: 0 });
      expect(state("first")).toBe("first\none\n## main");
      expect(state("second")).toBe("second\none\n## topic");
    });

    test("a linked one within the project", () => {
      lab.create("outer");
      lab.host("outer", "git worktree add -q trees/inner -b inner; echo /trees > .git/info/exclude");
      const done = lab.inside("outer", `cd trees/inner; git status -sb; ${commit("b")}; cd ../..; ${commit("c")}`);
      expect(state("outer")).toBe("c\none\n## main");
      expect(state("outer/trees/inner")).toBe("one\n## inner\n?? b");
      lab.host("outer", hintsIn(done.stderr)[0]!);
      expect(state("outer/trees/inner")).toBe("b\none\n## inner");
      expect(lab.inside("outer", "git status; cd trees/inner; git status").stderr).toBe("");
    });

    test("one made inside, which the next run finds again, and one outside of the project", () => {
      lab.create("maker");
      const script = `git worktree add -q w -b feat; (cd w; ${commit("b")}); git worktree add -q --detach /tmp/t; cd /tmp/t; ${commit("c")}`;
      const done = lab.inside("maker", `echo /w > .git/info/exclude; ${script}; git rev-parse HEAD`);
      expect(lab.host("maker", "git log -1 --format=%s feat; git worktree list | wc -l")).toBe("b\n1");
      const tip = done.stdout.trim();
      expect(lab.host("maker", `git for-each-ref --contains ${tip} --format='%(refname)'`)).toMatch(/^refs\/cordon\//);
      expect(lab.inside("maker", `cd w; git status -sb; ${commit("d")}; git worktree list | wc -l`).stdout).toBe(
        "## feat\n3\n",
      );
      expect(lab.host("maker", "git log -1 --format=%s feat")).toBe("d");
      expect(lab.inside("maker", "git worktree remove w; git branch --list feat").stdout).toBe("  feat\n");
    });

    test("a submodule: its commits arrive in it, the project's in the project", () => {
      lab.create("library");
      lab.create("super");
      lab.host(
        "super",
        "git submodule --quiet add $PWD/../library sub; git commit -qm sub; git -C sub switch -qc work",
      );
      const config = fs.readFileSync(lab.at("super/.git/modules/sub/config"), "utf8");
      lab.inside("super", `cd sub; git status -sb; ${commit("b")}; cd ..; git add sub; git commit -qm moved`);
      expect(lab.host("super/sub", "git log --format=%s; git status --porcelain --branch")).toBe("b\none\n## work");
      expect(state("super")).toBe("moved\nsub\n## main");
      expect(lab.host("super", "git submodule status --cached | cut -c1; git fsck --strict --no-dangling")).toBe("");
      expect(fs.readFileSync(lab.at("super/.git/modules/sub/config"), "utf8")).toBe(config);
      expect(lab.host("super/sub", "git fsck --strict --no-dangling")).toBe("");
    });

    test("what to type about a submodule's commits is said for where it lies", async () => {
      lab.create("origin");
      lab.create("holds space");
      lab.host(
        "holds space",
        "git submodule --quiet add \"$PWD/../origin\" 'my sub'; git commit -qm sub; git -C 'my sub' switch -qc work",
      );
      const run = lab.start("holds space", `cd 'my sub'; ${commit("b")}; pause here`);
      await run.reached("here");
      lab.host("holds space/my sub", commit("h"));
      run.resume();
      expect(await run.ended).toBe(0);
      lab.host("holds space", hintsIn(run.stderr())[0]!);
      expect(lab.host("holds space/my sub", "git log --format=%s | sort; git status --porcelain")).toMatch(
        /^Merge .*\nb\nh\none$/,
      );
    });

    test("a submodule that is not there yet, and one as the project", () => {
      lab.create("part");
      lab.create("whole");
      lab.host(
        "whole",
        "git submodule --quiet add $PWD/../part sub; git commit -qm sub; cd ..; git clone -q whole copy",
      );
      lab.inside("copy", commit("b"));
      expect(state("copy")).toBe("b\nsub\n## main...origin/main [ahead 1]");
      lab.inside("whole/sub", commit("c"));
      expect(state("whole/sub")).toBe("c\none\n## main...origin/main [ahead 1]");
      expect(lab.host("whole", "git status --porcelain")).toBe("M sub".padStart(6));
    });

    test("a repository within is guarded, and its commits stay inside", () => {
      lab.create("around");
      lab.host("around", "git init -q vendor/lib; cd vendor/lib; echo l > l; git add l; git commit -qm lib");
      lab.host("around", "echo /vendor > .git/info/exclude");
      const before = inventory(lab.at("around/vendor/lib/.git"), cordonsOwn);
      const hostile = "echo x > .git/hooks/pre-commit; git config core.fsmonitor x; mv .git y || true";
      const done = lab.inside(
        "around",
        `${commit("b")}; cd vendor/lib; git log --format=%s; ${commit("c")}; ${hostile}`,
      );
      expect(done.stdout).toBe("lib\n");
      expect(state("around")).toBe("b\none\n## main");
      expect(inventory(lab.at("around/vendor/lib/.git"), cordonsOwn)).toEqual(before);
      const [hint = ""] = hintsIn(done.stderr);
      expect(hint).toStartWith("(cd vendor/lib && ");
      expect(lab.inside("around", "cd vendor/lib; git log --format=%s").stdout).toBe("c\nlib\n");
    });
  });
}
