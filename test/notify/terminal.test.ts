import { afterEach, beforeEach, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { cordonBinary } from "../binary.ts";
import { type OuterPty, openOuterPty } from "../terminal/outer-pty.ts";

/** An agent on a terminal, and a program of the user's that is told. */

let outer: OuterPty;
let project: string;
const at = (name: string): string => path.join(outer.home, name);
const told = (): string[] =>
  fs.existsSync(at("told")) ? fs.readFileSync(at("told"), "utf8").split(/ *\n/).slice(0, -1) : [];

const put = (file: string, text: string, mode = 0o644): void => {
  fs.mkdirSync(path.dirname(at(file)), { recursive: true });
  fs.writeFileSync(at(file), text, { mode });
};

beforeEach(async () => {
  outer = openOuterPty();
  project = at("project");
  fs.mkdirSync(project);
  const line = '"$CORDON_EVENT $CORDON_AGENT $CORDON_EXIT_CODE"';
  put("tell", `#!/bin/sh\necho ${line} >> ${at("told")}\n`, 0o755);
  put(
    ".config/cordon/config.toml",
    `[notify]\ncommand = ["${at("tell")}"]\nafter = "1ms"\n[agents.mine]\ncommand = "sh"\n`,
  );
  await outer.see(/\$?> $/);
});
afterEach(() => outer.close());

const start = (words: string): void =>
  outer.type(`cd ${project}; XDG_RUNTIME_DIR=${outer.home} ${cordonBinary()} --net none ${words}\r`);
/** What the agent does: BEL written as an escape, so that typing it rings nothing. */
const call = "sleep 3; printf 'rang\\007'; read line; echo went on; exit 5";

test("an agent that rings is heard while it waits, and its end with its status", async () => {
  start(`mine -c "${call}"`);
  await outer.see(/rang\u0007/);
  while (told().length < 1) await Bun.sleep(20);
  expect(told()).toEqual(["waiting mine"]);
  outer.type("\r");
  await outer.see(/went on[\s\S]*5> $/);
  expect(told()).toEqual(["waiting mine", "finished mine 5"]);
}, 60_000);

test("a shell's bell is no call, and --no-notify means silence", async () => {
  start(`run -- sh -c "${call}"`);
  await outer.see(/rang\u0007/);
  outer.type("\r");
  await outer.see(/went on[\s\S]*5> $/);
  expect(told()).toEqual(["finished run 5"]);
  start(`--no-notify mine -c "exit 6"`);
  await outer.see(/6> $/);
  expect(told()).toHaveLength(1);
}, 60_000);

test("--notify bell rings for an agent that shows a notification only", async () => {
  start(`--notify bell mine -c "sleep 3; printf 'shown\\033]9;hello\\033\\\\\\\\'; read line; exit 5"`);
  await outer.see(/\u0007shown\x1b\]9;hello/);
  outer.type("\r");
  await outer.see(/5> $/);
}, 60_000);
