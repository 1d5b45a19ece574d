import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cordonsOwn, inventory } from "../live/lab.ts";
import { type Desk, openDesk, subjects, users } from "./desk.ts";

setDefaultTimeout(60_000);

/** `diff` and `merge` as they are typed, and what stays as it is when they refuse. */

const three = ["one", "two", "three"].map((name) => `echo ${name} > ${name}; git add ${name}; git commit -qm ${name}`);

for (const { name: userName, uid } of users) {
  describe(`review and merge, as ${userName}`, () => {
    let desk: Desk;
    beforeAll(() => {
      desk = openDesk(uid);
    });
    afterAll(() => desk.close());
    const status = (place: string) => desk.host(place, "git status --porcelain --branch");
    const picture = (place: string) =>
      inventory(desk.at(place)).filter(
        (line) => !/^\.git\/(objects\/|logs\/)/.test(line) && !cordonsOwn.test(line.slice(5)),
      );
    /** A merge that is refused, and changes nothing. */
    const refuse = (place: string, ...args: string[]) => {
      const before = picture(place);
      const done = desk.cordon(place, ["merge", ...args]);
      expect([done.code, done.stdout]).toEqual([1, ""]);
      expect(picture(place)).toEqual(before);
      return done.stderr;
    };
    const begin = (place: string, script: string) => {
      desk.create(place);
      return desk.inside(place, "s", script);
    };

    test("diff: text, --stat, --commits, --json, paths; nothing of it is obeyed by a terminal", () => {
      const hostile =
        'printf "\\033]0;x\\007\\n" > evil; printf "#!/bin/sh\\n" > run.sh; chmod +x run.sh; printf "use nix\\n" > .envrc';
      begin(
        "diff",
        `${three.join("; ")}; ${hostile}; git add .; git commit -qm "$(printf 'e\\033[31mvil')"; echo 2 >> a.txt`,
      );
      const text = desk.say("diff", "diff", "s");
      expect(text).toContain("diff --git a/a.txt b/a.txt\n@@ -1 +1,2 @@\n one\n+2\n");
      expect(text).not.toContain("\x1b");
      expect(text).not.toContain("\x07");
      expect(text).toMatch(/executed on this machine later[\s\S]*\.envrc/);
      const stat = desk.say("diff", "diff", "s", "--stat");
      expect(stat).toMatch(/^ \.envrc +\| 1 \+ \(new\)\n a\.txt +\| 1 \+\n/);
      expect(stat).not.toContain("Ada: ");
      const commits = desk.say("diff", "diff", "s", "--commits");
      expect(commits.match(/Ada: .*/g)).toEqual([
        expect.stringMatching(/^Ada: e\S+\[31mvil$/),
        "Ada: three",
        "Ada: two",
        "Ada: one",
      ]);
      expect(commits).not.toContain("files changed");
      expect(desk.say("diff", "diff", "s", "--stat", "--commits")).toMatch(/Ada: one\n[\s\S]* 7 files changed/);
      const json = desk.json("diff", "diff", "s", "one", "two");
      expect(json).toMatchObject({
        session: "s",
        commitCount: 5,
        files: [{ path: "one", kind: "added" }, { path: "two" }],
      });
      expect(json.findings.map(({ path }: { path: string }) => path)).toContain(".envrc");
      expect(desk.say("diff", "diff", "s", "one")).toContain(" 1 file changed, 1 lines added, 0 removed\n");
      const other = desk.cordon("diff", ["diff", "s", "nothing"]);
      expect(other).toMatchObject({ code: 0, stderr: "cordon: session s has not changed nothing\n" });
      expect(desk.cordon("diff", ["diff", "s", "../outside"])).toMatchObject({ code: 125 });
    });

    test("commits one by one, files, everything else, in any order", () => {
      begin("parts", `${three.join("; ")}; git rev-parse HEAD~2 HEAD~1`);
      const ids = desk.json("parts", "diff", "s").commits.map(({ id }: { id: string }) => id);
      expect(desk.json("parts", "merge", "s", "--commit", ids[1].slice(0, 8))).toMatchObject({
        ...{
          session: "s",
          kind: "merged",
          how: "commits",
          branch: "refs/heads/main",
          files: 1,
          commits: 1,
          isWhole: false,
        },
      });
      expect(subjects(desk, "parts")).toBe("two, one");
      expect(desk.host("parts", "git log -1 --format='%an %(trailers:key=Cordon-Session,separator=)'")).toBe(
        "Ada Cordon-Session: s (run)",
      );
      expect(desk.say("parts", "merge", "s", "three", "-m", "Mine")).toContain("(chosen files)");
      expect(subjects(desk, "parts")).toBe("Mine, two, one");
      const both = desk.cordon("parts", ["merge", "s", "three", "--commit", ids[0]]);
      expect(both).toMatchObject({ code: 125 });
      expect(refuse("parts", "s", "--commit", "0000")).toContain("`0000` is no commit of `s`");
      expect(refuse("parts", "s", "nothing")).toContain("`s` has not changed this\n  nothing\n");
      expect(desk.json("parts", "sessions")).toMatchObject([{ state: "open" }]);
      expect(desk.json("parts", "merge", "s")).toMatchObject({ kind: "merged", how: "merge", isWhole: true });
      expect(desk.host("parts", "ls; git status --porcelain; git fsck --strict --no-dangling")).toBe(
        "a.txt\none\nthree\ntwo",
      );
      expect(desk.json("parts", "merge", "s")).toEqual({ session: "s", kind: "nothing" });
      expect(desk.json("parts", "sessions")).toMatchObject([{ state: "merged" }]);
      expect(desk.say("parts", "diff", "s")).toBe("session s: all of it is merged already\n");
    });

    test("everything as one commit; and all of it byte for byte where the branch can move forward", () => {
      begin("squash", three.join("; "));
      expect(desk.say("squash", "merge", "s", "--squash", "-m", "All")).toContain("1 commit, 3 files (one commit)");
      expect(subjects(desk, "squash")).toBe("All, one");
      const done = begin("forward", `${three.join("; ")}; git cat-file commit HEAD; git rev-parse HEAD`);
      const id = done.stdout.trim().split("\n").at(-1)!;
      expect(desk.json("forward", "merge", "s")).toMatchObject({ how: "fast-forward", head: id, commits: 3 });
      expect(`${desk.host("forward", "git cat-file commit main")}\n${id}\n`).toBe(done.stdout);
    });

    test("with nothing done there is nothing to merge, and nothing to show", () => {
      begin("nothing", "true");
      expect(desk.say("nothing", "merge", "s")).toBe("session s: there is nothing to merge\n");
      expect(desk.json("nothing", "merge", "s")).toEqual({ session: "s", kind: "nothing" });
      expect(desk.say("nothing", "diff", "s")).toBe("session s: nothing has changed\n");
      expect(desk.json("nothing", "diff", "s")).toMatchObject({ session: "s", commits: [], files: [] });
      expect(desk.json("nothing", "sessions")).toMatchObject([{ state: "empty", commits: 0, files: 0 }]);
    });

    test("only what was shown is merged, unless somebody says which or yes", () => {
      begin("pinned", three[0]!);
      const { tip } = desk.json("pinned", "diff", "s");
      desk.inside("pinned", "s", three[1]!);
      const before = picture("pinned");
      for (const more of [[], ["--tip", tip], ["--tip", "abc"]])
        expect(desk.cordon("pinned", ["merge", "s", ...more])).toMatchObject({
          ...{ code: 125, stderr: expect.stringContaining("the session `s` is no longer what you have seen") },
        });
      expect(picture("pinned")).toEqual(before);
      const [, now = ""] = /--tip ([0-9a-f]+)/.exec(desk.cordon("pinned", ["merge", "s"]).stderr) ?? [];
      expect(desk.json("pinned", "merge", "s", "--tip", now)).toMatchObject({ kind: "merged", commits: 2 });
      desk.inside("pinned", "s", three[2]!);
      expect(desk.json("pinned", "merge", "s")).toMatchObject({ kind: "merged", commits: 1 });
      desk.say("pinned", "diff", "s");
      desk.inside("pinned", "s", "echo more > more");
      expect(desk.json("pinned", "merge", "s", "--yes")).toMatchObject({ kind: "merged", files: 1 });
    });

    test("local changes, staged ones and files in the way are named, and nothing is touched", () => {
      begin("mine", `${three.join("; ")}; echo session > a.txt; git commit -qam a`);
      desk.host("mine", "echo mine > a.txt; echo mine > one");
      const refused = refuse("mine", "s");
      expect(refused).toMatch(/^cordon: nothing was merged: .*\n {2}(a\.txt, one|a\.txt|one)\nhint: .*\n$/);
      desk.host("mine", "rm one; git add a.txt");
      expect(refuse("mine", "s")).toContain("  a.txt\n");
      desk.host(
        "mine",
        "git reset -q --hard; git checkout -q -b side; git commit -q --allow-empty -m side; git merge --no-ff --no-commit main 2>&1 || true",
      );
      desk.host("mine", "touch .git/index.lock");
      expect(refuse("mine", "s")).toContain("another git command holds the index");
      desk.host("mine", "rm .git/index.lock; echo mine > free.txt; git add free.txt");
      expect(desk.json("mine", "merge", "s")).toMatchObject({ how: "merge", branch: "refs/heads/side" });
      expect(status("mine")).toBe("## side\nA  free.txt");
    });
  });
}
