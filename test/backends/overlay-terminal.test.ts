import { expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { cordonBinary } from "../binary.ts";
import { createLab, users } from "../run/lab.ts";
import { openOuterPty } from "../terminal/outer-pty.ts";
import { useOverlayProgram, withOverlay } from "./overlay-program.ts";

setDefaultTimeout(90_000);
const program = useOverlayProgram();

test.each(users)("the private terminal works over an overlay, as $name", async ({ uid }) => {
  const lab = createLab(uid);
  const room = path.join(lab.at("home"), "room");
  const outer = openOuterPty();
  try {
    for (const name of ["lower", "upper", "work", "merged"]) fs.mkdirSync(path.join(room, name), { recursive: true });
    spawnSync("chown", ["-R", `${uid}:${uid}`, room]);
    const write = (name: string, script: string) => fs.writeFileSync(path.join(lab.at("project"), name), script);
    write(
      "first",
      `trap 'echo "<caught>" | tee -a caught; exit 42' INT; stty size; echo "<up>"; while :; do sleep 0.05; done`,
    );
    write("second", 'echo "<up>"; read line; echo "<$line>"; exit 3');
    const [file, args] = withOverlay(lab.words([`rw:${room}`, "run"]), cordonBinary(), program);
    await outer.see(/> $/);
    for (const [key, value] of Object.entries(lab.env)) outer.type(`export ${key}='${value}'\r`);
    outer.type(`cd ${lab.at("project")}; enter='${[file, ...args].join(" ")}'; echo "<ready>"\r`);
    await outer.see(/\n<ready>/);
    outer.type("$enter sh first\r");
    await outer.see(/\n30 90\r\n[\s\S]*<up>/);
    outer.type("\x03");
    await outer.see(/<caught>[\s\S]*42> $/);
    expect(fs.readFileSync(path.join(room, "upper/caught"), "utf8")).toBe("<caught>\n");
    outer.type("$enter sh second\r");
    await outer.see(/<up>/);
    outer.type("\x1a");
    await outer.see(/Stopped[\s\S]*> $/);
    outer.type("fg\r");
    await outer.see(/enter sh second/);
    outer.type("more\r");
    await outer.see(/<more>[\s\S]*3> $/);
  } finally {
    await outer.close();
    lab.close();
  }
});
