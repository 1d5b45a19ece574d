import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { type Desk, ids, openDesk, readTree, talk } from "./history-desk.ts";

let desk: Desk;
beforeEach(() => {
  desk = openDesk();
});
afterEach(() => desk.close());

describe("Codex keeps conversations by their date", () => {
  const rollout = (day: string, index: number) => `sessions/${day}/rollout-2026-01-01T10-00-00-${ids[index]}.jsonl`;
  const write = (day: string, index: number, text: string, age = 500) =>
    desk.write(`.codex/${rollout(day, index)}`, text, age);
  const kept = (directory: string) =>
    Object.fromEntries(Object.entries(readTree(directory)).filter(([file]) => file.startsWith("sessions/")));

  test("only this project's come in, also from days that were looked through before when they went on", async () => {
    write("2026/01/05", 0, talk(desk.project, "mine"));
    write("2026/01/05", 1, talk("/elsewhere", "planted"));
    const directory = await desk.start("codex");
    expect(kept(directory)).toEqual({ [rollout("2026/01/05", 0)]: talk(desk.project, "mine") });
    write("2026/02/01", 2, talk(desk.project, "new"));
    write("2026/01/05", 0, talk(desk.project, "mine", "went on"), 10);
    await desk.start("codex");
    expect(kept(directory)).toEqual({
      [rollout("2026/01/05", 0)]: talk(desk.project, "mine", "went on"),
      [rollout("2026/02/01", 2)]: talk(desk.project, "new"),
    });
  });

  test("its index goes when something has come in, and only then", async () => {
    write("2026/01/05", 0, talk(desk.project, "mine"));
    const directory = await desk.start("codex");
    const index = ["state_5.sqlite", "state_5.sqlite-wal", "thread_history_1.sqlite", "goals_1.sqlite"];
    const plant = () => {
      for (const file of index) fs.writeFileSync(path.join(directory, file), "");
    };
    plant();
    await desk.start("codex");
    for (const file of index) expect(fs.existsSync(path.join(directory, file))).toBe(true);
    write("2026/01/06", 1, talk(desk.project, "new"));
    await desk.start("codex");
    expect(fs.readdirSync(directory).sort()).toEqual(["goals_1.sqlite", "sessions"]);
  });
});

describe("Gemini CLI keeps them in folders that are marked", () => {
  const chat = "chats/session-2026-01-01T10-00-1234abcd.jsonl";
  const mark = (folder: string, project: string) => desk.write(`.gemini/tmp/${folder}/.project_root`, project);

  test("this project's folder comes in, marked, and under the name that it has inside", async () => {
    mark("project-1", desk.project);
    mark("project", "/elsewhere/project");
    desk.write(`.gemini/tmp/project-1/${chat}`, "mine", 500);
    desk.write(`.gemini/tmp/project-1/checkpoint-tag.json`, "saved");
    desk.write(`.gemini/tmp/project-1/shell_history`, "no conversation");
    desk.write(`.gemini/tmp/project/${chat}`, "planted");
    const directory = await desk.start("gemini");
    const tmp = () => readTree(path.join(directory, "tmp"));
    expect(tmp()).toEqual({
      "project-1/.project_root": desk.project,
      [`project-1/${chat}`]: "mine",
      "project-1/checkpoint-tag.json": "saved",
    });
    fs.renameSync(path.join(directory, "tmp/project-1"), path.join(directory, "tmp/inside"));
    desk.write(`.gemini/tmp/project-1/${chat}`, "mine and more", 10);
    await desk.start("gemini");
    expect(Object.keys(tmp())).toEqual(["inside/.project_root", "inside/checkpoint-tag.json", `inside/${chat}`].sort());
    expect(tmp()[`inside/${chat}`]).toBe("mine and more");
  });
});

describe("opencode keeps them in one database", () => {
  const file = ".local/share/opencode/opencode.db";
  const plant = () => {
    desk.write(file, "");
    const database = new Database(desk.at(file));
    database.run("CREATE TABLE session (id text PRIMARY KEY, project_id text, directory text, time_updated integer)");
    database.run("CREATE TABLE project (id text PRIMARY KEY, worktree text)");
    database.run("CREATE TABLE message (id text PRIMARY KEY, session_id text, data text)");
    database.run("CREATE INDEX by_session ON message (session_id)");
    database.run("CREATE TABLE migration (id text PRIMARY KEY)");
    database.run("CREATE TABLE credential (id text PRIMARY KEY, value text)");
    database.run("INSERT INTO credential VALUES ('c', 'planted-credential')");
    database.run("INSERT INTO migration VALUES ('m1'), ('m2')");
    database.run("INSERT INTO project VALUES ('p', 'mine'), ('q', 'planted')");
    const part = path.join(desk.project, "part");
    database.run("INSERT INTO session VALUES ('s', 'p', ?, 1), ('t', 'p', ?, 2)", [desk.project, part]);
    database.run("INSERT INTO session VALUES ('u', 'q', ?, 3), ('v', 'q', '/', 4)", [`${desk.project}2`]);
    database.run("INSERT INTO message VALUES ('1', 's', 'mine'), ('2', 'u', 'planted'), ('3', 't', 'mine too')");
    database.close();
  };

  test("a project's first start gets this project's conversations and nothing else", async () => {
    plant();
    const directory = await desk.start("opencode");
    const database = new Database(path.join(directory, "opencode.db"), { readonly: true });
    const all = (table: string) =>
      database.query<Record<string, string>, []>(`SELECT * FROM ${table} ORDER BY 1`).all();
    expect(all("session").map(({ id }) => id)).toEqual(["s", "t"]);
    expect(all("message").map(({ data }) => data)).toEqual(["mine", "mine too"]);
    expect(all("project").map(({ id }) => id)).toEqual(["p"]);
    expect(all("migration").length).toBe(2);
    expect(all("credential")).toEqual([]);
    database.close();
    expect(fs.readFileSync(path.join(directory, "opencode.db"), "latin1")).not.toContain("planted");
    expect(fs.statSync(path.join(directory, "opencode.db")).mode & 0o777).toBe(0o600);
  });

  test("a database that is there is never touched; without a conversation none is made", async () => {
    desk.write(file, "");
    const directory = await desk.start("opencode");
    expect(fs.readdirSync(directory)).toEqual([]);
    fs.rmSync(desk.at(file));
    plant();
    fs.writeFileSync(path.join(directory, "opencode.db"), "the sandbox's");
    await desk.start("opencode");
    expect(fs.readFileSync(path.join(directory, "opencode.db"), "utf8")).toBe("the sandbox's");
  });
});
