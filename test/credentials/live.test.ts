import { afterAll, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { askCommand } from "../../src/credentials/command.ts";
import { claudeItem, readCommand, writeLine } from "../../src/credentials/keychain.ts";
import { askedCredential, fixedCredential } from "../../src/credentials/live.ts";
import { makeHome } from "./lab.ts";

const lab = makeHome();
afterAll(lab.remove);
const bin = path.join(lab.home, "bin");
fs.mkdirSync(bin);
const program = path.join(bin, "vault");
fs.writeFileSync(program, '#!/bin/sh\nprintf "\\n  %s \\nsecond\\n" "$1-$VAULT"\n', { mode: 0o755 });
const host = { env: { PATH: `${bin}:/usr/bin:/bin`, HOME: lab.home, VAULT: "v" }, cwd: path.join(lab.home, "project") };

test("the first line that a helper prints, by the user's own variables", async () => {
  expect(await askCommand(["vault", "$(id)"], host)).toBe("$(id)-v");
  expect(await askCommand("vault one | cat", host)).toBe("one-v");
});

test("a helper that fails, prints nothing or is not there gives nothing", async () => {
  for (const command of ["echo half; exit 3", "true", "exec >&-"])
    expect(await askCommand(command, host)).toBeUndefined();
  expect(await askCommand(["no-such-program"], host)).toBeUndefined();
});

test("a program of the project's is never a helper", async () => {
  const own = path.join(host.cwd, "bin");
  fs.mkdirSync(own, { recursive: true });
  fs.copyFileSync(program, path.join(own, "evil"));
  const env = { ...host.env, PATH: `${own}:${host.env.PATH}` };
  expect(await askCommand(["evil", "x"], { ...host, env })).toBeUndefined();
});

test("a value is asked for when it is first needed, and again when its time is over or the server refuses it", async () => {
  const clock = { ms: 1000 };
  const answers = ["one", "two", undefined, "three", "four"];
  let asked = 0;
  const ask = async () => answers[asked++];
  const live = askedCredential(ask, { ttlMs: 60_000, now: () => clock.ms });
  expect(live.value()).toBeUndefined();
  const pending = live.freshen();
  expect(live.freshen()).toBe(pending);
  await pending;
  expect([live.value(), live.freshen()]).toEqual(["one", undefined]);
  live.reject("one");
  expect(live.freshen()).toBeUndefined();
  clock.ms += 301_000;
  await live.freshen();
  expect(live.value()).toBe("two");
  clock.ms += 61_000;
  await live.freshen();
  expect(live.value()).toBe("two");
  expect(asked).toBe(3);
  clock.ms += 61_000;
  await live.freshen();
  expect(live.value()).toBe("three");
  clock.ms -= 1e9;
  await live.freshen();
  expect(live.value()).toBe("four");
  expect(live.secrets()).toEqual(["one", "two", "three", "four"]);
});

test("one that always fails is asked every thirty seconds at most, and never rejects", async () => {
  let asked = 0;
  const clock = { ms: 0 };
  const ask = async () => {
    asked += 1;
    throw new Error("no");
  };
  const live = askedCredential(ask, { now: () => clock.ms });
  for (let step = 0; step < 10; step += 1) {
    await live.freshen();
    clock.ms += 10_000;
  }
  expect(asked).toBe(4);
  expect(live.value()).toBeUndefined();
});

test("a fixed value stays", () => {
  const live = fixedCredential("x");
  live.reject("x");
  expect([live.value(), live.freshen(), live.secrets()]).toEqual(["x", undefined, ["x"]]);
});

test("the Keychain's commands, with the secret on the input and in no argument", () => {
  const item = claudeItem("ada", undefined);
  expect(item).toEqual({ service: "Claude Code-credentials", account: "ada" });
  expect(claudeItem('a b"; x', "/h/c").account).toBe("claude-code-user");
  // The first eight digits of the directory's SHA-256.
  expect(claudeItem("ada", "/h/c").service).toMatch(/^Claude Code-credentials-[0-9a-f]{8}$/);
  expect(claudeItem("ada", "/h/c")).not.toEqual(claudeItem("ada", "/h/d"));
  expect(readCommand(item)).toEqual(["find-generic-password", "-a", "ada", "-w", "-s", "Claude Code-credentials"]);
  expect(writeLine(item, '{"a":"ü"}')).toBe(
    'add-generic-password -U -a "ada" -s "Claude Code-credentials" -X "7b2261223a22c3bc227d"\n',
  );
  expect(writeLine(item, "x".repeat(2000))).toBeUndefined();
});
