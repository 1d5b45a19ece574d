import { afterEach, beforeEach, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { catalog } from "../../src/agents/catalog.ts";
import { locateState } from "../../src/agents/state.ts";
import { findCredentials } from "../../src/credentials/find.ts";
import { keepLogin, keepToken, keptLoginFile, keptTokenFile, readKeptToken } from "../../src/credentials/kept.ts";
import type { Host } from "../../src/host.ts";
import { placesOf } from "../../src/places.ts";
import { sampleHost } from "../plan/sample.ts";
import { claudeText, claudeTokens, exchangeWith, makeHome, startIssuer } from "./lab.ts";

let lab: ReturnType<typeof makeHome>;
let issuer: ReturnType<typeof startIssuer>;
beforeEach(() => {
  lab = makeHome();
  issuer = startIssuer("refresh-0");
});
afterEach(() => {
  issuer.stop();
  lab.remove();
});

const hourMs = 3_600_000;
const places = () => placesOf({}, lab.home, 1000);
const find = (env: Record<string, string> = {}) => {
  const agent = catalog.find(({ name }) => name === "claude")!;
  const host: Host = { ...sampleHost, home: lab.home, realHome: lab.home, cwd: lab.home, env, places: places() };
  const states = locateState(agent, host, host.cwd, "broker");
  const baseUrls = { allow: [], hostPorts: [] };
  const exchange = exchangeWith(issuer.url);
  return findCredentials({ agent, host, states, baseUrls, exchange, mode: "broker", services: {} });
};
const valuesOf = async (env?: Record<string, string>) =>
  [...(await find(env)).live].map(([name, live]) => [name, live.value()]);
const keepClaude = (access: string, expiresAtMs = Date.now() + 8 * hourMs) =>
  keepLogin(places(), "claude", claudeText(access, "refresh-0", expiresAtMs));

test("a kept login stands in like the agent's own, and is renewed where it is kept", async () => {
  keepClaude("old", Date.now() - hourMs);
  const found = await find();
  expect(found.files).toMatchObject([{ state: ".claude", name: ".credentials.json" }]);
  expect(JSON.stringify(found.files)).not.toMatch(/"old"|refresh-|access-/);
  expect([...found.live.values()].map((live) => live.value())).toEqual(["access-1"]);
  expect(claudeTokens(keptLoginFile(places(), "claude"))).toMatchObject({
    accessToken: "access-1",
    refreshToken: "refresh-1",
  });
  expect(fs.existsSync(path.join(lab.home, ".claude"))).toBe(false);
});

test("the agent's own login comes first; when it is no longer good, the kept one takes its place", async () => {
  keepClaude("kept");
  lab.write(".claude/.credentials.json", claudeText("own", null, Date.now() + hourMs));
  expect(await valuesOf()).toEqual([["claude claudeAiOauth", "own"]]);
  lab.write(".claude/.credentials.json", claudeText("own", null, Date.now() - hourMs));
  expect(await valuesOf()).toEqual([["claude claudeAiOauth", "kept"]]);
  expect((await find()).notes.join()).toContain("~/.claude/.credentials.json");
});

test("a kept token counts when neither a variable nor a login is there, and before the agent's own settings", async () => {
  keepToken(places(), "claude", { variable: "CLAUDE_CODE_OAUTH_TOKEN", value: "kept" });
  lab.write(".claude.json", '{"primaryApiKey":"of-settings"}');
  expect(await valuesOf()).toEqual([["CLAUDE_CODE_OAUTH_TOKEN", "kept"]]);
  expect(await valuesOf({ ANTHROPIC_API_KEY: "set" })).toEqual([["ANTHROPIC_API_KEY", "set"]]);
  lab.write(".claude/.credentials.json", claudeText("own", null, Date.now() + hourMs));
  expect(await valuesOf()).toEqual([["claude claudeAiOauth", "own"]]);
});

test("one is kept for each agent: a login drops the token, a token the login", () => {
  keepToken(places(), "claude", { variable: "ANTHROPIC_API_KEY", value: "kept" });
  keepClaude("kept");
  expect(readKeptToken(places(), "claude")).toBeUndefined();
  keepToken(places(), "claude", { variable: "ANTHROPIC_API_KEY", value: "kept" });
  expect(fs.existsSync(keptLoginFile(places(), "claude"))).toBe(false);
  expect(readKeptToken(places(), "codex")).toBeUndefined();
});

test.each(["", "{", "[]", '{"variable":"A"}', '{"variable":1,"value":"x"}'])("a damaged file %j is none", (text) => {
  keepToken(places(), "claude", { variable: "ANTHROPIC_API_KEY", value: "kept" });
  fs.writeFileSync(keptTokenFile(places(), "claude"), text);
  expect(readKeptToken(places(), "claude")).toBeUndefined();
});
