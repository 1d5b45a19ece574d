import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { processesWith } from "../run/lab.ts";
import { type Desk, isRoot, openDesk, until, users } from "./desk.ts";

setDefaultTimeout(60_000);

/** cordon is killed, ended, or has no room left: what was done in a session is not lost, and nothing else is left. */

const work = "echo two >> a.txt; git commit -qam two; echo open > open.txt; pause here; sleep 1000";

for (const { name: userName, uid } of users) {
  describe(`sessions that end badly, as ${userName}`, () => {
    let desk: Desk;
    beforeAll(() => {
      desk = openDesk(uid);
    });
    afterAll(() => desk.close());
    const mine = () => processesWith(desk.at("home"));

    test("after SIGKILL the next look collects it, and it goes on", async () => {
      desk.create("killed");
      const run = desk.start("killed", "s", work);
      await run.reached("here");
      run.kill("SIGKILL");
      expect(await run.ended).toBe(137);
      await until(() => mine().length === 0);
      expect(desk.json("killed", "sessions")).toMatchObject([{ name: "s", state: "open", commits: 1, files: 2 }]);
      expect(desk.json("killed", "ps")).toEqual([]);
      expect(desk.inside("killed", "s", "cat a.txt open.txt; git status --porcelain").stdout).toBe(
        "one\ntwo\nopen\n?? open.txt\n",
      );
      desk.say("killed", "merge", "s");
      expect(desk.host("killed", "git log -2 --format=%s; git status --porcelain")).toBe(
        "Work of session s that was not committed\ntwo",
      );
      desk.say("killed", "discard", "s");
      expect(desk.kept("killed")).toEqual([]);
      desk.say("killed", "clean");
      expect(desk.json("killed", "clean")).toEqual([]);
    });

    for (const signal of ["SIGTERM", "SIGHUP"] as const)
      test(`${signal} ends the agent, and what it did is collected at once`, async () => {
        desk.create(signal);
        const trap = "trap 'echo trapped > trapped; exit 3' TERM HUP";
        const run = desk.start(
          signal,
          "s",
          `${trap}; ${work.replace("sleep 1000", "echo at rest; sleep 1000 & wait")}`,
        );
        await run.reached("here");
        run.resume();
        await run.reached("rest");
        run.kill(signal);
        expect(await run.ended).toBe(3);
        await until(() => mine().length === 0);
        expect(run.stderr()).toContain("cordon: session s: 1 commit, ");
        expect(desk.json(signal, "sessions")).toMatchObject([{ state: "open", commits: 1, files: 3 }]);
        expect(desk.json(signal, "clean")).toEqual([]);
      });

    test("cordon clean removes what died, and never a session", async () => {
      desk.create("clean");
      desk.inside("clean", "kept", "echo two >> a.txt");
      desk.inside("clean", "done", "true");
      const state = desk.at("home/.local/state/cordon/sessions");
      const key = fs.readdirSync(state).find((name) => name.startsWith("clean-"))!;
      const run = desk.start("clean", "killed", work);
      await run.reached("here");
      run.kill("SIGKILL");
      await run.ended;
      await until(() => mine().length === 0);
      desk.put(`home/.local/state/cordon/sessions/${key}/s00000000/room/upper/x`, "x\n");
      const dry = desk.cordon("clean", ["clean", "--dry-run", "--json"]);
      const kinds = JSON.parse(dry.stdout).map(({ kind }: { kind: string }) => kind);
      expect(kinds).toContain("run");
      expect(kinds).toContain("unfinished session");
      const told = desk.cordon("clean", ["clean"]);
      expect(told.stdout).toContain(`unfinished session ${state}/${key}/s00000000`);
      expect(told.stderr).toContain("1 session of ");
      expect(desk.json("clean", "clean")).toEqual([]);
      expect(
        desk
          .json("clean", "sessions")
          .map(({ name }: { name: string }) => name)
          .sort(),
      ).toEqual(["done", "kept", "killed"]);
      expect(fs.existsSync(`${state}/${key}/s00000000`)).toBe(false);
    });
  });
}

describe.if(isRoot)("a full disk", () => {
  test("the session is told to be incomplete or is there whole, the host is as it was, and with room it goes on", () => {
    const desk = openDesk(users.at(-1)!.uid);
    const state = desk.at("home/.local");
    try {
      desk.create("full");
      fs.mkdirSync(state);
      const mounted = spawnSync("mount", [
        "-t",
        "tmpfs",
        "-o",
        `size=24m,uid=${desk.uid},gid=${desk.uid},mode=700`,
        "none",
        state,
      ]);
      expect(mounted.status).toBe(0);
      desk.inside("full", "s", "echo two >> a.txt; git commit -qam two");
      const before = desk.host("full", "git rev-parse HEAD; git status --porcelain; git fsck --strict");
      const full = desk.cordon("full", [
        ...["--session", "s", "--net", "none", "run", "--", "sh", "-c"],
        "echo three >> a.txt; git commit -qam three; head -c 100M /dev/urandom > big; echo left > left",
      ]);
      expect(full.code).toBeLessThan(126);
      const another = desk.cordon("full", ["--session", "other", "--net", "none", "run", "--", "true"]);
      expect([0, 125]).toContain(another.code!);
      expect(desk.host("full", "git rev-parse HEAD; git status --porcelain; git fsck --strict")).toBe(before);
      expect(desk.cordon("full", ["sessions"]).code).toBeLessThan(126);
      spawnSync("mount", ["-o", "remount,size=400m", state]);
      desk.inside("full", "s", "rm -f big; cat a.txt | grep -q two");
      expect(desk.json("full", "sessions")).toContainEqual(expect.objectContaining({ name: "s", commits: 2 }));
      desk.say("full", "merge", "s");
      expect(desk.host("full", "tail -1 a.txt; git fsck --strict --no-dangling")).toBe("three");
      desk.say("full", "clean");
      for (const { name } of desk.json("full", "sessions")) desk.say("full", "discard", "--force", name);
      expect(desk.kept("full")).toEqual([]);
    } finally {
      spawnSync("umount", ["-l", state]);
      desk.close();
    }
  });
});
