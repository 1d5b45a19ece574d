import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { hookPrograms, missingPrograms, nameMissing, type Sight } from "../../src/agents/hook-programs.ts";
import { mountsOfState } from "../../src/agents/state.ts";
import type { Mount } from "../../src/plan/plan.ts";
import { agentOf } from "../agents-data/desk.ts";
import { type Desk, openDesk } from "./history-desk.ts";

let desk: Desk;
beforeEach(() => {
  desk = openDesk();
});
afterEach(() => desk.close());

const claude = agentOf("claude");
const hook = (...commands: string[]) => ({
  hooks: { PreToolUse: [{ matcher: "*", hooks: commands.map((command) => ({ type: "command", command })) }] },
});
const spelt = (settings: object, agent = claude) =>
  hookPrograms(agent, [settings as never]).map(({ spelling }) => spelling);

test.each([
  ["~/bin/check.sh", ["~/bin/check.sh"]],
  ["$HOME/bin/check.sh --fast", ["~/bin/check.sh"]],
  ['bash "/opt/my-hooks/a.sh" x', ["bash", "/opt/my-hooks/a.sh"]],
  ["FORCE=1 jq -r .a | tee /tmp/log && notify-send done", ["jq", "tee", "notify-send"]],
  ["$CLAUDE_PROJECT_DIR/.claude/hooks/x.sh", []],
  ["python3 -u ~/.claude/hooks/x.py", ["python3", "~/.claude/hooks/x.py"]],
  ["", []],
])("a hook's line: %s", (line, expected) => {
  expect(spelt(hook(line))).toEqual(expected);
});

test("status line, and what other agents run; anything else in the settings is data", () => {
  expect(spelt({ statusLine: { type: "command", command: "~/.claude/line.sh" }, model: "x", hooks: "odd" })).toEqual([
    "~/.claude/line.sh",
  ]);
  expect(spelt({ notify: ["/opt/notify", "-x"], command: "no" }, agentOf("codex"))).toEqual(["/opt/notify"]);
  expect(spelt(hook("~/g.sh"), agentOf("gemini"))).toEqual(["~/g.sh"]);
});

const sight = (mounts: Mount[] = []): Sight => {
  const states = desk.locate("claude");
  const find = (name: string) => (name === "hidden-tool" ? desk.at("tools/hidden-tool") : undefined);
  return { host: desk.host, states, mounts: [...mountsOfState(states, claude), ...mounts], find };
};
const missing = (line: string, mounts?: Mount[]) =>
  missingPrograms(hookPrograms(claude, [hook(line) as never]), sight(mounts)).map(({ file }) => file);

test("missing is what is there outside and not inside", () => {
  const file = desk.write("tools/hidden-tool", "");
  desk.write(".claude/hooks/x.sh", "");
  desk.write(".claude/private/x.sh", "");
  expect(missing(file)).toEqual([file]);
  expect(missing("hidden-tool --all")).toEqual([file]);
  expect(missing("~/tools/hidden-tool")).toEqual([file]);
  expect(missing("nowhere; /nowhere/at-all")).toEqual([]);
  expect(missing("~/.claude/hooks/x.sh")).toEqual([]);
  expect(missing("~/.claude/private/x.sh")).toEqual([desk.at(".claude/private/x.sh")]);
  const shown = path.dirname(file);
  expect(missing(file, [{ kind: "bind", source: shown, target: shown, mode: "ro", origin: "" }])).toEqual([]);
  expect(missing(file, [{ kind: "tmpfs", target: shown, permissions: 0o700, origin: "" }])).toEqual([file]);
});

test("a link inside that leads to what is hidden is missing as well", () => {
  desk.write("tools/real", "");
  fs.mkdirSync(desk.at("shown"));
  fs.symlinkSync("../tools/real", desk.at("shown/link"));
  const mounts: Mount[] = [
    { kind: "bind", source: desk.at("shown"), target: desk.at("shown"), mode: "ro", origin: "" },
  ];
  expect(missing("~/shown/link", mounts)).toEqual([desk.at("shown/link")]);
});

describe("each is named once in a project", () => {
  test("with the option that shows it", async () => {
    await desk.start("claude");
    const states = desk.locate("claude");
    const one = { spelling: "~/a.sh", setting: "hooks", file: desk.at("a.sh") };
    const other = { spelling: "b", setting: "statusLine.command", file: desk.at("b") };
    expect(nameMissing(claude, states, [one])).toEqual([
      `your claude setting \`hooks\` runs ~/a.sh, which is hidden inside; \`--allow-readonly ${desk.at("a.sh")}\` shows it`,
    ]);
    expect(nameMissing(claude, states, [one, other]).length).toBe(1);
    expect(nameMissing(claude, states, [one, other])).toEqual([]);
  });
});
