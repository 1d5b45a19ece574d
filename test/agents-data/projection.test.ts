import { describe, expect, test } from "bun:test";
import { demandsOf, shownOf } from "./desk.ts";

const workdir = "/home/ada/code/app";

/** As Claude Code keeps it: everything in one file. */
const ownFile = {
  numStartups: 7,
  theme: "light",
  primaryApiKey: "sk-ant-planted-1234567890",
  oauthAccount: { emailAddress: "planted@example.test", accountUuid: "planted" },
  userID: "planted-user",
  customApiKeyResponses: { approved: ["planted-key-tail"], rejected: [] },
  githubRepoPaths: { "planted/other": ["/home/ada/code/planted"] },
  cachedGrowthBookFeatures: { planted: true },
  env: { PLANTED: "planted" },
  mcpServers: { everywhere: { command: "npx", args: ["-y", "everywhere"] } },
  projects: {
    [workdir]: {
      allowedTools: ["Bash"],
      mcpServers: { mine: { type: "http", url: "https://mine.test/mcp", headers: { "X-Api-Key": "planted-mine" } } },
    },
    "/home/ada/code/planted": { history: ["planted"], mcpServers: { other: { command: "planted" } } },
  },
};

describe("what of the user's .claude.json comes in", () => {
  test("taste, servers and this project's entry; no account, key, cache or other project", async () => {
    const { inside, ...rest } = await demandsOf("claude", ".claude.json", ownFile);
    expect(inside).toEqual({
      numStartups: 7,
      theme: "light",
      mcpServers: { everywhere: { command: "npx", args: ["-y", "everywhere"] } },
      projects: {
        [workdir]: {
          allowedTools: ["Bash"],
          mcpServers: {
            mine: {
              type: "http",
              url: "https://mine.test/mcp",
              headers: { "X-Api-Key": rest.injections[0]!.placeholder },
            },
          },
        },
      },
    });
    expect(shownOf({ ...rest })).not.toContain("planted");
  });

  test.each(["broker", "share", "none"] as const)("with %s credentials alike", async (mode) => {
    const { text } = await demandsOf("claude", ".claude.json", ownFile, { mode });
    expect(text.replaceAll("planted-mine", "")).not.toContain("planted");
    expect(text.includes("planted-mine")).toBe(mode === "share");
  });

  test("of an entry that is no table, and of a project that is not there, nothing is made", async () => {
    const odd = { projects: [1], mcpServers: "planted-text" };
    expect((await demandsOf("claude", ".claude.json", odd)).inside).toEqual({ projects: {}, mcpServers: {} });
    const { inside } = await demandsOf("claude", ".claude.json", { projects: { "/elsewhere": {} } });
    expect(inside).toEqual({ projects: {} });
  });

  test("a name of the language's own is a name", async () => {
    const text = '{"mcpServers":{"__proto__":{"url":"https://p.test/mcp"},"constructor":{"command":"c"}}}';
    const { inside, allow } = await demandsOf("claude", ".claude.json", text);
    expect(Object.keys(inside["mcpServers"] as object).sort()).toEqual(["__proto__", "constructor"]);
    expect(allow.map(({ value }) => value)).toEqual(["p.test:443"]);
    expect(({} as Record<string, unknown>)["url"]).toBeUndefined();
  });
});

describe("secrets elsewhere in settings", () => {
  test("of Claude Code's variables the agent's own keys go to the broker, others stay outside", async () => {
    const env = { ANTHROPIC_API_KEY: "planted-key", ERP_TOKEN: "planted-token", MAX_THINKING_TOKENS: "100", A: "b" };
    const settings = { env, apiKeyHelper: "/bin/helper", model: "large" };
    const demands = await demandsOf("claude", "settings.json", settings);
    expect(demands.inside).toEqual({
      env: { MAX_THINKING_TOKENS: "100", A: "b" },
      apiKeyHelper: "echo sk-ant-api03-cordon-placeholder-anthropic-api-key",
      model: "large",
    });
    expect(demands.keys).toEqual({ ANTHROPIC_API_KEY: "planted-key" });
    expect(demands.notes).toEqual([
      "~/.claude/settings.json: ERP_TOKEN stays outside: cordon does not know where it may go; `[services.NAME]` in your configuration tells it",
    ]);
    expect(shownOf(demands)).not.toContain("planted");
  });

  test("share leaves them, none drops them and says nothing", async () => {
    const settings = { env: { ERP_TOKEN: "planted", ANTHROPIC_API_KEY: "planted" } };
    const share = await demandsOf("claude", "settings.json", settings, { mode: "share" });
    expect([share.inside, share.keys, share.notes]).toEqual([settings, {}, []]);
    const none = await demandsOf("claude", "settings.json", settings, { mode: "none" });
    expect([none.inside, none.keys, none.notes]).toEqual([{ env: {} }, {}, []]);
  });

  test("Codex: a provider keeps the name of its key's variable and loses a token; numbers and dates stay what they are", async () => {
    const text = `model = "gpt"
model_context_window = 200000
ratio = 1.0
since = 2026-01-02
[model_providers.house]
base_url = "https://llm.house.test/v1"
env_key = "HOUSE_KEY"
experimental_bearer_token = "planted-token"
[[notices]]
text = "see sk-ant-api03-planted-planted-planted"
`;
    const demands = await demandsOf("codex", "config.toml", text);
    expect(demands.text).toContain("model_context_window = 200000\nratio = 1.0\nsince = 2026-01-02\n");
    expect(demands.text).toContain('env_key = "HOUSE_KEY"');
    expect(demands.text).not.toContain("planted");
    expect(demands.notes.join()).toContain(
      "model_providers.house.experimental_bearer_token, notices.text stay outside",
    );
  });

  test("opencode: JSON with comments is read, a literal key stays outside, a reference stays", async () => {
    const text = `{ // mine
      "provider": { "a": { "options": { "apiKey": "planted" } }, "b": { "options": { "apiKey": "{env:B_KEY}" } } }, }`;
    const { inside } = await demandsOf("opencode", "opencode.json", text);
    expect(inside).toEqual({ provider: { a: { options: {} }, b: { options: { apiKey: "{env:B_KEY}" } } } });
  });

  test("switches and numbers are no secrets, whatever they are called", async () => {
    const settings = { general: { auth: "true", key: "12", token: true, pass: 3 } };
    expect((await demandsOf("gemini", "settings.json", settings)).inside).toEqual(settings);
  });
});
