import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { type OuterPty, openOuterPty } from "../terminal/outer-pty.ts";
import { createLab, type Lab, users } from "./lab.ts";

setDefaultTimeout(90_000);

for (const { name, uid } of users) {
  describe(`cordon exec on a terminal as ${name}`, () => {
    let lab: Lab;
    let outer: OuterPty;
    /** The command line up to the program, as the user's shell reads it. */
    let enter: string;
    beforeEach(async () => {
      lab = createLab(uid);
      const { id } = await lab.start("sleep 600");
      const [file, args] = lab.words(["exec", id]);
      outer = openOuterPty();
      await outer.see(/> $/);
      for (const [key, value] of Object.entries(lab.env)) outer.type(`export ${key}='${value}'\r`);
      outer.type(`cd ${lab.at("project")}; enter='${[file, ...args].join(" ")}'; echo "<ready>"\r`);
      await outer.see(/\n<ready>/);
      enter = "$enter";
    });
    afterEach(async () => {
      await outer.close();
      lab.close();
    });

    test("the program has a terminal of its own, its size, and ^C reaches it once", async () => {
      const script = `trap 'echo "<caught>" | tee -a caught; exit 42' INT; stty size; tty; echo "<up>"; while :; do sleep 0.05; done`;
      fs.writeFileSync(path.join(lab.at("project"), "script"), script, { mode: 0o644 });
      outer.type(`${enter} sh script\r`);
      await outer.see(/\n30 90\r\n/);
      await outer.see(/<up>/);
      outer.type("\x03");
      await outer.see(/<caught>[\s\S]*42> $/);
      expect(fs.readFileSync(path.join(lab.at("project"), "caught"), "utf8")).toBe("<caught>\n");
    });

    test("^Z stops it as a job, and fg continues it", async () => {
      fs.writeFileSync(path.join(lab.at("project"), "script"), 'echo "<up>"; read line; echo "<$line>"; exit 3');
      outer.type(`${enter} sh script\r`);
      await outer.see(/<up>/);
      outer.type("\x1a");
      await outer.see(/Stopped[\s\S]*> $/);
      outer.type("fg\r");
      await outer.see(/enter sh script/);
      outer.type("more\r");
      await outer.see(/<more>[\s\S]*3> $/);
    });
  });
}
