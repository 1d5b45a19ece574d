import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { encodePath } from "../../src/agents/conversations.ts";
import { type Desk, ids, openDesk, readTree, talk } from "./history-desk.ts";

let desk: Desk;
beforeEach(() => {
  desk = openDesk();
});
afterEach(() => desk.close());

const folder = () => `.claude/projects/${encodePath(desk.project)}`;
const own = (index = 0) => `${folder()}/${ids[index]}.jsonl`;
const inside = (directory: string) => readTree(path.join(directory, "projects", encodePath(desk.project)));
const name = (index = 0) => `${ids[index]}.jsonl`;

describe("what comes in", () => {
  test("this project's conversations, with what belongs to them; private, and with their time", async () => {
    const file = desk.write(own(), talk(desk.project, "hello"), 500);
    desk.write(`${folder()}/${ids[0]}/subagents/agent-1.jsonl`, "sub");
    desk.write(`${folder()}/memory/MEMORY.md`, "noted");
    desk.write(`${folder()}/other.txt`, "no conversation");
    desk.write(`.claude/projects/-somewhere-else/${ids[1]}.jsonl`, talk("/somewhere/else", "planted"));
    const directory = await desk.start("claude");
    expect(inside(directory)).toEqual({
      [name()]: talk(desk.project, "hello"),
      [`${ids[0]}/subagents/agent-1.jsonl`]: "sub",
      "memory/MEMORY.md": "noted",
    });
    const copy = fs.statSync(path.join(directory, "projects", encodePath(desk.project), name()));
    expect([copy.mode & 0o777, Math.round(copy.mtimeMs / 1000)]).toEqual([
      0o600,
      Math.round(fs.statSync(file).mtimeMs / 1000),
    ]);
    expect(JSON.stringify(readTree(directory))).not.toContain("planted");
  });

  test("another project whose path is spelt alike stays out, and then nobody's notes come in", async () => {
    desk.write(own(0), talk(desk.project, "mine"));
    desk.write(own(1), talk(desk.project.replace("my.project", "my-project"), "planted"));
    desk.write(`${folder()}/memory/MEMORY.md`, "planted");
    const directory = await desk.start("claude");
    expect(inside(directory)).toEqual({ [name(0)]: talk(desk.project, "mine") });
    // Also the second time, when the other is known.
    await desk.start("claude");
    expect(Object.keys(inside(directory))).toEqual([name(0)]);
  });

  test("a name that begins like the project's is another's; one that tells no directory is nobody's", async () => {
    desk.write(own(0), talk(`${desk.project}2`, "planted"));
    desk.write(own(1), "planted\n");
    desk.write(own(2), talk(path.join(desk.project, "part"), "mine"));
    expect(Object.keys(inside(await desk.start("claude")))).toEqual([name(2)]);
  });

  test("links are not followed, and nothing but a plain file comes in", async () => {
    const secret = desk.write("elsewhere.jsonl", talk(desk.project, "planted"));
    fs.mkdirSync(desk.at(folder()), { recursive: true });
    fs.symlinkSync(secret, desk.at(own(0)));
    fs.mkdirSync(desk.at(own(1)));
    desk.write(own(2), talk(desk.project, "mine"));
    expect(Object.keys(inside(await desk.start("claude")))).toEqual([name(2)]);
  });

  test("at most the fifty newest", async () => {
    const id = (index: number) => `${String(index).padStart(8, "0")}-1111-4111-8111-111111111111`;
    for (let index = 0; index < 60; index++)
      desk.write(`${folder()}/${id(index)}.jsonl`, talk(desk.project, `${index}`), index);
    const names = Object.keys(inside(await desk.start("claude")));
    expect(names).toEqual(Array.from({ length: 50 }, (_, index) => `${id(index)}.jsonl`));
  });

  test("the host's own files stay as they are", async () => {
    desk.write(own(), talk(desk.project, "hello"));
    const before = readTree(desk.at(".claude"));
    const directory = await desk.start("claude");
    fs.appendFileSync(path.join(directory, "projects", encodePath(desk.project), name()), "inside\n");
    await desk.start("claude");
    expect(readTree(desk.at(".claude"))).toEqual(before);
  });
});

describe("both sides go on", () => {
  const copyOf = (directory: string) => path.join(directory, "projects", encodePath(desk.project), name());

  test("what went on outside comes in, what went on inside stays", async () => {
    desk.write(own(), talk(desk.project, "1"), 500);
    const directory = await desk.start("claude");
    desk.write(own(), talk(desk.project, "1", "2"), 400);
    await desk.start("claude");
    expect(fs.readFileSync(copyOf(directory), "utf8")).toBe(talk(desk.project, "1", "2"));
    fs.appendFileSync(copyOf(directory), "inside\n");
    await desk.start("claude");
    expect(fs.readFileSync(copyOf(directory), "utf8")).toEndWith("inside\n");
  });

  test("when both went on the later one holds, and nothing that was said inside is lost", async () => {
    desk.write(own(), talk(desk.project, "1"), 500);
    const directory = await desk.start("claude");
    fs.appendFileSync(copyOf(directory), "inside\n");
    desk.write(own(), talk(desk.project, "1", "earlier outside"), 100);
    await desk.start("claude");
    expect(fs.readFileSync(copyOf(directory), "utf8")).toEndWith("inside\n");
    desk.write(own(), talk(desk.project, "1", "later outside"), -5);
    await desk.start("claude");
    expect(fs.readFileSync(copyOf(directory), "utf8")).toContain("later outside");
    const kept = Object.entries(inside(directory)).filter(([file]) => file.endsWith(".kept"));
    expect(kept.map(([, text]) => text)).toEqual([`${talk(desk.project, "1")}inside\n`]);
  });

  test("what was deleted inside does not come back", async () => {
    desk.write(own(), talk(desk.project, "1"), 500);
    const directory = await desk.start("claude");
    fs.rmSync(copyOf(directory));
    await desk.start("claude");
    expect(inside(directory)).toEqual({});
  });

  test("a link that a sandbox put in the place of a folder or a file leads nowhere", async () => {
    const elsewhere = desk.at("elsewhere");
    fs.mkdirSync(elsewhere);
    desk.write(own(), talk(desk.project, "1"), 500);
    const directory = await desk.start("claude");
    fs.rmSync(path.join(directory, "projects"), { recursive: true });
    fs.symlinkSync(elsewhere, path.join(directory, "projects"));
    desk.write(own(), talk(desk.project, "1", "2"));
    await desk.start("claude");
    expect(fs.readdirSync(elsewhere)).toEqual([]);
    const target = desk.write("elsewhere/file", "kept");
    fs.rmSync(copyOf(directory));
    fs.symlinkSync(target, copyOf(directory));
    desk.write(own(), talk(desk.project, "1", "2", "3"), -5);
    await desk.start("claude");
    expect(fs.readFileSync(target, "utf8")).toBe("kept");
    expect(fs.readFileSync(copyOf(directory), "utf8")).toContain("3");
  });
});

describe("a session", () => {
  test("has a state of its own, in its own place, and begins with the conversations from outside", async () => {
    desk.write(own(), talk(desk.project, "1"), 500);
    const place = desk.at("session/state");
    const directory = await desk.start("claude", place);
    expect(directory).toBe(path.join(place, "claude/.claude"));
    expect(Object.keys(inside(directory))).toEqual([name()]);
    expect(fs.existsSync(path.join(desk.host.places.state, "projects"))).toBe(false);
  });
});

test("a folder's name as Claude Code makes it", () => {
  expect(encodePath("/home/ada/my.project_x")).toBe("-home-ada-my-project-x");
  const long = `/${"a".repeat(300)}`;
  expect(encodePath(long)).toMatch(/^-a{199}-[0-9a-z]+$/);
  expect(encodePath(long)).not.toBe(encodePath(`${long}b`));
});
