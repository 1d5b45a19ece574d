import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import fs from "node:fs";
import { createLiveLab, hintsIn, type LiveLab, users } from "./lab.ts";

setDefaultTimeout(60_000);

/** What somebody does with git every day, done inside. */
for (const { name: userName, uid } of users) {
  describe(`ordinary work, as ${userName}`, () => {
    let lab: LiveLab;
    beforeAll(() => {
      lab = createLiveLab(uid);
    });
    afterAll(() => lab.close());
    const status = (place: string) => lab.host(place, "git status --porcelain --branch");

    test("a commit arrives on the host's branch, with the user's name, and is the very same", () => {
      lab.create("commit");
      const done = lab.inside("commit", "echo two > b.txt; git add b.txt; git commit -q -m two; git rev-parse HEAD");
      expect(lab.host("commit", "git rev-parse main")).toBe(done.stdout.trim());
      expect(lab.host("commit", "git log -1 --format='%an <%ae> %cn <%ce> %G?'")).toBe(
        "Ada <ada@example.org> Ada <ada@example.org> N",
      );
      expect(status("commit")).toBe("## main");
      expect(done.stderr).toMatch(/^cordon: commits came over: main [0-9a-f]{7}\.\.[0-9a-f]{7}\n$/);
      expect(lab.host("commit", "git fsck --strict --no-dangling")).toBe("");
    });

    test("files are there at once, in both directions", async () => {
      lab.create("files");
      const run = lab.start("files", "echo inside > new.txt; pause here; cat theirs.txt");
      await run.reached("here");
      expect(fs.readFileSync(lab.at("files/new.txt"), "utf8")).toBe("inside\n");
      lab.host("files", "echo outside > theirs.txt");
      run.resume();
      expect(await run.ended).toBe(0);
      expect(run.stdout()).toBe("at here\noutside\n");
    });

    test("the status inside is that of the host, and it stays right afterwards", () => {
      lab.create("dirty");
      lab.host(
        "dirty",
        "seq 9 > c.txt; echo d > d.txt; echo g > g.txt; echo '*.log' > .gitignore; git add .; git commit -qm more",
      );
      const change = "echo 10 >> c.txt; rm d.txt; git mv g.txt h.txt; echo x > new.txt; echo x > y.log; chmod +x a.txt";
      lab.host("dirty", change);
      lab.host("dirty", "echo staged > staged.txt; git add staged.txt");
      const before = status("dirty");
      expect(before.split("\n")).toHaveLength(7);
      expect(lab.inside("dirty", "git status --porcelain --branch").stdout.trim()).toBe(before);
      expect(status("dirty")).toBe(before);
    });

    test("what is dirty or untracked on the host stays so when the branch moves on", () => {
      lab.create("around");
      lab.host("around", "seq 9 > c.txt; git add c.txt; git commit -qm c; echo mine >> c.txt; echo mine > mine.txt");
      lab.inside("around", "echo theirs > b.txt; echo more >> a.txt; git add a.txt b.txt; git commit -qm theirs");
      expect(status("around")).toBe("## main\n M c.txt\n?? mine.txt");
      expect(lab.host("around", "git show --name-only --format=%s HEAD")).toBe("theirs\n\na.txt\nb.txt");
      expect(fs.readFileSync(lab.at("around/c.txt"), "utf8")).toEndWith("9\nmine\n");
    });

    test("amend, merge, tag, revert, cherry-pick, notes, mv and rm", () => {
      lab.create("many");
      const script = `
        echo b > b; git add b; git commit -qm b; echo bb > b; git commit -q --amend -am 'b amended'
        git switch -qc side; echo s > s; git add s; git commit -qm side; git switch -q main
        echo c > c; git add c; git commit -qm c; git merge -q --no-edit side; git tag -a v1 -m v1; git tag light
        git mv c d; git rm -q s; git commit -qm moved; git revert --no-edit HEAD >/dev/null; git rm -q s
        git commit -qm 'without s'; git cherry-pick side >/dev/null; git notes add -m noted HEAD
        git rev-parse HEAD side v1 light refs/notes/commits; git fsck --strict --no-dangling`;
      const done = lab.inside("many", script);
      const ids = lab.host("many", "git rev-parse HEAD side v1 light");
      expect(done.stdout.trim().split("\n").slice(0, 4).join("\n")).toBe(ids);
      expect(status("many")).toBe("## main");
      expect(lab.host("many", "git fsck --strict --no-dangling")).toBe("");
    });

    test("a branch that is new comes over; the one that was left is told with what makes it the host's", () => {
      lab.create("switched");
      const done = lab.inside("switched", "git switch -qc feat; echo f > f.txt; git add f.txt; git commit -qm f");
      expect(lab.host("switched", "git log -1 --format=%s feat; git branch --show-current")).toBe("f\nmain");
      const [hint = ""] = hintsIn(done.stderr);
      lab.host("switched", hint);
      expect(status("switched")).toBe("## feat");
      expect(lab.inside("switched", "git status --porcelain --branch").stdout).toBe("## feat\n");
    });

    test("inside, the next run goes on where the last one was", () => {
      lab.create("next");
      lab.inside("next", "git switch -qc feat; echo f > f.txt; git add f.txt; git commit -qm f");
      expect(lab.inside("next", "git status --porcelain --branch; git log --format=%s").stdout).toBe(
        "## feat\nf\none\n",
      );
      lab.host("next", "git branch other; git tag outside");
      expect(lab.inside("next", "git tag; git branch --list other").stdout).toBe("outside\n  other\n");
    });

    test("a stash made inside is the host's to apply, once", () => {
      lab.create("stash");
      lab.host("stash", "echo dirty >> a.txt; echo new > untracked.txt");
      const done = lab.inside("stash", "git stash -q -u; git status --porcelain; git stash list | wc -l");
      expect(done.stdout).toBe("1\n");
      expect(status("stash")).toBe("## main");
      const hints = hintsIn(done.stderr);
      expect(hints).toHaveLength(1);
      lab.host("stash", hints[0]!);
      expect(status("stash")).toBe("## main\n M a.txt\n?? untracked.txt");
      expect(hintsIn(lab.inside("stash", "git stash list").stderr)).toEqual([]);
    });

    test("a rebase of commits made inside arrives; of commits that the host has, it is told", () => {
      lab.create("rebase");
      lab.host("rebase", "for n in 2 3; do echo $n > f$n; git add .; git commit -qm $n; done");
      lab.inside("rebase", "git switch -qc topic main~1; echo t > t; git add t; git commit -qm t; git rebase -q main");
      expect(lab.host("rebase", "git log --format=%s topic")).toBe("t\n3\n2\none");
      lab.inside("rebase", "git switch -q main");
      const squash = "GIT_SEQUENCE_EDITOR='sed -i 2s/pick/squash/' GIT_EDITOR=true git rebase -q -i HEAD~2 >/dev/null";
      const done = lab.inside("rebase", `echo mine > mine.txt; ${squash}; git log --oneline | wc -l`);
      expect(done.stdout.trim()).toBe("2");
      expect(done.stderr).toContain("rewritten");
      expect(lab.host("rebase", "git rev-list --count HEAD")).toBe("3");
      lab.host("rebase", hintsIn(done.stderr)[0]!);
      expect(lab.host("rebase", "git rev-list --count HEAD")).toBe("2");
      expect(status("rebase")).toBe("## main\n?? mine.txt");
    });

    test("a rebase that stopped inside goes on in the next run", () => {
      lab.create("stopped");
      const script = "git switch -qc topic; echo t > a.txt; git commit -qam t; git switch -q main; echo m > a.txt";
      lab.inside("stopped", `${script}; git commit -qam m; git switch -q topic; git rebase -q main || true`);
      expect(status("stopped").split("\n")[0]).toBe("## main");
      const after =
        "echo both > a.txt; git add a.txt; GIT_EDITOR=true git rebase --continue >/dev/null; git status -sb";
      const done = lab.inside("stopped", after);
      expect(done.stdout).toBe("## topic\n");
      lab.host("stopped", hintsIn(done.stderr)[0]!);
      expect(lab.host("stopped", "git log --format=%s topic")).toBe("t\nm\none");
    });

    test("a start in a sub-directory means the whole project", () => {
      lab.create("below");
      lab.host("below", "mkdir -p x/y; echo y > x/y/z; git add .; git commit -qm xy");
      const done = lab.inside("below/x/y", "pwd; echo more >> ../../a.txt; git commit -qam more; git status -sb");
      expect(done.stdout).toBe(`${lab.at("below/x/y")}\n## main\n`);
      expect(status("below")).toBe("## main");
      expect(lab.host("below", "git log -1 --format=%s")).toBe("more");
    });
  });
}
