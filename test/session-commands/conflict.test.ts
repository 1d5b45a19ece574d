import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import fs from "node:fs";
import { type Desk, openDesk, subjects, users } from "./desk.ts";

setDefaultTimeout(60_000);

/** Both sides have changed the same: what is said, and how it goes on inside. */

const theirs = "echo theirs > a.txt; git commit -qam theirs";
const resolve = "git merge host/main > said || cat said; rm said; echo both > a.txt; git commit -qam resolved";

for (const { name: userName, uid } of users) {
  describe(`conflicts, as ${userName}`, () => {
    let desk: Desk;
    beforeAll(() => {
      desk = openDesk(uid);
    });
    afterAll(() => desk.close());

    test("it is explained, the host stays as it was, and inside the host's branch can be merged", () => {
      desk.create("one");
      desk.host("one", "git branch same");
      expect(desk.inside("one", "s", `git branch -a; ${theirs}`).stdout).toBe("* main\n  same\n");
      desk.host("one", "echo mine > a.txt; git commit -qam mine; git branch newer; git gc -q --prune=now");
      const refused = desk.cordon("one", ["merge", "s"]);
      expect(refused).toMatchObject({ code: 1, stdout: "" });
      expect(refused.stderr).toMatch(
        /^cordon: session s and your project have both changed the same; nothing was merged\n {2}a\.txt: both changed the same lines\nhint: `git merge refs\/cordon\/s[0-9a-f]{8}\/tip` lets you resolve them by hand; `cordon resume s "commit everything, merge host\/main and resolve the conflicts"` lets the agent do it\n$/,
      );
      expect(desk.cordon("one", ["merge", "s", "--json"])).toMatchObject({ code: 1 });
      expect(desk.host("one", "cat a.txt; git status --porcelain; ls .git | grep -i merge || true")).toBe("mine");
      const again = desk.inside("one", "s", `git for-each-ref --format='%(refname:short)' refs/remotes; ${resolve}`);
      expect(again.stdout).toMatch(/^host\/main\nhost\/newer\n[\s\S]*CONFLICT/);
      expect(again.stderr).toStartWith(
        "cordon: your project has moved on since the session began: inside, that is host/main\n",
      );
      // What the host has made by itself is not the session's work.
      expect(desk.json("one", "diff", "s")).toMatchObject({ commitCount: 2, files: [{ path: "a.txt" }] });
      expect(desk.say("one", "merge", "s")).toStartWith("merged s into main: 2 commits, 1 file (fast-forward), ");
      expect(subjects(desk, "one")).toMatch(/^resolved, (mine, theirs|theirs, mine), one$/);
      expect(desk.host("one", "cat a.txt; git status --porcelain; git fsck --strict --no-dangling")).toBe("both");
      // What was merged is where the session goes on from: nothing stands beside it any more.
      expect(desk.inside("one", "s", "git branch -a").stdout).toBe("* main\n  newer\n  same\n");
      desk.say("one", "discard", "s");
      expect(desk.kept("one")).toEqual([]);
    });

    test("the same with more of the host's changes, which show up as changes inside", () => {
      desk.create("two");
      desk.host("two", "seq 9 > c.txt; git add .; git commit -qm c");
      desk.inside("two", "s", theirs);
      desk.host("two", "echo mine > a.txt; seq 12 > c.txt; echo n > n.txt; git add .; git commit -qm mine");
      expect(desk.cordon("two", ["merge", "s"])).toMatchObject({ code: 1 });
      const said = desk.inside("two", "s", `git status --porcelain; git add -A; git commit -qm all; ${resolve}`);
      expect(said.stdout).toStartWith(" M c.txt\n?? n.txt\n");
      expect(desk.json("two", "diff", "s").files).toMatchObject([{ path: "a.txt" }]);
      desk.say("two", "merge", "s");
      expect(desk.host("two", "cat a.txt; tail -1 c.txt; cat n.txt; git status --porcelain")).toBe("both\n12\nn");
    });

    test("what the host takes back and throws away meanwhile is still there to be merged inside", async () => {
      desk.create("held");
      desk.inside("held", "s", theirs);
      desk.host("held", "echo mine > a.txt; git commit -qam mine");
      const run = desk.start("held", "s", `pause here; ${resolve}; git fsck --no-dangling`);
      await run.reached("here");
      desk.host("held", "git reset -q --hard HEAD~1; git reflog expire --all --expire=now; git gc -q --prune=now");
      run.resume();
      expect([await run.ended, run.stderr()]).toEqual([
        0,
        expect.stringContaining("session s: 3 commits, 1 changed file"),
      ]);
      expect(desk.json("held", "merge", "s")).toMatchObject({ how: "fast-forward", commits: 3 });
      expect(desk.host("held", "cat a.txt; git status --porcelain; git fsck --strict --no-dangling")).toBe("both");
    });

    test("a branch of the host's that goes away inside is not needed outside any more, and nothing of the user's is touched", () => {
      desk.create("three");
      desk.host("three", "git update-ref refs/remotes/host/own HEAD");
      desk.inside("three", "s", `${theirs}; git update-ref refs/remotes/cordon-host/agents HEAD`);
      desk.host("three", "git switch -qc side; git commit -q --allow-empty -m side");
      const list = "git for-each-ref --format='%(refname:lstrip=2)' refs/remotes";
      expect(desk.inside("three", "s", `git pack-refs --all; ${list}`).stdout).toBe(
        "cordon-host/agents\ncordon-host/side\nhost/own\n",
      );
      desk.host(
        "three",
        "git switch -q main; git branch -D side; git reflog expire --all --expire=now; git gc -q --prune=now",
      );
      expect(desk.inside("three", "s", `${list}; git fsck --no-dangling`).stdout).toBe(
        "cordon-host/agents\nhost/own\n",
      );
      desk.host(
        "three",
        "echo mine > a.txt; git commit -qam mine; git checkout -q --detach; git commit -q --allow-empty -m loose",
      );
      expect(desk.cordon("three", ["merge", "s"]).stderr).toContain("merge cordon-host/HEAD and resolve");
      expect(desk.inside("three", "s", "git log -1 --format=%s refs/remotes/cordon-host/HEAD").stdout).toBe("loose\n");
      expect(fs.readFileSync(desk.at("three/a.txt"), "utf8")).toBe("mine\n");
    });
  });
}
