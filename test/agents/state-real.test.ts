import { describe, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { cordonBinary } from "../binary.ts";
import { createWorld, type World } from "../conformance/world.ts";
import { startModelServer } from "../models/server.ts";
import { readTree } from "./history-desk.ts";
import { type AgentName, findAgents, type InstalledAgent } from "./install.ts";
import { recipes } from "./recipes.ts";

/** What the real agents write to their own state inside, and what of the user's works there. */

const installed = await findAgents();
const patienceMs = 120_000;

const openStage = async (name: AgentName, agent: InstalledAgent) => {
  const world = createWorld({ cordon: [cordonBinary()], limits: false });
  const model = await startModelServer({ turns: [], final: "All done." });
  const places = [agent.bin, path.dirname(Bun.which("node") ?? "/usr/bin/node"), "/usr/local/bin", "/usr/bin", "/bin"];
  const env = { ...recipes[name].prepare(world, model.url), PATH: places.join(":"), TERM: "xterm-256color" };
  const close = async () => {
    await model.close();
    world.cleanup();
  };
  return { world, model, env, close };
};

/** Everything of the user's own agents, and nothing of cordon's. */
const ownFiles = ({ home }: World) =>
  Object.fromEntries(
    Object.entries(readTree(home)).filter(([name]) => /^\.(claude|codex|gemini|elsewhere)/.test(name)),
  );

type Writing = { name: "claude" | "codex" | "gemini"; add: string[]; ask: string[]; env?: (world: World) => object };
const writing: Writing[] = [
  { name: "claude", add: ["mcp", "add", "probe", "--", "/bin/true"], ask: ["mcp", "get", "probe"] },
  {
    ...{ name: "claude", add: ["mcp", "add", "probe", "--", "/bin/true"], ask: ["mcp", "get", "probe"] },
    env: ({ home }) => ({ CLAUDE_CONFIG_DIR: path.join(home, ".elsewhere") }),
  },
  { name: "codex", add: ["mcp", "add", "probe", "--", "/bin/true"], ask: ["mcp", "list"] },
  { name: "gemini", add: ["mcp", "add", "--scope", "user", "probe", "/bin/true"], ask: ["mcp", "list"] },
];

describe.if(installed !== undefined)("settings that the agent writes inside", () => {
  test.each(
    writing.map((entry) => [`${entry.name}${entry.env ? " in a directory of its user's choice" : ""}`, entry] as const),
  )(
    "%s: they are kept, privately",
    async (_, { name, add, ask, env: more }) => {
      const { world, env, close } = await openStage(name, installed![name]);
      try {
        for (const file of [".claude.json", ".elsewhere/.claude.json"])
          world.write(path.join(world.home, file), '{"theme":"dark"}');
        const own = { ...env, ...more?.(world) };
        const before = ownFiles(world);
        expect(await world.run([name, ...add], { env: own })).toMatchObject({
          code: 0,
          stderr: expect.not.stringMatching(/EROFS|EBUSY|EXDEV|ELOCKED/),
        });
        const asked = await world.run([name, ...ask], { env: own });
        expect(asked.stdout + asked.stderr).toContain("/bin/true");
        expect(ownFiles(world)).toEqual(before);
      } finally {
        await close();
      }
    },
    patienceMs,
  );

  test(
    "a plugin that Claude Code installs inside works there beside the user's own, and is nowhere outside",
    async () => {
      const { world, env, close } = await openStage("claude", installed!.claude);
      try {
        const plugin = (place: string, file: string, value: object) =>
          world.write(path.join(world.project, "market", place, ".claude-plugin", file), JSON.stringify(value));
        const entry = { name: "inner", source: "./inner", description: "a plugin" };
        plugin("", "marketplace.json", { name: "market", owner: { name: "x" }, plugins: [entry] });
        plugin("inner", "plugin.json", { name: "inner", version: "1.0.0" });
        const known = world.write(path.join(world.home, ".claude/plugins/known_marketplaces.json"), "{}");
        const before = ownFiles(world);
        const claude = (...words: string[]) => world.run(["claude", "plugin", ...words], { env });
        expect(await claude("marketplace", "add", "./market")).toMatchObject({ code: 0 });
        expect(await claude("install", "inner@market")).toMatchObject({ code: 0 });
        expect((await claude("list")).stdout).toContain("inner@market");
        expect(fs.readFileSync(known, "utf8")).toBe("{}");
        expect(ownFiles(world)).toEqual(before);
      } finally {
        await close();
      }
    },
    patienceMs,
  );
});

describe.if(installed !== undefined)("the user's settings inside", () => {
  test(
    "Claude Code: memory reaches the model, hooks run, and a write to them reaches nothing outside",
    async () => {
      const { world, model, env, close } = await openStage("claude", installed!.claude);
      try {
        const write = (name: string, text: string) => world.write(path.join(world.home, ".claude", name), text, 0o755);
        write("CLAUDE.md", "remember the pineapple\n");
        write("skills/kumquat/SKILL.md", "---\nname: kumquat\ndescription: a skill of the user's\n---\n");
        const ran =
          '#!/bin/sh\nbasename "$0" >> "$CLAUDE_PROJECT_DIR/ran"\nfor f in CLAUDE.md skills/kumquat/SKILL.md; do echo x >> ~/.claude/$f; done\nexit 0\n';
        write("hooks/one.sh", ran);
        write("status-line.sh", ran);
        const hooks = ["~/.claude/hooks/one.sh", "bash ~/.claude/status-line.sh"].map((command) => ({
          type: "command",
          command,
        }));
        write("settings.json", JSON.stringify({ hooks: { UserPromptSubmit: [{ hooks }] } }));
        const before = ownFiles(world);
        expect(await world.run(["claude", "-p", "do it"], { env })).toMatchObject({ code: 0 });
        expect(fs.readFileSync(path.join(world.project, "ran"), "utf8").trim().split("\n").sort()).toEqual([
          "one.sh",
          "status-line.sh",
        ]);
        expect(JSON.stringify(model.requests)).toContain("remember the pineapple");
        expect(ownFiles(world)).toEqual(before);
      } finally {
        await close();
      }
    },
    patienceMs,
  );
});
