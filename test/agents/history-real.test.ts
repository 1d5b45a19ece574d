import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { exportHistory } from "../../src/agents/history-export.ts";
import { locateState } from "../../src/agents/state.ts";
import type { Host } from "../../src/host.ts";
import { placesOf } from "../../src/places.ts";
import { agentOf } from "../agents-data/desk.ts";
import { cordonBinary } from "../binary.ts";
import { createWorld, type World } from "../conformance/world.ts";
import { startModelServer } from "../models/server.ts";
import { sampleHost } from "../plan/sample.ts";
import { type AgentName, findAgents, type InstalledAgent } from "./install.ts";
import { recipes } from "./recipes.ts";

/** Conversations go on from outside to inside and back, with the real agents. */

const installed = await findAgents();
const patienceMs = 180_000;

/** What each is told outside, for a new conversation and to go on with one. */
const outside: Record<AgentName, { task: string[]; resume: (id: string) => string[] }> = {
  claude: {
    task: ["--dangerously-skip-permissions", "-p", "do it"],
    resume: (id) => ["--dangerously-skip-permissions", "--resume", id, "-p", "go on"],
  },
  codex: {
    task: ["exec", "--dangerously-bypass-approvals-and-sandbox", "do it"],
    resume: (id) => ["exec", "--dangerously-bypass-approvals-and-sandbox", "resume", id, "go on"],
  },
  gemini: { task: ["--yolo", "-p", "do it"], resume: () => ["--yolo", "--resume", "latest", "-p", "go on"] },
  opencode: { task: ["run", "do it"], resume: () => ["run", "--continue", "go on"] },
};

const script = {
  turns: [
    ...[{ shell: "echo planted-elsewhere" }, { say: "That was another project." }],
    ...[{ shell: "echo said-outside" }, { say: "The first part is done." }],
    ...[{ shell: "echo said-inside" }, { say: "The second part is done." }],
    { shell: "echo said-again" },
  ],
  final: "All done.",
};

const openStage = async (name: AgentName, agent: InstalledAgent) => {
  const world = createWorld({ cordon: [cordonBinary()], limits: false });
  const model = await startModelServer(script);
  const recipe = recipes[name];
  const places = [agent.bin, path.dirname(Bun.which("node") ?? "/usr/bin/node"), "/usr/local/bin", "/usr/bin", "/bin"];
  const env = { ...recipe.prepare(world, model.url), PATH: places.join(":"), TERM: "xterm-256color" };
  if (name === "gemini")
    world.write(
      path.join(world.home, ".gemini/settings.json"),
      '{"security":{"auth":{"selectedType":"gemini-api-key"}}}',
    );
  for (const directory of [world.project, world.elsewhere]) makeRepository(directory, world);
  /** Without cordon. */
  const runOutside = async (words: string[], cwd = world.project): Promise<string> => {
    const child = Bun.spawn([path.join(agent.bin, agentOf(name).command), ...words], {
      ...{ cwd, stdio: ["ignore", "pipe", "pipe"], timeout: patienceMs },
      env: { ...env, ...agentOf(name).env, HOME: world.home, IS_SANDBOX: "1" },
    });
    const [text, problem] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    expect({ code: await child.exited, problem }).toMatchObject({ code: 0 });
    return text;
  };
  /** What the commands of the conversation have said so far, as the model was last told; one may tell it twice. */
  const heard = (): (string | undefined)[] => {
    const results = model.requests.findLast(({ toolResults }) => toolResults?.length)?.toolResults ?? [];
    return [...new Set(results.map(({ text }) => /(said|planted)-\w+/.exec(text)?.[0]))];
  };
  const close = async () => {
    await model.close();
    world.cleanup();
  };
  return { world, env, runOutside, heard, close };
};

const makeRepository = (directory: string, { home }: World): void => {
  const identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"];
  for (const words of [
    ["init", "-q"],
    [...identity, "commit", "-q", "--allow-empty", "-m", directory],
  ])
    spawnSync("git", ["-C", directory, ...words], { env: { PATH: process.env["PATH"], HOME: home } });
};

const statesOf = (name: AgentName, { home, project }: World) => {
  const host: Host = {
    ...sampleHost,
    home,
    realHome: home,
    cwd: project,
    project,
    env: {},
    places: placesOf({}, home, 0),
  };
  return locateState(agentOf(name), host, project, "broker");
};

const grep = (directory: string, text: string): string[] =>
  fs
    .readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((file) => fs.lstatSync(path.join(directory, file)).isFile())
    .filter((file) => fs.readFileSync(path.join(directory, file), "latin1").includes(text));

describe.if(installed !== undefined)("a conversation", () => {
  for (const name of Object.keys(recipes) as AgentName[]) {
    test(
      `${name}: begun outside, it goes on inside, and outside again; another project's is never there`,
      async () => {
        const { world, env, runOutside, heard, close } = await openStage(name, installed![name]);
        try {
          await runOutside(outside[name].task, world.elsewhere);
          await runOutside(outside[name].task);
          const inside = await world.run([name, ...recipes[name].resume], { env });
          expect(inside).toMatchObject({ code: 0, stdout: expect.stringContaining("The second part is done.") });
          expect(heard()).toEqual(["said-outside", "said-inside"]);
          const state = path.join(world.home, ".local/state/cordon/projects");
          expect(grep(state, "said-inside").length).toBeGreaterThan(0);
          expect(grep(state, "planted-elsewhere")).toEqual([]);
          const handed = exportHistory(agentOf(name), statesOf(name, world));
          expect(handed.left).toEqual([]);
          if (name === "opencode") return;
          expect(handed.copied.length).toBeGreaterThan(0);
          const id = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(handed.copied[0]!.resume)?.[0] ?? "";
          expect(await runOutside(outside[name].resume(id))).toContain("All done.");
          expect(heard()).toEqual(["said-outside", "said-inside", "said-again"]);
        } finally {
          await close();
        }
      },
      patienceMs,
    );
  }

  test(
    "codex: one that is newer outside is found although the agent inside has an index",
    async () => {
      const { world, env, runOutside, heard, close } = await openStage("codex", installed!.codex);
      try {
        await world.run(["codex", ...recipes.codex.task], { env });
        await runOutside(outside.codex.task);
        await world.run(["codex", ...recipes.codex.resume], { env });
        expect(heard()).toEqual(["said-outside", "said-inside"]);
      } finally {
        await close();
      }
    },
    patienceMs,
  );
});
