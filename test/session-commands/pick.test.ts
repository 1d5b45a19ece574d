import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cordonBinary } from "../binary.ts";
import { type OuterPty, openOuterPty } from "../terminal/outer-pty.ts";
import { type Desk, openDesk, subjects, users } from "./desk.ts";

setDefaultTimeout(60_000);

/** The commands without a name, on a terminal. */

const [down, enter, space, leave, interrupt] = ["\x1b[B", "\r", " ", "\x1b", "\x03"];

for (const { name: userName, uid } of users) {
  describe(`the picker, as ${userName}`, () => {
    let desk: Desk;
    let terminal: OuterPty;
    afterEach(async () => {
      await terminal.close();
      desk.close();
    });
    /** A shell in the project, in which `cordon` is typed. */
    const open = async (...names: string[]) => {
      desk = openDesk(uid);
      desk.create("p");
      for (const name of names)
        desk.inside("p", name, `for f in 1 2; do echo ${name} > ${name}$f; git add .; git commit -qm ${name}$f; done`);
      terminal = openOuterPty();
      await terminal.see(/> $/);
      const words = [...desk.lowered, cordonBinary()].join(" ");
      const set = Object.entries(desk.env).map(([name, value]) => `${name}='${value}'`);
      terminal.type(`cd ${desk.at("p")}; cordon() { env -i ${set.join(" ")} ${words} "$@"; }; clear\r`);
      await terminal.see(/0> $/);
    };
    const type = (text: string) => terminal.type(`${text}\r`);

    test("a session, and everything of it", async () => {
      await open("older", "newer");
      type("cordon merge");
      await terminal.see(/Which session shall `cordon merge` take\?/);
      await terminal.see(/newer[^\n]*open, 2 commits, 2 changed files, run, \d+[^\n]* ago/);
      await terminal.see(/older/);
      terminal.type(down + enter);
      await terminal.see(/What of session older\?/);
      terminal.type(enter);
      await terminal.see(/merged older into main: 2 commits, 2 files \(fast-forward\)/);
      await terminal.see(/\n0> $/);
      expect(subjects(desk, "p")).toBe("older2, older1, one");
    });

    test("some of its commits, then some of its files", async () => {
      await open("s");
      type("cordon merge");
      await terminal.see(/Which session/);
      terminal.type(enter);
      await terminal.see(/some of its files/);
      terminal.type(down + enter);
      await terminal.see(/Which commits\?/);
      await terminal.see(/s1[\s\S]*s2/);
      terminal.type(down + space + enter);
      await terminal.see(/1 commit, 1 file \(chosen commits\)/);
      await terminal.see(/\n0> $/);
      expect(subjects(desk, "p")).toBe("s2, one");
      type("cordon merge");
      await terminal.see(/Which session/);
      terminal.type(enter);
      await terminal.see(/some of its files/);
      terminal.type(down + down + enter);
      await terminal.see(/Which files\?/);
      terminal.type(space + enter);
      await terminal.see(/1 commit, 1 file \(chosen files\)/);
      expect(desk.host("p", "ls; git status --porcelain")).toBe("a.txt\ns1\ns2");
    });

    test("thinking better of it changes nothing; a question that is not answered is a no", async () => {
      await open("s");
      for (const away of [leave, interrupt]) {
        type("cordon merge");
        await terminal.see(/Which session/);
        terminal.type(away!);
        await terminal.see(/no session was chosen/);
        await terminal.see(/\n125> $/);
      }
      type("cordon discard");
      await terminal.see(/Which session shall `cordon discard` take\?/);
      terminal.type(enter);
      await terminal.see(/Session s holds 2 commits and 2 changed files that are not merged\. Remove it\? \[y\/N\] /);
      terminal.type("\r");
      await terminal.see(/\n1> $/);
      expect(desk.json("p", "sessions")).toHaveLength(1);
      type("cordon diff s --stat");
      await terminal.see(/2 files changed/);
      desk.inside("p", "s", "echo more > more");
      type("cordon merge s");
      await terminal.see(/has changed since `cordon diff` showed it. Merge it as it is now\? \[y\/N\] /);
      type("n");
      await terminal.see(/is no longer what you have seen/);
      type("cordon merge s");
      await terminal.see(/\[y\/N\] /);
      type("y");
      await terminal.see(/merged s into main: 3 commits/);
      type("cordon discard s");
      await terminal.see(/discarded s\r/);
      expect(desk.kept("p")).toEqual([]);
    });
  });
}
