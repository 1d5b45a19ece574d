import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { encodePath } from "../../src/agents/conversations.ts";
import { exportHistory } from "../../src/agents/history-export.ts";
import { agentOf } from "../agents-data/desk.ts";
import { type Desk, ids, openDesk, readTree, talk } from "./history-desk.ts";

let desk: Desk;
let directory: string;
let folder: string;
beforeEach(async () => {
  desk = openDesk();
  directory = await desk.start("claude");
  folder = `projects/${encodePath(desk.project)}`;
});
afterEach(() => desk.close());

const name = (index = 0) => `${folder}/${ids[index]}.jsonl`;
/** As the agent inside writes. */
const writeInside = (file: string, text: string, ageSeconds = 0) =>
  desk.write(path.relative(desk.home, path.join(directory, file)), text, ageSeconds);
const own = (file: string) => desk.at(`.claude/${file}`);
const hand = (agent = "claude", to?: string) => exportHistory(agentOf(agent), desk.locate(agent), to);

test("a conversation is where the agent outside finds it, with how to go on", () => {
  writeInside(name(), talk(desk.project, "inside"), 60);
  writeInside(`${folder}/${ids[0]}/subagents/agent-1.jsonl`, "sub");
  writeInside(`${folder}/memory/MEMORY.md`, "never handed back");
  writeInside("settings.json", '{"hooks": "never"}');
  const { copied, left, notes } = hand();
  expect(copied).toEqual([{ file: own(name()), resume: `claude --resume ${ids[0]}` }]);
  expect([left, notes.length]).toEqual([[], 1]);
  expect(readTree(desk.at(".claude"))).toEqual({
    [name()]: talk(desk.project, "inside"),
    [`${folder}/${ids[0]}/subagents/agent-1.jsonl`]: "sub",
  });
  const stat = fs.statSync(own(name()));
  expect([stat.mode & 0o777, Math.round((Date.now() - stat.mtimeMs) / 60_000)]).toEqual([0o600, 1]);
  expect(hand()).toMatchObject({ copied: [], same: 1, left: [] });
});

test("what went on inside goes back; what went on outside, or is newer there, stays", async () => {
  for (const index of [0, 1, 2]) desk.write(`.claude/${name(index)}`, talk(desk.project, "1"), 500);
  await desk.start("claude");
  for (const index of [0, 1]) fs.appendFileSync(path.join(directory, name(index)), "inside\n");
  fs.appendFileSync(own(name(1)), "outside\n");
  fs.appendFileSync(own(name(2)), "outside\n");
  const { copied, same, left } = hand();
  expect(copied.map(({ file }) => file)).toEqual([own(name(0))]);
  expect(same).toBe(1);
  expect(left).toEqual([{ file: own(name(1)), why: "it has gone on outside as well" }]);
  for (const index of [1, 2]) expect(fs.readFileSync(own(name(index)), "utf8")).toEndWith("outside\n");
  expect(fs.readFileSync(own(name(0)), "utf8")).toEndWith("inside\n");
});

describe("a hostile directory", () => {
  test("links, pipes, directories and strange names are left alone", () => {
    const secret = desk.write("secret.jsonl", talk(desk.project, "planted"));
    fs.mkdirSync(path.join(directory, folder), { recursive: true });
    fs.symlinkSync(secret, path.join(directory, name(0)));
    Bun.spawnSync(["mkfifo", path.join(directory, name(1))]);
    fs.mkdirSync(path.join(directory, name(2)));
    writeInside(`${folder}/..%2f..%2fevil.jsonl`, talk(desk.project, "planted"));
    writeInside(`${folder}/\u001b[2J.jsonl`, talk(desk.project, "planted"));
    expect(hand()).toMatchObject({ copied: [], left: [] });
    expect(fs.existsSync(desk.at(".claude"))).toBe(false);
  });

  test("a folder that is a link is not entered", () => {
    desk.write(`elsewhere/${ids[0]}.jsonl`, talk(desk.project, "planted"));
    fs.mkdirSync(path.join(directory, "projects"), { recursive: true });
    fs.symlinkSync(desk.at("elsewhere"), path.join(directory, folder));
    expect(hand()).toMatchObject({ copied: [], left: [] });
  });

  test("what says that it was held elsewhere does not get among that project's", () => {
    writeInside(name(), talk("/elsewhere", "planted"));
    expect(hand()).toMatchObject({ copied: [], left: [{ why: "it was held in another directory" }] });
  });

  test("what is too large stays, and a time to come is not believed", () => {
    writeInside(name(0), talk(desk.project, "1"));
    fs.truncateSync(path.join(directory, name(0)), 65 * 1024 ** 2);
    writeInside(name(1), talk(desk.project, "1"), -1e7);
    expect(hand()).toMatchObject({ copied: [{ file: own(name(1)) }], left: [{ why: "it is too large" }] });
    expect(fs.statSync(own(name(1))).mtimeMs).toBeLessThanOrEqual(Date.now() + 1_000);
  });

  test("what belongs to a conversation never replaces anything, and no link of it is followed", () => {
    writeInside(name(), talk(desk.project, "1"));
    const secret = desk.write("secret", "planted");
    fs.mkdirSync(path.join(directory, folder, ids[0]!));
    fs.symlinkSync(secret, path.join(directory, folder, ids[0]!, "link"));
    writeInside(`${folder}/${ids[0]}/a.txt`, "inside");
    desk.write(`.claude/${folder}/${ids[0]}/a.txt`, "outside");
    hand();
    expect(Object.values(readTree(desk.at(".claude"))).sort()).toEqual(["outside", talk(desk.project, "1")].sort());
  });
});

test("something that is no file outside is not replaced", () => {
  writeInside(name(), talk(desk.project, "1"));
  const elsewhere = desk.write("elsewhere", "kept");
  fs.mkdirSync(path.dirname(own(name())), { recursive: true });
  fs.symlinkSync(elsewhere, own(name()));
  expect(hand()).toMatchObject({ copied: [], left: [{ why: "something else stands there" }] });
  expect(fs.readFileSync(elsewhere, "utf8")).toBe("kept");
});

test("into a directory that is named, when it is empty or not there", () => {
  writeInside(name(), talk(desk.project, "1"));
  const { copied, notes } = hand("claude", desk.at("out"));
  expect([copied.length, notes]).toEqual([1, []]);
  expect(readTree(desk.at("out"))).toEqual({ [`.claude/${name()}`]: talk(desk.project, "1") });
  expect(() => hand("claude", desk.at("out"))).toThrow("something is there already");
  expect(fs.existsSync(desk.at(".claude"))).toBe(false);
});

test("Gemini CLI: into the folder that bears the project's mark, a new one where the name is taken", async () => {
  const inside = await desk.start("gemini");
  const chat = "chats/session-2026-01-01T10-00-1234abcd.jsonl";
  const below = path.relative(desk.home, inside);
  desk.write(`${below}/tmp/proj/.project_root`, desk.project);
  desk.write(`${below}/tmp/proj/${chat}`, "inside\n");
  desk.write(".gemini/tmp/proj/.project_root", "/elsewhere");
  expect(hand("gemini").copied.map(({ file }) => file)).toEqual([desk.at(`.gemini/tmp/proj-1/${chat}`)]);
  expect(readTree(desk.at(".gemini/tmp"))).toEqual({
    "proj/.project_root": "/elsewhere",
    "proj-1/.project_root": desk.project,
    [`proj-1/${chat}`]: "inside\n",
  });
  expect(hand("gemini")).toMatchObject({ copied: [], same: 1 });
});

test("opencode: its own commands do it", async () => {
  await desk.start("opencode");
  expect(hand("opencode")).toMatchObject({ copied: [], left: [], notes: [expect.stringContaining("opencode import")] });
});
