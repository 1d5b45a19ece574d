import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { mcpDemands } from "../../src/agents/mcp/demands.ts";
import { projectNames, readOwnSettings, readProjectSettings } from "../../src/agents/settings/gather.ts";
import { locateState, prepareState } from "../../src/agents/state.ts";
import { type Host, inspectPath } from "../../src/host.ts";
import { placesOf } from "../../src/places.ts";
import { sampleHost } from "../plan/sample.ts";
import { agentOf, policyWith } from "./desk.ts";

let home: string;
let workdir: string;
beforeEach(() => {
  home = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "cordon-seeding-")));
  workdir = path.join(home, "project");
  fs.mkdirSync(workdir);
});
afterEach(() => fs.rmSync(home, { recursive: true }));

const write = (name: string, content: string | object): string => {
  const file = path.join(home, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
};

/** What a start does with an agent's settings. Gives the private directory of its first state, and what was said. */
const start = async (name: string, env: Record<string, string> = {}) => {
  const agent = agentOf(name);
  const host: Host = { ...sampleHost, home, realHome: home, cwd: workdir, env, places: placesOf({}, home, 1000) };
  const states = locateState(agent, host, workdir, "broker");
  const { own, unreadable } = await readOwnSettings(states, host);
  const surroundings = { host, workdir, policy: policyWith({}), mode: "broker", inspect: inspectPath } as const;
  const { settings } = mcpDemands(agent, own, projectNames({ ...host, cwd: workdir, project: workdir }), surroundings);
  await prepareState(states, { values: { workdir, "key-tail": "" }, keys: [], files: [], settings });
  return { directory: states[0]!.host, unreadable, labels: own.map(({ label }) => label) };
};

const server = (command: string) => ({ command });
const serversIn = (directory: string): string[] => {
  const config = JSON.parse(fs.readFileSync(path.join(directory, ".claude.json"), "utf8"));
  const all = { ...config.mcpServers, ...config.projects[workdir].mcpServers };
  return Object.entries(all).map(([name, entry]) => `${name}=${(entry as { command: string }).command}`);
};

describe("settings that are kept from run to run", () => {
  /** As `claude mcp add` inside writes it. */
  const addInside = (directory: string, name: string) => {
    const file = path.join(directory, ".claude.json");
    const config = JSON.parse(fs.readFileSync(file, "utf8"));
    config.projects[workdir].mcpServers = { ...config.projects[workdir].mcpServers, [name]: server(name) };
    fs.writeFileSync(file, JSON.stringify(config));
  };

  test("what is added inside stays, what the user changes comes in, what the user takes away goes", async () => {
    const own = write(".claude.json", { mcpServers: { one: server("1"), two: server("2") } });
    const { directory } = await start("claude");
    expect(serversIn(directory)).toEqual(["one=1", "two=2"]);
    addInside(directory, "inside");
    await start("claude");
    expect(serversIn(directory)).toEqual(["one=1", "two=2", "inside=inside"]);
    const text = JSON.stringify({ mcpServers: { one: server("1b"), three: server("3") }, theme: "light" });
    fs.writeFileSync(own, text);
    // A file that was put back from a copy is older than what stands inside, and still the user's latest word.
    fs.utimesSync(own, 1, 1);
    await start("claude");
    expect(serversIn(directory).sort()).toEqual(["inside=inside", "one=1b", "three=3"]);
    expect(fs.readFileSync(own, "utf8")).toBe(text);
  });

  test("what is taken away or changed inside stays so, until the user changes it outside", async () => {
    write(".claude.json", { mcpServers: { one: server("1"), two: server("2") } });
    const { directory } = await start("claude");
    const file = path.join(directory, ".claude.json");
    const config = JSON.parse(fs.readFileSync(file, "utf8"));
    fs.writeFileSync(file, JSON.stringify({ ...config, mcpServers: { one: server("mine") } }));
    await start("claude");
    expect(serversIn(directory)).toEqual(["one=mine"]);
    write(".claude.json", { mcpServers: { one: server("1"), two: server("2b") } });
    await start("claude");
    expect(serversIn(directory)).toEqual(["one=mine", "two=2b"]);
  });

  test("a private copy of before, of which nothing is known, is left behind", async () => {
    write(".claude.json", { mcpServers: { one: server("1") } });
    const { directory } = await start("claude");
    fs.rmSync(`${directory}.record`, { recursive: true });
    fs.writeFileSync(path.join(directory, ".claude.json"), JSON.stringify({ oauthAccount: "planted", projects: {} }));
    await start("claude");
    expect(fs.readFileSync(path.join(directory, ".claude.json"), "utf8")).not.toContain("planted");
  });

  test.each([
    ["text", "not json"],
    ["depth", "[".repeat(100_000)],
    ["deep tables", `${'{"a":'.repeat(3000)}1${"}".repeat(3000)}`],
    ["a list", "[]"],
  ])("what a sandbox left in its place does not stop the next start: %s", async (_, text) => {
    write(".claude.json", { mcpServers: { one: server("1") } });
    const { directory } = await start("claude");
    fs.writeFileSync(path.join(directory, ".claude.json"), text);
    await start("claude");
    expect(serversIn(directory)).toEqual(["one=1"]);
  });

  test("a link in its place is replaced, never followed", async () => {
    const secret = write("secret.json", { mcpServers: { planted: server("planted") } });
    const { directory } = await start("claude");
    const file = path.join(directory, ".claude.json");
    fs.rmSync(file);
    fs.symlinkSync(secret, file);
    await start("claude");
    expect(serversIn(directory)).toEqual([]);
    expect(fs.lstatSync(file).isSymbolicLink()).toBe(false);
    expect(fs.readFileSync(secret, "utf8")).toContain("planted");
  });

  test("cordon's own answers stand in it every time", async () => {
    const { directory } = await start("claude");
    fs.writeFileSync(path.join(directory, ".claude.json"), "{}");
    await start("claude");
    const config = JSON.parse(fs.readFileSync(path.join(directory, ".claude.json"), "utf8"));
    expect(config).toMatchObject({
      hasCompletedOnboarding: true,
      projects: { [workdir]: { hasTrustDialogAccepted: true } },
    });
  });

  test("TOML: a server added inside stays beside the user's own", async () => {
    write(".codex/config.toml", 'model = "a"\n[mcp_servers.one]\ncommand = "1"\n');
    const { directory } = await start("codex");
    const file = path.join(directory, "config.toml");
    fs.appendFileSync(file, '\n[mcp_servers.inside]\ncommand = "inside"\n');
    write(".codex/config.toml", 'model = "b"\n[mcp_servers.one]\ncommand = "1"\n');
    await start("codex");
    const text = fs.readFileSync(file, "utf8");
    for (const line of ['model = "b"', "[mcp_servers.one]", "[mcp_servers.inside]"]) expect(text).toContain(line);
  });

  test("where the user has no file and cordon no answer, there is none", async () => {
    const { directory } = await start("codex");
    expect(fs.readdirSync(directory)).toEqual([]);
  });
});

describe("finding settings", () => {
  test("Claude Code's file stands beside its directory, unless that has been moved", async () => {
    write(".claude.json", { theme: "beside" });
    write(".claude/.claude.json", { theme: "in it" });
    const { directory, labels } = await start("claude");
    expect(labels).toContain("~/.claude.json");
    const themeIn = (place: string) => JSON.parse(fs.readFileSync(path.join(place, ".claude.json"), "utf8")).theme;
    expect(themeIn(directory)).toBe("beside");
    const moved = await start("claude", { CLAUDE_CONFIG_DIR: path.join(home, ".claude") });
    expect([moved.labels, themeIn(moved.directory)]).toEqual([["~/.claude/.claude.json"], "in it"]);
  });

  test("in a directory of a repository, the entry of its top is this project's", async () => {
    fs.mkdirSync(path.join(home, "repository/.git"), { recursive: true });
    fs.mkdirSync(path.join(home, "repository/part"));
    const entry = (name: string) => ({ mcpServers: { [name]: server(name) } });
    const top = path.join(home, "repository");
    write(".claude.json", {
      projects: { [top]: entry("top"), [`${top}/part`]: entry("part"), "/other": entry("other") },
    });
    workdir = `${top}/part`;
    expect(serversIn((await start("claude")).directory)).toEqual(["top=top"]);
  });

  test("what cannot be read is named and does not come in", async () => {
    write(".codex/config.toml", "planted = [");
    const { unreadable, directory } = await start("codex");
    expect([unreadable, fs.readdirSync(directory)]).toEqual([["~/.codex/config.toml"], []]);
  });

  test("a project's file is read through no link, and a broken one says nothing", async () => {
    write("elsewhere/.codex/config.toml", '[mcp_servers.a]\nurl = "https://a.test"\n');
    const read = () => readProjectSettings(agentOf("codex"), workdir);
    fs.symlinkSync(path.join(home, "elsewhere/.codex"), path.join(workdir, ".codex"));
    expect(await read()).toEqual([]);
    fs.rmSync(path.join(workdir, ".codex"));
    write("project/.codex/config.toml", "[[[");
    expect(await read()).toEqual([]);
    write("project/.codex/config.toml", "a = 1");
    expect(await read()).toEqual([{ label: ".codex/config.toml", value: { a: 1n } }]);
  });
});
