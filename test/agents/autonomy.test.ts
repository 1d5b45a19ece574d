import { describe, expect, test } from "bun:test";
import { catalog } from "../../src/agents/catalog.ts";
import { commandOf, withAutonomy } from "../../src/agents/command.ts";
import { findAgent } from "../../src/agents/registry.ts";
import { reservedNames } from "../../src/cli/commands.ts";
import type { Config } from "../../src/config/config.ts";
import { sampleHost } from "../plan/sample.ts";

const agentOf = (name: string) => catalog.find((agent) => agent.name === name)!;
const place = (name: string, line: string) =>
  withAutonomy(agentOf(name), line === "" ? [] : line.split(" "), "/p").join(" ");
const codexFlags =
  '--no-daemon --dangerously-bypass-approvals-and-sandbox -c projects={"/p"={trust_level="trusted"}} -c check_for_update_on_startup=false';

/** What the user types behind the agent's name, and what the agent gets. `…` stands for what was typed. */
const placements: [string, string, string][] = [
  ["claude", "", "--dangerously-skip-permissions"],
  ["claude", "do-it", "--dangerously-skip-permissions …"],
  ["claude", "-p do-it", "--dangerously-skip-permissions …"],
  ["claude", "--continue", "--dangerously-skip-permissions …"],
  ["claude", "mcp list", "…"],
  ["claude", "--version", "…"],
  ["claude", "--permission-mode plan", "…"],
  ["claude", "--permission-mode=plan x", "…"],
  ["claude", "--dangerously-skip-permissions x", "…"],
  ["codex", "", codexFlags],
  ["codex", "exec do-it", `${codexFlags} …`],
  ["codex", "exec resume --last x", `${codexFlags} …`],
  ["codex", "resume", `${codexFlags} …`],
  ["codex", "login", "…"],
  ["codex", "mcp list", "…"],
  ["codex", "--yolo exec x", "…"],
  ["gemini", "-p do-it", "--yolo …"],
  ["gemini", "do-it", "--yolo …"],
  ["gemini", "mcp list", "…"],
  ["gemini", "--approval-mode=plan", "…"],
  ["gemini", "--approval-mode plan", "…"],
  ["gemini", "-y -p x", "…"],
  ["opencode", "run do-it", "…"],
  ["opencode", "", ""],
  ["copilot", "-p do-it", "--allow-all …"],
  ["copilot", "login", "…"],
  ["copilot", "--allow-all-tools -p x", "…"],
  ["cursor", "-p do-it", "--force --sandbox disabled …"],
  ["cursor", "login", "…"],
  ["droid", "exec do-it", "exec --skip-permissions-unsafe do-it"],
  ["droid", "exec --auto low do-it", "…"],
  ["droid", "", ""],
  ["droid", "mcp list", "…"],
  ["pi", "do-it", "…"],
  ["amp", "-x do-it", "--dangerously-allow-all …"],
  ["amp", "login", "…"],
  ["qwen", "-p do-it", "--yolo …"],
  ["qwen", "mcp list", "…"],
  ["goose", "run -t do-it", "…"],
  ["aider", "--message do-it", "--yes-always …"],
];

describe("autonomy", () => {
  test.each(placements)("%s %s", (name, typed, expected) => {
    expect(place(name, typed)).toBe(expected.replace("…", typed));
  });

  test("every agent of the catalogue is among them", () => {
    expect([...new Set(placements.map(([name]) => name))].sort()).toEqual(catalog.map(({ name }) => name).sort());
  });

  test("it comes from a flag or a variable, and where from neither, the agent never asks", () => {
    const granted = catalog.filter(({ autonomy, env }) => {
      const byVariable = ["OPENCODE_PERMISSION", "GOOSE_MODE"].some((name) => name in env);
      return autonomy.args.length === 0 && !byVariable;
    });
    expect(granted.map(({ name }) => name)).toEqual(["pi"]);
  });

  test("help and version run as they are, for every agent", () => {
    for (const { name } of catalog)
      for (const word of ["--help", "-h", "--version"]) expect(place(name, word)).toBe(word);
  });

  test("a path of the project is quoted where it stands in a flag", () => {
    const [, , , projects] = withAutonomy(agentOf("codex"), [], '/a "b" {c}');
    expect(projects).toBe('projects={"/a \\"b\\" {c}"={trust_level="trusted"}}');
  });
});

describe("the catalogue", () => {
  test("names are not cordon's own words, and stand once", () => {
    const names = catalog.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => reservedNames.includes(name))).toEqual([]);
  });

  test("settings and credentials are single names, state lies below home", () => {
    for (const { state } of catalog) {
      for (const { path, settings = [], credential, seeds = [] } of state) {
        expect(path).toMatch(/^\.[^/]+(\/[^/]+)*$/);
        const names = [...settings, ...(credential ? [credential] : []), ...seeds.map(({ name }) => name)];
        expect(names.filter((name) => name.includes("/") || name === "." || name === "..")).toEqual([]);
        expect(new Set(names).size).toBe(names.length);
      }
    }
  });

  test("what an agent lets through is never a whole class of secrets", () => {
    for (const { pass, keys } of catalog) {
      expect(keys.filter((name) => name.includes("*"))).toEqual([]);
      expect(
        pass.filter(
          (name) => /^(\*|[A-Z]{1,4}_?\*)$/.test(name) || /KEY|TOKEN|SECRET/.test(name.replace(/MAX_.*TOKENS/, "")),
        ),
      ).toEqual([]);
    }
  });
});

describe("the command line of a run", () => {
  const host = { ...sampleHost, cwd: "/p" };
  const invocation = (command: string, words: string[]) => ({ command, words, given: [] });

  test("an agent, a program, a shell", () => {
    expect(commandOf(invocation("agent", ["x y"]), agentOf("claude"), host)).toEqual([
      "claude",
      "--dangerously-skip-permissions",
      "x y",
    ]);
    expect(commandOf(invocation("run", ["make", "-j4"]), undefined, host)).toEqual(["make", "-j4"]);
    expect(commandOf(invocation("shell", ["zsh"]), undefined, host)).toEqual(["zsh"]);
    expect(commandOf(invocation("shell", []), undefined, { ...host, env: { SHELL: "/bin/fish" } })).toEqual([
      "/bin/fish",
    ]);
    expect(commandOf(invocation("shell", []), undefined, { ...host, env: {} })).toEqual(["/bin/sh"]);
  });

  const config = (agents: Config["agents"]) => ({ agents }) as Config;

  test("the user's configuration adds an agent and changes one", () => {
    const own = { command: "/opt/mine", args: ["--go"], state: [".mine"], env: { A: "1" }, origin: "user config" };
    const mine = findAgent("mine", config({ mine: own }));
    expect(withAutonomy(mine, ["x"], "/p")).toEqual(["--go", "x"]);
    expect(mine).toMatchObject({ command: "/opt/mine", state: [{ path: ".mine" }], env: { A: "1" } });
    const changed = findAgent("claude", config({ claude: { args: ["--mine"], origin: "user config" } }));
    expect(withAutonomy(changed, ["x"], "/p")).toEqual(["--mine", "x"]);
    expect(changed.env).toEqual(agentOf("claude").env);
  });

  test.each(["nothing", "__proto__", "constructor", "toString"])("an agent called %s does not exist", (name) => {
    expect(() => findAgent(name, config({}))).toThrow(`there is no agent \`${name}\``);
  });
});
