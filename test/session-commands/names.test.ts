import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Desk, openDesk, users } from "./desk.ts";

setDefaultTimeout(60_000);

/** How sessions are named and found, and who may use one at a time. */

for (const { name: userName, uid } of users) {
  describe(`names, as ${userName}`, () => {
    let desk: Desk;
    beforeAll(() => {
      desk = openDesk(uid);
      desk.create("project");
      desk.create("other");
    });
    afterAll(() => desk.close());
    const refusal = (...args: string[]) => {
      const { code, stdout, stderr } = desk.cordon("project", args);
      expect([code, stdout]).toEqual([125, ""]);
      return stderr;
    };

    test("one run at a time; everything else of a running session works", async () => {
      const run = desk.start("project", "Busy", "echo two >> a.txt; git commit -qam two; pause here; echo 3 >> a.txt");
      await run.reached("here");
      const script = ["--net", "none", "run", "--", "true"];
      for (const name of ["Busy", "busy"])
        expect(refusal("--session", name, ...script)).toMatch(
          /^error: the session `Busy` is in use by process \d+, run\nhint: `cordon ps` lists the running sandboxes; /,
        );
      expect(refusal("resume", "BUSY")).toContain("is in use by");
      expect(desk.json("project", "sessions")).toMatchObject([
        { name: "Busy", state: "running", commits: 1, files: 1 },
      ]);
      expect(desk.json("project", "ps")).toMatchObject([{ session: "Busy" }]);
      expect(desk.say("project", "diff", "busy", "--commits")).toContain("Ada: two\n");
      expect(refusal("discard", "--force", "busy")).toContain("is in use by");
      expect(desk.json("project", "rename", "busy", "Renamed")).toMatchObject({ name: "Renamed", before: "Busy" });
      expect(desk.say("project", "merge", "renamed")).toStartWith("merged Renamed into main: 1 commit, 1 file (fast-f");
      run.resume();
      expect(await run.ended).toBe(0);
      expect(run.stderr()).toContain("cordon: session Renamed: ");
      expect(desk.json("project", "sessions")).toMatchObject([
        { name: "Renamed", state: "open", commits: 0, files: 1 },
      ]);
      expect(desk.say("project", "merge", "renamed")).toStartWith("merged Renamed into main: 1 commit, 1 file");
      expect(desk.host("project", "cat a.txt; git status --porcelain")).toBe("one\ntwo\n3");
      desk.say("project", "discard", "renamed");
      expect(desk.kept("project")).toEqual([]);
    });

    test("two starts of one name at once make one session, and one of them goes on", async () => {
      const both = ["twin", "TWIN"].map((name) => desk.start("project", name, "pause here"));
      const [code] = await Promise.race(both.map(async (run) => [await run.ended, run.stderr()] as const));
      expect(code).toBe(125);
      const [left] = both.filter((run) => run.stderr() === "");
      await left!.reached("here");
      left!.resume();
      expect(await left!.ended).toBe(0);
      expect(desk.json("project", "sessions")).toHaveLength(1);
      desk.say("project", "discard", "twin");
    });

    test("names are those of one project, whatever the case of their letters", () => {
      for (const name of ["One", "two"]) desk.inside("project", name, "echo x >> a.txt");
      desk.inside("project", "ONE", "grep x a.txt");
      desk.inside("other", "one", "! grep x a.txt");
      expect(
        desk
          .json("project", "sessions")
          .map(({ name }: { name: string }) => name)
          .sort(),
      ).toEqual(["One", "two"]);
      expect(desk.json("other", "sessions", "--all")).toHaveLength(3);
      expect(refusal("rename", "two", "ONE")).toContain("there is a session `One` of this project already");
      expect(desk.say("project", "rename", "one", "ONE")).toBe("One is ONE now\n");
      for (const name of ["", "../x", "a b", "-x", "a/b", "\x1b[2J", "é", "x".repeat(64)])
        expect(refusal("rename", "two", "--", name)).toContain("is no name for a session");
      expect(refusal("--session", "a/b", "run", "--", "true")).toContain("`a/b` is no name for a session");
      for (const command of ["diff", "merge", "discard", "resume"]) {
        expect(refusal(command, "nobody")).toContain("error: this project has no session `nobody`");
        expect(refusal(command)).toMatch(/hint: there are: (ONE, two|two, ONE)\n/);
      }
    });
  });
}
