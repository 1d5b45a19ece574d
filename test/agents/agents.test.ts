import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { cordonBinary } from "../binary.ts";
import { createWorld, secret, type World } from "../conformance/world.ts";
import { startModelServer } from "../models/server.ts";
import { type AgentName, findAgents, type InstalledAgent } from "./install.ts";
import { canaryFiles, recipes, script } from "./recipes.ts";

const cordon = [cordonBinary()];
const names = Object.keys(recipes) as AgentName[];
const patienceMs = 180_000;

const installed = await findAgents();

/** A user with a project under version control, fake secrets, and an agent on PATH that talks to a scripted model. */
const openStage = async (name: AgentName, agent: InstalledAgent, uid: number | undefined) => {
  const world = createWorld({ cordon, limits: false, ...(uid !== undefined && { uid }) });
  const model = await startModelServer(script);
  for (const file of canaryFiles) world.write(path.join(world.home, file), `${secret}\n`);
  spawnSync("git", ["init", "-q", world.project], { env: { PATH: process.env["PATH"], HOME: world.home } });
  const own = recipes[name].prepare(world, model.url);
  world.own();
  const places = [agent.bin, path.dirname(Bun.which("node") ?? "/usr/bin/node"), "/usr/local/bin", "/usr/bin", "/bin"];
  const env = { ...own, PATH: places.join(":"), TERM: "xterm-256color", PLANTED: secret };
  const close = async () => {
    await model.close();
    world.cleanup();
  };
  return { world, model, env, close };
};

const read = (world: World, name: string): string | undefined => {
  const file = path.join(world.project, name);
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
};

/** With the default network: the scripted model answered, and whatever else an agent tries by itself reached nothing. */
const expectOnlyModel = (world: World, port: number): void => {
  const text = readFileSync(path.join(world.home, ".local/state/cordon/audit.jsonl"), "utf8");
  const reached = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { event: string; host: string; port?: number; rule?: { origin: string } })
    .filter(({ event }) => event === "allowed");
  const other = reached.filter((entry) => !/^(agent|preset) /.test(entry.rule?.origin ?? ""));
  expect(other.length).toBeGreaterThan(0);
  expect(other.filter((entry) => entry.host !== "localhost" || entry.port !== port)).toEqual([]);
};

const canReach = (directory: string): boolean =>
  directory === "/" || ((statSync(directory).mode & 0o001) !== 0 && canReach(path.dirname(directory)));

const describeUser = (title: string, uid: number | undefined) => {
  describe.if(installed !== undefined)(title, () => {
    for (const name of names) {
      const agent = installed?.[name];
      const isReachable = uid === undefined || (agent !== undefined && canReach(agent.readable[0]!));
      if (agent && !isReachable) console.warn(`${title} cannot reach ${agent.readable[0]}: set CORDON_TEST_CACHE`);
      test.if(isReachable)(
        `${name} does its task, sees no secret, and goes on with it later`,
        async () => {
          const { world, model, env, close } = await openStage(name, agent!, uid);
          try {
            const first = await world.run([name, ...recipes[name].task], { env });
            expect(first).toMatchObject({ code: 0, stdout: expect.stringContaining("The first part is done.") });
            expect([read(world, "out.txt"), read(world, "new.txt")]).toEqual(["from-shell\n", "goodbye\n"]);
            expect(statSync(path.join(world.project, "new.txt")).uid).toBe(world.uid);
            const second = await world.run([name, ...recipes[name].resume], { env });
            expect(second).toMatchObject({ code: 0, stdout: expect.stringContaining("All done.") });
            expect(read(world, "again.txt")).toBe("resumed\n");
            // The whole conversation went along with the last request: it was resumed, not begun again.
            const texts =
              model.requests.at(-1)!.toolResults?.map(({ text }) => text) ??
              model.toolResults().map(({ text }) => text);
            expect(texts.length).toBeGreaterThanOrEqual(4);
            expect(texts[0]).toContain("from-shell");
            expect(JSON.stringify(model.requests)).not.toContain(secret);
            for (const file of canaryFiles)
              expect(readFileSync(path.join(world.home, file), "utf8")).toBe(`${secret}\n`);
            expectOnlyModel(world, Number(new URL(model.url).port));
          } finally {
            await close();
          }
        },
        patienceMs,
      );
    }
  });
};

describeUser("root or the user of the tests", undefined);
if (process.getuid?.() === 0) describeUser("uid 1234", 1234);

describe.if(installed !== undefined)("outside of a sandbox", () => {
  test(
    "the same task finds the secrets: the script can tell the difference",
    async () => {
      const { world, model, env, close } = await openStage("claude", installed!.claude, undefined);
      try {
        const args = ["--dangerously-skip-permissions", ...recipes.claude.task];
        const argv = [path.join(installed!.claude.bin, "claude"), ...args];
        const own = { ...env, HOME: world.home, IS_SANDBOX: "1" };
        const child = Bun.spawn(argv, {
          cwd: world.project,
          env: own,
          stdio: ["ignore", "pipe", "pipe"],
          timeout: patienceMs,
        });
        expect(await child.exited).toBe(0);
        expect(JSON.stringify(model.requests)).toContain(secret);
      } finally {
        await close();
      }
    },
    patienceMs,
  );
});

describe.if(installed !== undefined)("on a terminal", () => {
  const children: Bun.Subprocess[] = [];
  afterAll(() => {
    for (const child of children) child.kill("SIGKILL");
  });

  test(
    "`cordon claude PROMPT` starts working without a question",
    async () => {
      const { world, env, close } = await openStage("claude", installed!.claude, undefined);
      let screen = "";
      const child = Bun.spawn([...cordon, "claude", "do it"], {
        cwd: world.project,
        env: { ...env, HOME: world.home, XDG_RUNTIME_DIR: world.runtime },
        terminal: {
          cols: 100,
          rows: 30,
          data: (_terminal, bytes) => {
            screen += Buffer.from(bytes);
          },
        },
      });
      children.push(child);
      try {
        const deadline = performance.now() + patienceMs / 2;
        while (read(world, "new.txt") !== "goodbye\n" || !screen.includes("first part")) {
          if (performance.now() > deadline || child.exitCode !== null)
            throw new Error(`it did not work: ${JSON.stringify(screen.slice(-3000))}`);
          await Bun.sleep(50);
        }
        // ^C twice is how its users leave.
        for (let presses = 0; child.exitCode === null && presses < 100; presses++) {
          child.terminal?.write("\x03");
          await Bun.sleep(100);
        }
        expect(await child.exited).toBe(0);
      } finally {
        await close();
      }
    },
    patienceMs,
  );
});
