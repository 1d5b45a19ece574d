import { afterEach, expect, test } from "bun:test";
import path from "node:path";
import { cordonBinary } from "../binary.ts";
import { createWorld, type World } from "../conformance/world.ts";

let world: World;
afterEach(() => world.cleanup());

/** Each agent is a script that says what it was called with. */
const open = () => {
  world = createWorld({ cordon: [cordonBinary()], limits: false });
  for (const name of ["claude", "codex"]) {
    world.write(
      path.join(world.home, `.local/bin/${name}`),
      '#!/bin/sh\nbasename "$0"; printf "<%s>\\n" "$@"\n',
      0o755,
    );
  }
};
const said = async (...args: string[]): Promise<string[]> => {
  const { stdout, stderr } = await world.run(args, { env: { PATH: `${world.home}/.local/bin:/usr/bin:/bin` } });
  return `${stdout}${stderr}`.trimEnd().split("\n");
};
const flag = "<--dangerously-skip-permissions>";

test.each([
  ["a prompt", ["fix the tests"], ["<fix the tests>"]],
  ["a prompt and more", ["fix the tests", "--verbose", "--net"], ["<fix the tests>", "<--verbose>", "<--net>"]],
  ["an option of the agent", ["--resume"], ["<--resume>"]],
  ["an option of the agent with a value", ["-p", "fix it"], ["<-p>", "<fix it>"]],
  ["nothing", [], []],
  ["cordon's options first", ["--net", "none", "--timeout", "1m", "fix it"], ["<fix it>"]],
  ["cordon's options after the name are the agent's", ["claude", "--net", "none"], ["<--net>", "<none>"]],
  ["words of a shell", ["claude", "$(id); `id` 'x' \"y\" \n z"], ["<$(id); `id` 'x' \"y\" ", " z>"]],
])("the default agent gets %s", async (_title, args, expected) => {
  open();
  expect(await said(...args)).toEqual(["claude", flag, ...expected]);
});

test("the user's configuration chooses the default agent", async () => {
  open();
  world.write(path.join(world.home, ".config/cordon/config.toml"), 'agent = "codex"\n');
  const words = await said("fix it");
  expect([words[0], words.at(-1)]).toEqual(["codex", "<fix it>"]);
});

test("a word that is neither is not taken for a prompt", async () => {
  open();
  expect(await said("cluade")).toEqual([
    "error: `cluade` is neither a command, an agent nor a prompt",
    "hint: did you mean `cordon claude`? (a prompt has a space in it)",
  ]);
});
