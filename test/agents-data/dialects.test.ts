import { describe, expect, test } from "bun:test";
import { fillReferences } from "../../src/agents/settings/reference.ts";
import { demandsOf, secretsOf, shownOf } from "./desk.ts";

const env = { FAR_TOKEN: "planted", HALL: "north" };
const valuesOf = (rules: readonly { value: unknown }[]) => rules.map(({ value }) => value);

describe("each agent's own way to write servers", () => {
  test("Codex names variables: they become values, because they do not stand inside", async () => {
    const text = `[mcp_servers.far]
url = "https://far.test/mcp"
bearer_token_env_var = "FAR_TOKEN"
http_headers = { X-Region = "north" }
env_http_headers = { X-Hall = "HALL", X-Unset = "UNSET" }
startup_timeout_sec = 20
[mcp_servers.near]
command = "npx"
args = ["near"]
env = { LEVEL = "1" }
env_vars = ["HALL", "FAR_TOKEN"]
`;
    const demands = await demandsOf("codex", "config.toml", text, { env });
    const { placeholder } = demands.injections[0]!;
    expect(demands.inside).toEqual({
      mcp_servers: {
        far: {
          url: "https://far.test/mcp",
          http_headers: { Authorization: `Bearer ${placeholder}`, "X-Hall": "north", "X-Region": "north" },
          startup_timeout_sec: 20n,
        },
        near: { command: "npx", args: ["near"], env: { HALL: "north", LEVEL: "1" } },
      },
    });
    expect(secretsOf(demands)).toEqual({ "mcp far Authorization": "planted" });
    expect(demands.notes.join()).toContain("(MCP server near): FAR_TOKEN stays outside");
    expect(shownOf(demands)).not.toContain("planted");
  });

  test("Gemini CLI: two kinds of address, `$NAME` too", async () => {
    const mcpServers = {
      far: { httpUrl: "https://far.test/mcp", headers: { Authorization: "Bearer $FAR_TOKEN" }, trust: true },
      sse: { url: "https://sse.test/sse" },
      near: { command: "node", args: ["--hall", "$HALL"], cwd: "." },
    };
    const demands = await demandsOf("gemini", "settings.json", { mcpServers }, { env });
    expect(valuesOf(demands.allow)).toEqual(["far.test:443", "sse.test:443"]);
    expect(demands.inside).toEqual({
      mcpServers: {
        far: {
          httpUrl: "https://far.test/mcp",
          headers: { Authorization: `Bearer ${demands.injections[0]!.placeholder}` },
          trust: true,
        },
        sse: { url: "https://sse.test/sse" },
        near: { command: "node", args: ["--hall", "north"], cwd: "." },
      },
    });
  });

  test("opencode: a command is a list, variables stand under `environment`", async () => {
    const mcp = {
      near: {
        type: "local",
        command: ["npx", "-y", "near"],
        environment: { A_TOKEN: "{env:FAR_TOKEN}", HALL: "{env:HALL}" },
      },
      far: {
        type: "remote",
        url: "https://far.test/mcp",
        headers: { Authorization: "Bearer {env:FAR_TOKEN}" },
        enabled: true,
      },
    };
    const demands = await demandsOf("opencode", "opencode.jsonc", { mcp }, { env });
    expect(demands.inside).toEqual({
      mcp: {
        near: { type: "local", command: ["npx", "-y", "near"], environment: { HALL: "north" } },
        far: {
          type: "remote",
          url: "https://far.test/mcp",
          headers: { Authorization: `Bearer ${demands.injections[0]!.placeholder}` },
          enabled: true,
        },
      },
    });
    expect(shownOf(demands)).not.toContain("planted");
  });

  test.each([
    ["cursor", "mcp.json", "mcpServers", `\${env:FAR_TOKEN}`],
    ["droid", "mcp.json", "mcpServers", `\${FAR_TOKEN}`],
    ["copilot", "mcp-config.json", "mcpServers", "$FAR_TOKEN"],
    ["amp", "settings.json", "amp.mcpServers", `\${FAR_TOKEN}`],
    ["qwen", "settings.json", "mcpServers", "$FAR_TOKEN"],
  ])("%s, %s", async (agent, file, table, reference) => {
    const far = { url: "https://far.test/mcp", headers: { Authorization: `Bearer ${reference}` } };
    const demands = await demandsOf(agent, file, { [table]: { far } }, { env });
    expect(valuesOf(demands.allow)).toEqual(["far.test:443"]);
    expect(Object.values(secretsOf(demands))).toEqual(["planted"]);
    expect(demands.text).toContain(`"Bearer ${demands.injections[0]!.placeholder}"`);
  });

  test("where an entry says what it is, that decides, and what belongs to the other kind is gone", async () => {
    const both = {
      command: "npx",
      args: ["--token", "planted"],
      env: { A_KEY: "planted" },
      url: "https://u:planted@far.test",
      headers: { Authorization: "planted" },
    };
    const remote = await demandsOf("claude", ".claude.json", { mcpServers: { a: { type: "http", ...both } } });
    expect(Object.keys((remote.inside["mcpServers"] as never)["a"])).toEqual(["type", "url", "headers"]);
    const local = await demandsOf("claude", ".claude.json", { mcpServers: { a: both } });
    expect(Object.keys((local.inside["mcpServers"] as never)["a"])).toEqual(["command", "args"]);
    for (const demands of [remote, local]) expect(shownOf(demands)).not.toContain("planted");
  });
});

describe("references", () => {
  test.each([
    ["braces", `\${A}-\${B:-b}-\${C}-$A`, `1-b-\${C}-$A`],
    ["braces", `\${A:-x}\${C:-}`, "1"],
    ["dollar", `$A-\${A}-\${C:-c}-$C`, "1-1-c-$C"],
    ["env", `{env:A}{env:C}\${A}`, `1{env:C}\${A}`],
    ["bracesEnv", `\${env:A}\${A}`, `1\${A}`],
    ["braces", `\${toString}\${__proto__}`, `\${toString}\${__proto__}`],
  ] as const)("%s: %s", (style, text, filled) => {
    expect(fillReferences(text, style, { A: "1" }).text).toBe(filled);
  });
});
