import { afterEach, beforeEach, expect, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { SeedFacts } from "../../src/agents/seed.ts";
import { locateState, prepareState } from "../../src/agents/state.ts";
import type { Host } from "../../src/host.ts";
import { placesOf } from "../../src/places.ts";
import { sampleHost } from "../plan/sample.ts";
import { agentOf } from "./desk.ts";

let home: string;
beforeEach(() => {
  home = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "cordon-signed-out-")));
});
afterEach(() => fs.rmSync(home, { recursive: true }));

/** The settings that stand inside. */
const settingsOf = async (name: string, facts: Partial<SeedFacts>) => {
  const host: Host = { ...sampleHost, home, realHome: home, cwd: home, env: {}, places: placesOf({}, home, 1000) };
  const states = locateState(agentOf(name), host, path.join(home, "project"), "broker");
  await prepareState(states, { values: {}, keys: [], files: [], ...facts });
  return JSON.parse(fs.readFileSync(path.join(states[0]!.host, "settings.json"), "utf8"));
};

test("Claude Code says how to sign in as long as nobody is", async () => {
  const out = await settingsOf("claude", { isSignedOut: true });
  expect(out.companyAnnouncements).toEqual([expect.stringContaining("`cordon login claude`")]);
  expect((await settingsOf("claude", { hasLogin: true })).companyAnnouncements).toBeUndefined();
});

test("Gemini CLI does not ask for the kind of login where there is one; a key comes before it", async () => {
  const typeOf = async (facts: Partial<SeedFacts>) => (await settingsOf("gemini", facts)).security?.auth?.selectedType;
  expect(await typeOf({})).toBeUndefined();
  expect(await typeOf({ hasLogin: true })).toBe("oauth-personal");
  expect(await typeOf({ hasLogin: true, keys: ["GEMINI_API_KEY"] })).toBe("gemini-api-key");
});
