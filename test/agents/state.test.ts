import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { mountsOfState } from "../../src/agents/state.ts";
import { agentOf } from "../agents-data/desk.ts";
import { type Desk, openDesk, readTree } from "./history-desk.ts";

let desk: Desk;
beforeEach(() => {
  desk = openDesk();
});
afterEach(() => desk.close());

const linked = "/run/cordon/linked/.claude";
const linkAt = (directory: string, name: string) => fs.readlinkSync(path.join(directory, name));
const mounts = () =>
  Object.fromEntries(
    mountsOfState(desk.locate("claude"), agentOf("claude")).map((mount) => [
      mount.target,
      mount.kind === "bind" ? `${mount.mode} ${path.relative(desk.home, mount.source)}` : mount.kind,
    ]),
  );

describe("the user's settings inside", () => {
  test("files are linked, directories that the agent writes are private and hold links", async () => {
    for (const name of ["CLAUDE.md", "statusline.sh", "skills/one/SKILL.md", "commands/do.md", "skills/.system/x"])
      desk.write(`.claude/${name}`, name);
    desk.write(".claude/plugins/installed_plugins.json", "{}");
    desk.write(".claude/plugins/cache/market/plugin/1.0/a.md", "a");
    desk.write(".claude/history.jsonl", "planted");
    const directory = await desk.start("claude");
    for (const name of ["CLAUDE.md", "statusline.sh", "skills/one", "commands/do.md", "plugins/installed_plugins.json"])
      expect(linkAt(directory, name)).toBe(`${linked}/${name}`);
    expect(linkAt(directory, "plugins/cache/market/plugin/1.0")).toBe(`${linked}/plugins/cache/market/plugin/1.0`);
    expect(fs.existsSync(path.join(directory, "skills/.system"))).toBe(false);
    const shown = mounts();
    expect(shown[`${linked}/skills`]).toBe("ro .claude/skills");
    expect(Object.entries(shown).filter(([, text]) => text.startsWith("rw"))).toEqual([
      [desk.at(".claude"), expect.stringMatching(/^rw \.local\/state\/cordon\/projects\//)],
    ]);
    expect(JSON.stringify(shown)).not.toContain("history.jsonl");
  });

  test("what is added inside stays, what the user adds comes, what the user removes goes", async () => {
    desk.write(".claude/skills/one/SKILL.md", "one");
    const directory = await desk.start("claude");
    desk.write(`${path.relative(desk.home, directory)}/skills/inside/SKILL.md`, "inside");
    desk.write(".claude/skills/two/SKILL.md", "two");
    fs.rmSync(desk.at(".claude/skills/one"), { recursive: true });
    await desk.start("claude");
    expect(fs.readdirSync(path.join(directory, "skills")).sort()).toEqual(["inside", "two"]);
    expect(readTree(desk.at(".claude"))).toEqual({ "skills/two/SKILL.md": "two" });
    fs.rmSync(desk.at(".claude/skills"), { recursive: true });
    await desk.start("claude");
    expect(readTree(path.join(directory, "skills"))).toEqual({ "inside/SKILL.md": "inside" });
  });

  test("what the agent puts in the place of a link stays private, until the user changes the file", async () => {
    desk.write(".claude/CLAUDE.md", "own", 500);
    desk.write(".claude/plugins/known_marketplaces.json", "own", 500);
    const directory = await desk.start("claude");
    // By rename, as agents write.
    for (const name of ["CLAUDE.md", "plugins/known_marketplaces.json"]) {
      fs.writeFileSync(path.join(directory, `${name}.tmp`), "inside");
      fs.renameSync(path.join(directory, `${name}.tmp`), path.join(directory, name));
    }
    await desk.start("claude");
    expect(fs.readFileSync(path.join(directory, "CLAUDE.md"), "utf8")).toBe("inside");
    expect(fs.readFileSync(path.join(directory, "plugins/known_marketplaces.json"), "utf8")).toBe("inside");
    expect(readTree(desk.at(".claude"))).toEqual({ "CLAUDE.md": "own", "plugins/known_marketplaces.json": "own" });
    desk.write(".claude/CLAUDE.md", "own again", -5);
    await desk.start("claude");
    expect(linkAt(directory, "CLAUDE.md")).toBe(`${linked}/CLAUDE.md`);
  });

  test("an entry that is a link to elsewhere is shown, unless secrets lie there", async () => {
    desk.write(".agents/skills/shared/SKILL.md", "shared");
    desk.write(".ssh/id", "planted");
    fs.mkdirSync(desk.at(".claude/skills"), { recursive: true });
    fs.symlinkSync("../../.agents/skills/shared", desk.at(".claude/skills/shared"));
    fs.symlinkSync(desk.at(".ssh"), desk.at(".claude/skills/keys"));
    fs.symlinkSync(desk.home, desk.at(".claude/skills/home"));
    const directory = await desk.start("claude");
    expect(linkAt(directory, "skills/shared")).toBe(`${linked}/+/skills/shared`);
    const shown = mounts();
    expect(shown[`${linked}/+/skills/shared`]).toBe("ro .agents/skills/shared");
    expect(Object.values(shown).filter((text) => text === "ro .ssh" || text === "ro ")).toEqual([]);
  });

  test("whatever a sandbox has put in the place of a directory, nothing outside of the state is written", async () => {
    desk.write(".claude/skills/one/SKILL.md", "one");
    fs.mkdirSync(desk.at("elsewhere"));
    const directory = await desk.start("claude");
    fs.rmSync(path.join(directory, "skills"), { recursive: true });
    fs.symlinkSync(desk.at("elsewhere"), path.join(directory, "skills"));
    await desk.start("claude");
    expect(fs.readdirSync(desk.at("elsewhere"))).toEqual([]);
    expect(linkAt(directory, "skills/one")).toBe(`${linked}/skills/one`);
    fs.rmSync(path.join(directory, "skills"), { recursive: true });
    fs.mkdirSync(path.join(directory, "skills"), { mode: 0o000 });
    await desk.start("claude");
    expect(linkAt(directory, "skills/one")).toBe(`${linked}/skills/one`);
  });

  test("a directory of an earlier version, linked whole, opens", async () => {
    desk.write(".claude/skills/one/SKILL.md", "one");
    const directory = await desk.start("claude");
    fs.rmSync(path.join(directory, "skills"), { recursive: true });
    fs.symlinkSync(`${linked}/skills`, path.join(directory, "skills"));
    await desk.start("claude");
    expect(linkAt(directory, "skills/one")).toBe(`${linked}/skills/one`);
  });
});
