import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { catalog } from "../../../src/agents/catalog.ts";
import { holdingsOf, planRestore, restore } from "../../../src/credentials/backup.ts";
import { keychainStore } from "../../../src/credentials/keychain.ts";
import { placesOf } from "../../../src/places.ts";
import { sampleHost } from "../../plan/sample.ts";
import { claudeText } from "../lab.ts";
import { createStage, hourMs, type Stage, tokens } from "./stage.ts";

setDefaultTimeout(60_000);

let stage: Stage;
beforeEach(() => {
  stage = createStage();
});
afterEach(() => stage.close());

const backups = ".local/state/cordon/backups";
const own = ".claude/.credentials.json";
const restoreNow = (...options: string[]) => stage.cordon(["creds", "restore", "--yes", ...options]);

describe("backup", () => {
  test("every login of every agent, also the ones that cordon cannot read and its own, in one private file", () => {
    stage.plantClaude();
    stage.write(".copilot/config.json", "not even JSON");
    stage.cordon(["login", "codex", "--with-token"], { input: "sk-proj-abcdef" });
    const done = stage.cordon(["creds", "backup"]);
    const [file] = stage.list(backups);
    expect(done).toMatchObject({ code: 0, stderr: "" });
    expect(done.stdout.split("\n")).toEqual([
      "claude  ~/.claude/.credentials.json",
      "codex  ~/.local/state/cordon/credentials/codex.token.json",
      "copilot  ~/.copilot/config.json",
      `backed up to ${stage.at(backups)}/${file}`,
      "",
    ]);
    expect([stage.modeOf(`${backups}/${file}`), stage.modeOf(backups)]).toEqual([0o600, 0o700]);
    const { saved } = JSON.parse(stage.read(`${backups}/${file}`));
    expect(saved.map(({ text }: { text: string }) => text)).toEqual([
      stage.read(own),
      '{"variable":"CODEX_API_KEY","value":"sk-proj-abcdef"}\n',
      "not even JSON",
    ]);
  });

  test("several are kept, not without end, and a named file is never written over", () => {
    stage.plantClaude();
    const names = Array.from({ length: 23 }, (_, at) => `logins-2020-01-${String(at + 1).padStart(2, "0")}.json`);
    for (const name of names) stage.write(`${backups}/${name}`, "{}");
    stage.cordon(["backup-creds"]);
    expect(stage.list(backups).length).toBe(20);
    expect(stage.list(backups)).not.toContain(names[0]!);
    expect(stage.cordon(["creds", "backup", "mine.json"]).code).toBe(0);
    const file = path.join(stage.lab.at("project"), "mine.json");
    const before = fs.readFileSync(file);
    expect(stage.cordon(["creds", "backup", "mine.json"]).stderr).toContain("it exists already");
    expect(fs.readFileSync(file)).toEqual(before);
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect(fs.readdirSync(stage.lab.at("project"))).toEqual(["mine.json"]);
  });

  test("of nothing is refused", () => {
    expect(stage.cordon(["creds", "backup"])).toMatchObject({ code: 125, stdout: "" });
    expect(stage.list(backups)).toEqual([]);
  });
});

describe("restore", () => {
  const backup = (expiresAtMs = Date.now() + hourMs): string => {
    stage.plantClaude(tokens.claude, expiresAtMs);
    stage.cordon(["creds", "backup"]);
    return stage.read(own);
  };

  test("puts back what is gone, and says so", () => {
    const saved = backup();
    fs.rmSync(stage.at(".claude"), { recursive: true });
    const done = restoreNow();
    expect(done).toMatchObject({ code: 0, stderr: "" });
    expect(done.stdout).toContain("claude  ~/.claude/.credentials.json: put back\n");
    expect(stage.read(own)).toBe(saved);
    expect(stage.modeOf(own)).toBe(0o600);
    expect(restoreNow().stdout).toContain(": unchanged\n");
  });

  test.each([
    ["without a login in it", '{"claudeAiOauth":{}}'],
    ["that is damaged", '{"claudeAiO'],
    ["older than the saved one", claudeText("older", "older-r", Date.now() - hourMs)],
  ])("a file %s is replaced, and is in a backup itself", (_title, standing) => {
    const saved = backup();
    stage.write(own, standing);
    expect(restoreNow()).toMatchObject({ code: 0, stdout: expect.stringContaining("in place of an older one") });
    expect(stage.read(own)).toBe(saved);
    const replaced = stage.list(backups).find((name) => name.startsWith("replaced-"))!;
    expect(JSON.parse(stage.read(`${backups}/${replaced}`)).saved[0].text).toBe(standing);
  });

  test("a newer login stays, unless it is forced; then it is in a backup", () => {
    const saved = backup();
    const newer = claudeText("newer", "newer-r", Date.now() + 8 * hourMs);
    stage.write(own, newer);
    const done = restoreNow();
    expect(done).toMatchObject({ code: 125, stderr: expect.stringContaining("--force") });
    expect(done.stdout).toContain("newer or changed since: left as it is\n");
    expect(stage.read(own)).toBe(newer);
    expect(stage.list(backups).length).toBe(1);
    expect(restoreNow("--force").code).toBe(0);
    expect(stage.read(own)).toBe(saved);
    const replaced = stage.list(backups).find((name) => name.startsWith("replaced-"))!;
    const undo = stage.cordon(["restore-creds", "--yes", "--force", path.join(stage.at(backups), replaced)]);
    expect([undo.code, stage.read(own)]).toEqual([0, newer]);
  });

  test("a dry run, and a run without anybody to answer, change nothing", () => {
    backup();
    fs.rmSync(stage.at(own));
    expect(stage.cordon(["creds", "restore", "--dry-run"])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(": put back\n"),
    });
    expect(stage.cordon(["creds", "restore"])).toMatchObject({ code: 125, stderr: expect.stringContaining("--yes") });
    expect(stage.exists(own)).toBe(false);
  });

  test.each(["no JSON", "{}", '{"version":1,"saved":[{}]}', '{"version":2,"saved":[]}'])("%s is no backup", (text) => {
    const file = stage.write("file.json", text);
    expect(restoreNow(file)).toMatchObject({ code: 125, stderr: expect.stringContaining("no backup of credentials") });
  });

  test("no path of a backup's own is written to, and no sequence of its reaches the terminal", () => {
    const saved = [{ agent: "claude", label: "~/evil\u001b[2J", text: "x" }];
    const file = stage.write("file.json", JSON.stringify({ version: 1, createdAt: "\u001b[2J", saved }));
    const done = restoreNow(file);
    expect(done.code).toBe(0);
    expect(done.stdout).toContain("no agent here keeps it there");
    expect(done.stdout).not.toContain("\u001b");
    expect(stage.list("").filter((name) => name.startsWith("evil"))).toEqual([]);
  });

  test("what changes between the look and the restore stays as it is", async () => {
    const home = stage.lab.at("home");
    const host = { ...sampleHost, home, realHome: home, cwd: home, env: {}, places: placesOf({}, home, 1000) };
    const holdings = holdingsOf(catalog, host);
    backup();
    const { saved } = JSON.parse(stage.read(`${backups}/${stage.list(backups)[0]}`));
    stage.write(own, "{}");
    const { steps } = await planRestore({ version: 1, createdAt: "", saved }, holdings);
    const renewed = claudeText("renewed", "renewed-r", Date.now() + 8 * hourMs);
    stage.write(own, renewed);
    expect(await restore(steps[0]!)).toBe(false);
    expect(stage.read(own)).toBe(renewed);
  });

  test("waits for whoever renews it at that moment", async () => {
    backup();
    fs.rmSync(stage.at(own));
    fs.mkdirSync(stage.at(".claude/.oauth_refresh.lock"));
    const [file, words] = stage.lab.words(["creds", "restore", "--yes"]);
    const child = Bun.spawn([file, ...words], { cwd: stage.lab.at("project"), env: stage.lab.env, stdout: "pipe" });
    const reader = child.stdout.getReader();
    let said = "";
    while (!said.includes("put back")) said += new TextDecoder().decode((await reader.read()).value);
    expect([child.exitCode, stage.exists(own)]).toEqual([null, false]);
    fs.rmdirSync(stage.at(".claude/.oauth_refresh.lock"));
    expect(await child.exited).toBe(0);
    expect(stage.exists(own)).toBe(true);
  });
});

test("on macOS the Keychain's item is among the places, before the file", () => {
  const host = { ...sampleHost, platform: "darwin" as const, env: { USER: "agnes" } };
  const item = { service: "Claude Code-credentials", account: "agnes" };
  const labels = holdingsOf(catalog, host)
    .filter(({ agent }) => agent === "claude")
    .map(({ store }) => store.label);
  expect(labels.slice(0, 2)).toEqual([keychainStore(item, []).label, "~/.claude/.credentials.json"]);
});
