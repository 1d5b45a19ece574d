import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { processesWith } from "../run/lab.ts";
import { type Desk, openDesk, users } from "./desk.ts";

setDefaultTimeout(60_000);

/** How sessions go away: never with work that nobody has seen, and then with everything. */

for (const { name: userName, uid } of users) {
  describe(`discard, as ${userName}`, () => {
    let desk: Desk;
    beforeAll(() => {
      desk = openDesk(uid);
      desk.create("project");
    });
    afterAll(() => desk.close());

    test("what is not merged stays, and with one of several nothing goes", () => {
      desk.inside("project", "empty", "true");
      desk.inside("project", "full", "echo two >> a.txt");
      const refused = desk.cordon("project", ["discard", "empty", "full"]);
      expect(refused).toMatchObject({ code: 125, stdout: "" });
      expect(refused.stderr).toContain("`full` holds 0 commits and 1 changed file that are not merged");
      expect(desk.json("project", "sessions")).toHaveLength(2);
      desk.say("project", "merge", "full");
      expect(desk.json("project", "discard", "EMPTY", "full")).toMatchObject([{ name: "empty" }, { name: "full" }]);
      expect(desk.json("project", "sessions")).toEqual([]);
      expect(desk.kept("project")).toEqual([]);
    });

    test("nothing is left behind, whatever lay in it", () => {
      const before = litter(desk);
      const script = `mkdir -p deep/shut; echo x > deep/shut/x; chmod 000 deep/shut; ln -s / out; ln -s ../../.. up
        mkfifo pipe; git switch -qc branch; echo y > y; git add y; git commit -qm y; git stash list; git tag t
        i=0; while [ $i -lt 57 ]; do mkdir 0123456789012345678901234567890123456789012345678901234567890123456789
        cd 0123456789012345678901234567890123456789012345678901234567890123456789; i=$((i+1)); done; echo end > end`;
      desk.inside("project", "hostile", script);
      expect(litter(desk)).not.toEqual(before);
      expect(desk.kept("project").length).toBeGreaterThan(2);
      expect(desk.say("project", "discard", "--force", "hostile")).toBe("discarded hostile\n");
      expect(litter(desk)).toEqual(before);
      expect(desk.kept("project")).toEqual([]);
      expect(processesWith(desk.at())).toEqual([]);
      expect(fs.readFileSync("/proc/mounts", "utf8")).not.toContain(desk.at());
      expect(desk.host("project", "git status --porcelain; git fsck --strict --no-dangling")).toBe("");
    });
  });
}

/** Everything of this user's, also where temporary files go; objects that nothing names are git's. */
const litter = (desk: Desk): string[] =>
  spawnSync("find", [desk.at(), "-not", "-path", "*/.git/objects/*"]).stdout.toString().split("\n");
