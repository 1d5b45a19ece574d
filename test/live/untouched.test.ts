import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { cordonsOwn, createLiveLab, inventory, type LiveLab, until, users } from "./lab.ts";

setDefaultTimeout(60_000);

/** What git does to a `.git`, and what somebody hostile does who wants the host to run something later. None of it may fail the script. */
const everything = `
pause begin
set +e
for n in 1 2 3; do echo $n > f$n; git add f$n; git commit -qm $n; done
git tag -a -m t v1; git branch new; git branch -D victim; git notes add -m n; git gc -q --prune=now; git pack-refs --all
git reflog expire --expire=now --all; git switch -qc other; git update-ref -d refs/heads/other HEAD; git switch -q main
git stash -q; git worktree add -q /tmp/w HEAD~1; git worktree add -q w2; git remote add evil /tmp/x; git prune; git repack -adq
git config core.fsmonitor 'touch pwned'; git config core.hooksPath /tmp; git config --worktree core.pager x
git config core.worktree / ; git config --unset core.worktree; git config core.bare true; git config core.bare false
for h in pre-commit post-checkout post-index-change reference-transaction; do
  echo 'touch pwned' > .git/hooks/$h; chmod +x .git/hooks/$h; done
echo 'evil' > .git/info/attributes; echo /tmp > .git/objects/info/alternates; echo x > .git/commondir; rm .git/commondir`;

/** The same with the directory itself. */
const ofAll = `${everything}
mv .git moved; rm -rf .git/hooks .git/logs .git/packed-refs; ln -s / .git/hooks; echo garbage > .git/index
rm -rf .git; ln -s / .git; echo 'gitdir: /tmp' > .git; mkdir -p .git/x; chmod 777 .git; umount .git 2>/dev/null
true`;

for (const { name: userName, uid } of users) {
  describe(`the host's .git, as ${userName}`, () => {
    let lab: LiveLab;
    beforeAll(() => {
      lab = createLiveLab(uid);
    });
    afterAll(() => lab.close());
    const dotGit = (place: string) => inventory(lab.at(place, ".git"));
    const others = (place: string) => inventory(lab.at(place, ".git"), cordonsOwn);
    const prepare = (place: string) => {
      lab.create(place);
      lab.host(
        place,
        "git branch victim; echo x > b; git add b; git commit -qm two; echo y >> b; printf 'echo hook' > h",
      );
      lab.host(place, "cp h .git/hooks/pre-push; chmod +x .git/hooks/pre-push; git gc -q");
    };

    test("is as it was for as long as the agent runs; a start adds cordon's pins alone", async () => {
      prepare("guarded");
      const before = others("guarded");
      const run = lab.start("guarded", `${ofAll}; pause done`);
      await run.reached("begin");
      expect(others("guarded")).toEqual(before);
      const atStart = dotGit("guarded");
      run.resume();
      await run.reached("done");
      expect(dotGit("guarded")).toEqual(atStart);
      run.resume();
      expect(await run.ended).toBe(0);
      // Nobody has locked himself out.
      const next = lab.inside("guarded", "git log --format=%s main; echo ok > ok; git add ok; git commit -qm ok");
      expect(next.stdout).toBe("two\none\n");
      expect(lab.host("guarded", "git log -1 --format=%s; git fsck --strict --no-dangling")).toBe("ok");
      expect(fs.existsSync(lab.at("guarded/pwned"))).toBe(false);
    });

    test("afterwards settings, hooks and all else that git obeys are as they were", () => {
      prepare("after");
      const obeyed = () =>
        inventory(lab.at("after/.git")).filter(
          (line) => !/^(index|HEAD|ORIG_HEAD|objects|refs|logs|packed-refs)\b/.test(line),
        );
      const before = obeyed();
      lab.inside("after", `pause() { :; }; ${everything}`);
      expect(obeyed()).toEqual(before);
      expect(lab.host("after", "git log --format=%s main; git fsck --strict --no-dangling")).toBe("3\n2\n1\ntwo\none");
      expect(fs.existsSync(lab.at("after/pwned"))).toBe(false);
    });

    test("without the boundary the same is seen to change it", () => {
      prepare("open");
      const before = others("open");
      const script = `pause() { :; }; ${everything}`;
      const bound = ["bwrap", "--dev-bind", "/", "/", "--tmpfs", "/tmp", "--bind", lab.at("open"), lab.at("open")];
      const words = [...bound, "--chdir", lab.at("open"), "sh", "-ec", script];
      const asUser =
        uid === process.getuid?.() ? [] : ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
      const [file = "", ...args] = [...asUser, ...words];
      expect(spawnSync(file, args, { cwd: lab.at("open"), env: lab.env }).status).toBe(0);
      const changed = others("open").filter((line) => !before.includes(line));
      for (const name of ["config", "hooks/pre-commit", "info/attributes", "packed-refs"])
        expect(changed.some((line) => line.startsWith(`${name} `))).toBe(true);
    });

    test("a run that commits nothing changes nothing, whatever is staged, dirty, or in progress", () => {
      lab.create("idle");
      const side = "git switch -qc side; echo s > a.txt; git commit -qam s; git switch -q main; echo m > a.txt";
      lab.host("idle", `${side}; git commit -qam m; git merge -q side >/dev/null || true; echo new > new; git add new`);
      lab.inside("idle", "git status >/dev/null");
      const before = dotGit("idle");
      const status = lab.host("idle", "git --no-optional-locks status");
      expect(status).toContain("both modified");
      expect(lab.inside("idle", "git status").stdout.trimEnd()).toBe(status);
      expect(dotGit("idle")).toEqual(before);
    });

    test("a run that ends by a signal leaves nothing in the project", async () => {
      lab.create("ended");
      const before = inventory(lab.at("ended"), /^\.git(\/|$)/);
      for (const signal of ["SIGTERM", "SIGKILL"] as const) {
        const run = lab.start("ended", "pause up");
        await run.reached("up");
        if (signal === "SIGKILL") run.kill();
        else lab.cordon("ended", ["stop", "--all"]);
        await run.ended;
        await until(() => lab.cordon("ended", ["ps", "--json"]).stdout === "[]\n");
        expect(inventory(lab.at("ended"), /^\.git(\/|$)/)).toEqual(before);
      }
    });
  });
}
