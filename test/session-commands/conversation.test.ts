import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import path from "node:path";
import { type AgentName, findAgents } from "../agents/install.ts";
import { recipes } from "../agents/recipes.ts";
import { cordonBinary } from "../binary.ts";
import { createWorld } from "../conformance/world.ts";
import { startModelServer } from "../models/server.ts";

/** `cordon resume` with the other real agents: each goes on with what was said in its session. */

const names = ["codex", "gemini", "opencode"] as const;
const installed = await findAgents(names);
const patienceMs = 180_000;

/** As one asks for it without a terminal; what makes it go on is cordon's. */
const words: Record<(typeof names)[number], string[]> = {
  codex: ["exec", "go on"],
  gemini: ["-p", "go on"],
  opencode: ["run", "go on"],
};
const turns = [{ shell: "echo said-first" }, { say: "The first part is done." }, { shell: "echo said-then" }];

describe.if(installed !== undefined)("a session goes on with its conversation", () => {
  test.each(names)(
    "%s",
    async (name: AgentName & (typeof names)[number]) => {
      const world = createWorld({ cordon: [cordonBinary()], limits: false });
      const model = await startModelServer({ turns, final: "All done." });
      try {
        const node = path.dirname(Bun.which("node") ?? "/usr/bin/node");
        const places = [installed![name].bin, node, "/usr/local/bin", "/usr/bin", "/bin"];
        const env = { ...recipes[name].prepare(world, model.url), PATH: places.join(":"), TERM: "xterm-256color" };
        if (name === "gemini")
          world.write(
            path.join(world.home, ".gemini/settings.json"),
            '{"security":{"auth":{"selectedType":"gemini-api-key"}}}',
          );
        spawnSync("git", ["init", "-q"], { cwd: world.project, env: { PATH: "/usr/bin:/bin", HOME: world.home } });
        world.own();
        const first = await world.run(["--session", "s", name, ...recipes[name].task], { env });
        expect(first).toMatchObject({ code: 0, stdout: expect.stringContaining("The first part is done.") });
        const then = await world.run(["resume", "s", ...words[name]], { env });
        expect(then).toMatchObject({ code: 0, stdout: expect.stringContaining("All done.") });
        const heard = model.toolResults().map(({ text }) => /said-\w+/.exec(text)?.[0]);
        expect([...new Set(heard)]).toEqual(["said-first", "said-then"]);
      } finally {
        await model.close();
        spawnSync("chmod", ["-R", "u+rwx", world.base]);
        world.cleanup();
      }
    },
    patienceMs,
  );
});
