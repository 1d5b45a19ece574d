import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Desk, openDesk, users } from "./desk.ts";

setDefaultTimeout(120_000);

const names = Array.from({ length: 10 }, (_, index) => `s${index}`);

for (const { name: userName, uid } of users.slice(-1)) {
  describe(`ten sessions of one repository, as ${userName}`, () => {
    let desk: Desk;
    beforeAll(() => {
      desk = openDesk(uid);
      desk.create("p");
    });
    afterAll(() => desk.close());

    test("started at once, merged one after the other: nothing is lost, nothing of another is seen", async () => {
      const runs = names.map((name) =>
        desk.start(
          "p",
          name,
          `ls; echo ${name} > ${name}; git add .; git commit -qm ${name}; git branch b-${name}; pause here; git gc -q --prune=now; echo x >> ${name}; git commit -qam ${name}-2; git rev-parse HEAD`,
        ),
      );
      for (const run of runs) await run.reached("here");
      // Unreachable is what no reference leads to: a session whose objects were not held would break here.
      desk.host(
        "p",
        "echo host > host; git add .; git commit -qm host; git commit -q --amend -m host2; git gc -q --prune=now",
      );
      for (const run of runs) run.resume();
      for (const run of runs) expect([await run.ended, run.stderr().includes("problem")]).toEqual([0, false]);
      for (const run of runs) expect(run.stdout()).toStartWith("a.txt\nat here\n");
      const sessions = desk.json("p", "sessions");
      expect(
        sessions.map(({ name, commits }: { name: string; commits: number }) => `${name} ${commits}`).sort(),
      ).toEqual(names.map((name) => `${name} 2`));
      for (const [index, name] of names.entries()) {
        expect(desk.json("p", "merge", name)).toMatchObject({ kind: "merged", how: "merge" });
        if (index % 4 === 0) desk.host("p", "git reflog expire --expire=now --all; git gc -q --prune=now");
      }
      const tips = runs.map((run) => run.stdout().trim().split("\n").at(-1)!);
      desk.host("p", tips.map((tip) => `git merge-base --is-ancestor ${tip} main`).join("; "));
      expect(desk.host("p", "cat s?; cat host; git status --porcelain")).toBe(
        `${names.map((name) => `${name}\nx`).join("\n")}\nhost`,
      );
      expect(desk.host("p", "git fsck --strict --full --no-dangling")).toBe("");
      desk.say("p", "discard", ...names);
      expect(desk.kept("p")).toEqual([]);
      desk.host("p", "git reflog expire --expire=now --all; git gc -q --prune=now; git fsck --strict --full");
    });
  });
}
