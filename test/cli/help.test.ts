import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { renderReference } from "../../scripts/reference.ts";
import { builtCommands, commands } from "../../src/cli/commands.ts";
import { renderCompletions, shells } from "../../src/cli/completions.ts";
import { builtFlags, flags, spellingsOf, variableOf } from "../../src/cli/flags.ts";
import { renderHelp } from "../../src/cli/help.ts";
import { renderMan } from "../../src/cli/man.ts";
import type { CommandFunction, Context } from "../../src/commands/context.ts";
import { runCompletions, runHelp, runMan } from "../../src/commands/help.ts";
import type { CordonError } from "../../src/errors.ts";

const agents = ["claude", "codex"];

const capture = async (command: CommandFunction, words: string[]) => {
  const lines: string[] = [];
  const out = { line: (text: string) => lines.push(text), colour: false };
  const status = await command({ out, invocation: { words, given: [] } } as unknown as Context);
  return { status, text: lines.join("\n") };
};

describe("the table", () => {
  test("no spelling, variable or command word stands for two things", () => {
    const spellings = flags.flatMap(spellingsOf);
    const variables = flags.map(variableOf).filter((name) => name !== undefined);
    const words = commands.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
    for (const list of [spellings, variables, words]) expect(list.length).toBe(new Set(list).size);
    // What does not exist yet gives way to a command's own option.
    const built = builtFlags.flatMap(spellingsOf);
    for (const { options = [] } of commands)
      for (const spelling of options.flatMap(spellingsOf)) expect(built).not.toContain(spelling);
  });

  test("a value has a placeholder, a switch has none, and every built entry has a help line", () => {
    for (const flag of flags) expect(flag.placeholder === undefined).toBe(flag.kind === "switch");
    for (const { help } of [...builtFlags, ...builtCommands]) expect(help).not.toBe("");
  });

  test("the spellings of earlier wrappers are known", () => {
    const known = [...flags.flatMap(spellingsOf), ...commands.flatMap(({ name, aliases = [] }) => [name, ...aliases])];
    for (const spelling of [
      ..."--command --packages --info self-update cleanup backup-creds restore-creds --git-session".split(" "),
      ..."--diff-session --merge-session --list-sessions --delete-session --allow-oauth-refresh".split(" "),
      "--disable-background-tasks",
    ])
      expect(known).toContain(spelling);
  });
});

describe("what is made of it", () => {
  const pages = { help: renderHelp(agents, false), man: renderMan(agents).replaceAll("\\-", "-") };
  test.each(Object.entries(pages))(
    "the %s page names every option and command, and nothing that is not built",
    (_, text) => {
      for (const flag of builtFlags) expect(text).toContain(`--${flag.long}`);
      for (const { name } of builtCommands) expect(text).toContain(name);
      for (const flag of flags.filter(({ unbuilt }) => unbuilt))
        expect(text).not.toMatch(new RegExp(`--${flag.long}\\b(?!-)`));
      for (const agent of agents) expect(text).toContain(agent);
    },
  );

  test("help fits a terminal of 120 columns, and is coloured only when asked", () => {
    for (const line of pages.help.split("\n")) expect(line.length).toBeLessThanOrEqual(120);
    expect(pages.help).not.toContain("\u001b");
    expect(renderHelp(agents, true)).toContain("\u001b[1m");
  });

  test("every line of the man page that begins with a dot is a macro", () => {
    for (const line of pages.man.split("\n").filter((text) => /^[.']/.test(text)))
      expect(line).toMatch(/^\.(TH|SH|TP|B|br)\b/);
  });

  test("help of a command, of an unknown one, of one that is not built", async () => {
    expect((await capture(runHelp, [])).text).toStartWith("Runs a coding agent");
    expect((await capture(runHelp, ["trust"])).text).toContain("--revoke");
    const failureOf = (word: string) =>
      capture(runHelp, [word]).then(
        () => [],
        (error: CordonError) => [error.code, error.hint],
      );
    expect(await failureOf("truts")).toEqual(["E_USAGE", "`cordon help trust`"]);
    expect(await failureOf("image")).toContain("E_FEATURE_UNBUILT");
  });

  test("man and completions print themselves", async () => {
    expect((await capture(runMan, [])).text).toStartWith(".TH CORDON 1");
    for (const shell of shells) expect((await capture(runCompletions, [shell])).text).toContain("cordon");
    expect(capture(runCompletions, ["tcsh"])).rejects.toThrow("tcsh");
  });
});

describe("completions", () => {
  const complete = (...words: string[]): string[] => {
    const script = `${renderCompletions("bash", agents)}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _cordon; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const result = spawnSync("bash", ["--norc", "-c", script, "bash", "cordon", ...words], { encoding: "utf8" });
    expect(result.stderr).toBe("");
    return result.stdout.split("\n").filter((line) => line !== "");
  };

  test("bash completes commands, agents, options and their choices, and nothing behind the agent's name", () => {
    expect(complete("cl")).toEqual(["clean", "claude"]);
    expect(complete("--pre")).toEqual(["--preset"]);
    expect(complete("--preset", "")).toEqual(["open", "standard", "strict"]);
    expect(complete("--preset", "strict", "cod")).toEqual(["codex"]);
    expect(complete("--safe", "doc")).toEqual(["doctor"]);
    expect(complete("completions", "f")).toEqual(["fish"]);
    expect(complete("claude", "--pre")).toEqual([]);
  });

  test.each(["zsh", "fish"] as const)("%s knows every option and command", (shell) => {
    const script = renderCompletions(shell, agents);
    for (const { name } of builtCommands) expect(script).toMatch(new RegExp(`\\b${name}\\b`));
    for (const { long } of builtFlags) expect(script).toContain(shell === "zsh" ? `--${long}[` : `-l ${long}`);
    expect(script.replaceAll("\\'", "").match(/'/g)!.length % 2).toBe(0);
  });
});

test("docs/reference is what scripts/reference.ts writes", () => {
  const directory = path.join(import.meta.dirname, "../../docs/reference");
  const pages = renderReference();
  expect(fs.readdirSync(directory).sort()).toEqual(Object.keys(pages).sort());
  for (const [name, text] of Object.entries(pages))
    expect(fs.readFileSync(path.join(directory, name), "utf8")).toBe(text);
});
