import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import type { Agent } from "../../src/agents/agent.ts";
import { catalog } from "../../src/agents/catalog.ts";
import { locateState } from "../../src/agents/state.ts";
import { type CredentialRequest, findCredentials } from "../../src/credentials/find.ts";
import { demandsOf } from "../../src/egress/base-url.ts";
import { CordonError } from "../../src/errors.ts";
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

const agentOf = (name: string): Agent => catalog.find((agent) => agent.name === name)!;
const requestOf = (
  name: string | undefined,
  env: Record<string, string> = {},
  more: Partial<CredentialRequest> = {},
) => {
  const agent = name === undefined ? undefined : agentOf(name);
  const project = path.join(lab.home, "project");
  const host: Host = {
    ...{ ...sampleHost, home: lab.home, realHome: lab.home, cwd: project },
    ...{ env, places: placesOf({}, lab.home, 1000) },
  };
  const states = agent ? locateState(agent, host, project, "broker") : [];
  const baseUrls = { allow: [], hostPorts: [] };
  const request: CredentialRequest = { agent, host, mode: "broker", services: {}, states, baseUrls };
  return { ...request, exchange: exchangeWith(issuer.url), ...more };
};
const find = (...given: Parameters<typeof requestOf>) => findCredentials(requestOf(...given));
const dump = (found: Awaited<ReturnType<typeof find>>) => JSON.stringify({ ...found, live: [...found.live.keys()] });

describe("keys in variables", () => {
  test("become placeholders, and only the live value is the real one", async () => {
    const found = await find("claude", { ANTHROPIC_API_KEY: "sk-ant-secret" });
    const [injection] = found.injections;
    expect(injection).toMatchObject({ credential: "ANTHROPIC_API_KEY", hosts: ["api.anthropic.com:443"] });
    expect(found.variables).toEqual([
      { name: "ANTHROPIC_API_KEY", value: injection!.placeholder, origin: "--credentials broker" },
    ]);
    expect(found.live.get("ANTHROPIC_API_KEY")!.value()).toBe("sk-ant-secret");
    expect(dump(found)).not.toContain("secret");
    expect(found.allow).toEqual([]);
  });

  test("on its provider's own servers no request is let through that is answered with another one", async () => {
    const found = await find("codex", { OPENAI_API_KEY: "sk-secret" });
    expect(found.deny.map(({ value }) => value)).toContain("POST api.openai.com:443/v1/realtime/client_secrets");
    const allow = [{ value: "gw.test:443", origin: "OPENAI_BASE_URL" }];
    const elsewhere = await find("codex", { OPENAI_API_KEY: "sk-secret" }, { baseUrls: { allow, hostPorts: [] } });
    expect(JSON.stringify(elsewhere.deny)).not.toContain("realtime");
  });

  test("set by hand they come first", async () => {
    const found = await find("codex", { OPENAI_API_KEY: "outer" }, { set: { OPENAI_API_KEY: "by-hand" } });
    expect(found.live.get("OPENAI_API_KEY")!.value()).toBe("by-hand");
  });

  test("the server of a key that is there may be reached", async () => {
    const found = await find("opencode", { GROQ_API_KEY: "k", OPENAI_API_KEY: "k" });
    expect(found.allow).toEqual([{ value: "api.groq.com:443", origin: "GROQ_API_KEY" }]);
  });

  test("one whose server is unknown stays outside, with a note", async () => {
    const found = await find("cursor", { CURSOR_API_KEY: "secret" });
    expect([found.variables, found.injections]).toEqual([[], []]);
    expect(found.notes.join()).toContain("CURSOR_API_KEY stays outside");
    expect(found.notes.join()).toContain("[services.NAME]");
  });

  test("keys that sign are refused by name where they would be used", async () => {
    const keys = { AWS_ACCESS_KEY_ID: "secret", AWS_SECRET_ACCESS_KEY: "secret" };
    expect((await find("claude", keys)).notes).toEqual([]);
    const found = await find("claude", { ...keys, CLAUDE_CODE_USE_BEDROCK: "1" });
    expect([found.variables, found.notes.length]).toEqual([[], 1]);
    expect(found.notes[0]).toContain("the AWS keys stay outside");
  });

  test.each(["share", "none"] as const)("with %s nothing is found", async (mode) => {
    lab.write(".claude/.credentials.json", claudeText("a", "refresh-0", 0));
    const found = await find("claude", { ANTHROPIC_API_KEY: "k" }, { mode });
    expect([found.injections, found.variables, found.files, found.deny, found.notes]).toEqual([[], [], [], [], []]);
    expect(issuer.state.bodies).toEqual([]);
  });
});

describe("servers of the user's own", () => {
  const urls = (...list: [string, string][]) => ({
    baseUrls: demandsOf(list.map(([origin, url]) => ({ origin, url }))),
  });
  const env = { ANTHROPIC_API_KEY: "k", AWS_BEARER_TOKEN_BEDROCK: "b" };
  const hostsOf = async (name: string, keys: Record<string, string>, ...list: [string, string][]) => {
    const found = await find(name, keys, urls(...list));
    return Object.fromEntries(found.injections.map(({ credential, hosts }) => [credential, hosts]));
  };

  test("take the place of the known ones", async () => {
    expect(await hostsOf("claude", env, ["ANTHROPIC_BASE_URL", "https://llm.example.test:8443/v1"])).toEqual({
      ANTHROPIC_API_KEY: ["llm.example.test:8443"],
      AWS_BEARER_TOKEN_BEDROCK: ["bedrock-runtime.us-east-1.amazonaws.com:443"],
    });
    expect(await hostsOf("claude", env, ["ANTHROPIC_BEDROCK_BASE_URL", "https://b.example.test"])).toEqual({
      ANTHROPIC_API_KEY: ["api.anthropic.com:443"],
      AWS_BEARER_TOKEN_BEDROCK: ["b.example.test:443"],
    });
  });

  test("a port of this machine's loopback may be plain", async () => {
    const hosts = await hostsOf("claude", env, ["ANTHROPIC_BASE_URL", "http://127.0.0.1:4000"]);
    expect(hosts["ANTHROPIC_API_KEY"]).toEqual(["localhost:4000"]);
  });

  test("nothing goes to plain HTTP elsewhere, and that is said", async () => {
    const found = await find("claude", env, urls(["ANTHROPIC_BASE_URL", "http://llm.example.test"]));
    expect(found.injections.map(({ credential }) => credential)).toEqual(["AWS_BEARER_TOKEN_BEDROCK"]);
    expect(found.notes.join()).toContain("llm.example.test:80, which ANTHROPIC_BASE_URL names");
  });

  test("an agent of many providers keeps the known ones", async () => {
    const hosts = await hostsOf("opencode", { GROQ_API_KEY: "k" }, [
      "opencode.json (baseURL)",
      "https://x.example.test",
    ]);
    expect(hosts).toEqual({ GROQ_API_KEY: ["x.example.test:443", "api.groq.com:443"] });
  });
});

describe("logins in files", () => {
  test("a placeholder file stands in, and endpoints that mint are denied", async () => {
    const text = claudeText("secret-access", "secret-refresh", Date.now() + 3_600_000);
    lab.write(".claude/.credentials.json", text);
    const found = await find("claude");
    expect(found.files.map(({ state, name }) => [state, name])).toEqual([[".claude", ".credentials.json"]]);
    expect(found.files[0]!.text).toContain(found.injections[0]!.placeholder);
    expect(found.live.get("claude claudeAiOauth")!.value()).toBe("secret-access");
    expect(dump(found)).not.toContain("secret");
    expect(found.deny.map(({ value }) => value)).toContain("POST platform.claude.com/v1/oauth/token");
    expect(found.deny[0]!.origin).toContain("`cordon login claude`");
    expect(issuer.state.bodies).toEqual([]);
  });

  test("a moved directory is looked into, and is the only one", async () => {
    const moved = path.join(lab.home, "elsewhere");
    lab.write(".claude/.credentials.json", claudeText("wrong", "r", Date.now() + 3_600_000));
    lab.write("elsewhere/.credentials.json", claudeText("right", "r", Date.now() + 3_600_000));
    const found = await find("claude", { CLAUDE_CONFIG_DIR: moved });
    expect(found.live.get("claude claudeAiOauth")!.value()).toBe("right");
  });

  test("one that has expired is renewed before the start", async () => {
    const file = lab.write(".claude/.credentials.json", claudeText("access-0", "refresh-0", Date.now() - 1000));
    const found = await find("claude");
    expect(found.live.get("claude claudeAiOauth")!.value()).toBe("access-1");
    expect(claudeTokens(file).refreshToken).toBe("refresh-1");
    expect(fs.readdirSync(path.dirname(file))).toEqual([".credentials.json"]);
    expect(fs.readdirSync(lab.home)).toEqual([".claude"]);
  });

  test("nothing is renewed where nothing starts", async () => {
    const file = lab.write(".claude/.credentials.json", claudeText("access-0", "refresh-0", Date.now() - 1000));
    const found = await findCredentials({ ...requestOf("claude"), isDry: true });
    expect(found.files).toHaveLength(1);
    expect(claudeTokens(file).refreshToken).toBe("refresh-0");
    expect(issuer.state.bodies).toEqual([]);
  });

  test("one that has expired and cannot be renewed is said before the start", async () => {
    lab.write(".claude/.credentials.json", claudeText("access-0", null, Date.now() - 1000));
    const failure = (await find("claude").catch((error) => error)) as CordonError;
    expect(failure).toBeInstanceOf(CordonError);
    expect(failure.code).toBe("E_CREDENTIAL_EXPIRED");
    expect(failure.message).toContain("~/.claude/.credentials.json");
    expect(failure.hint).toContain("`cordon login claude`");
  });

  test("with a key beside it, it is only left out", async () => {
    lab.write(".claude/.credentials.json", claudeText("access-0", "spent", Date.now() - 1000));
    const found = await find("claude", { ANTHROPIC_API_KEY: "k" });
    expect(found.files).toEqual([]);
    expect(found.notes.join()).toContain("has expired and is left out");
  });

  test("Claude's key of its own settings counts when nothing else is there", async () => {
    lab.write(".claude.json", JSON.stringify({ primaryApiKey: "secret-key", projects: {} }));
    const found = await find("claude");
    expect(found.live.get("ANTHROPIC_API_KEY")!.value()).toBe("secret-key");
    expect(found.variables.map(({ name }) => name)).toEqual(["ANTHROPIC_API_KEY"]);
    lab.write(".claude/.credentials.json", claudeText("a", "r", Date.now() + 3_600_000));
    expect((await find("claude")).variables).toEqual([]);
  });

  test("a key that its user told Claude not to use stays out of the login's way", async () => {
    const key = "sk-ant-api03-0123456789-abcdefghijklmnopq";
    lab.write(".claude.json", JSON.stringify({ customApiKeyResponses: { rejected: [key.slice(-20)] } }));
    lab.write(".claude/.credentials.json", claudeText("a", "r", Date.now() + 3_600_000));
    const found = await find("claude", { ANTHROPIC_API_KEY: key });
    expect([found.variables, found.files.length]).toEqual([[], 1]);
    expect((await find("claude", { ANTHROPIC_API_KEY: `${key}x` })).variables.length).toBe(1);
  });

  test("a login that nothing can stand in for stays outside, with a note", async () => {
    lab.write(".local/share/amp/secrets.json", '{"apiKey":"secret"}');
    const found = await find("amp");
    expect(found.notes.join()).toContain("~/.local/share/amp/secrets.json");
    expect(found.files).toEqual([]);
  });

  test("none at all is no error", async () => {
    for (const { name } of catalog) expect((await find(name)).injections).toEqual([]);
    expect((await find(undefined)).deny).toEqual([]);
  });
});
