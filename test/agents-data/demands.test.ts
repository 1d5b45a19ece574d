import { describe, expect, test } from "bun:test";
import { demandsOf, secretsOf, shownOf } from "./desk.ts";

const claude = (mcpServers: object, rest = {}) => demandsOf("claude", ".claude.json", { mcpServers } as never, rest);
const valuesOf = (rules: readonly { value: unknown }[]) => rules.map(({ value }) => value);

describe("addresses of the user's own servers", () => {
  test.each([
    ["https://a.test/mcp", "a.test:443", undefined],
    ["http://a.test:8080/sse", "a.test:8080", undefined],
    ["wss://a.test/ws", "a.test:443", undefined],
    ["http://localhost:3000/mcp", undefined, 3000],
    ["http://127.0.0.1:3000/mcp", undefined, 3000],
    ["http://10.1.2.3:9/mcp", "10.1.2.3:9", undefined],
    ["file:///etc/passwd", undefined, undefined],
    ["nonsense", undefined, undefined],
  ])("%s", async (url, rule, port) => {
    const { allow, hostPorts } = await claude({ a: { type: "http", url } });
    const origin = "~/.claude/.claude.json (MCP server a)";
    const expected = { value: rule, origin, mayBePrivate: true };
    expect(allow).toEqual(rule === undefined ? [] : [expect.objectContaining(expected)]);
    expect(hostPorts).toEqual(port === undefined ? [] : [{ value: port, origin }]);
  });

  test("also those among the words of a program that is a bridge; a database's is not one of them", async () => {
    const args = ["-y", "mcp-remote", "https://far.test/mcp", "--other=https://opt.test", "postgres://db.test/x"];
    const env = { SITE: "https://site.test", NOTE: "see https://note.test" };
    const { allow } = await claude({ a: { command: "npx", args, env } });
    expect(valuesOf(allow)).toEqual(["far.test:443", "opt.test:443", "site.test:443"]);
  });

  test("references are filled in as the agent would", async () => {
    const url = `\${BASE:-https://otherwise.test}/mcp`;
    expect(valuesOf((await claude({ a: { url } })).allow)).toEqual(["otherwise.test:443"]);
    const { allow, inside } = await claude({ a: { url } }, { env: { BASE: "https://set.test" } });
    expect(valuesOf(allow)).toEqual(["set.test:443"]);
    expect(inside).toEqual({ mcpServers: { a: { url: "https://set.test/mcp" } } });
    expect((await claude({ a: { url: `\${UNSET}/mcp` } })).inside).toEqual({
      mcpServers: { a: { url: `\${UNSET}/mcp` } },
    });
  });
});

describe("secrets in headers", () => {
  const http = (headers: Record<string, string>, url = "https://a.test/mcp") => ({ a: { type: "http", url, headers } });
  const base64 = (text: string) => Buffer.from(text).toString("base64");

  test.each([
    ["Authorization", "Bearer planted", { header: "authorization", scheme: "Bearer" }, "Bearer "],
    ["authorization", "token planted", { header: "authorization", scheme: "token" }, "token "],
    ["Authorization", "planted", { header: "authorization" }, ""],
    ["X-Api-Key", "planted", { header: "x-api-key" }, ""],
    ["Authorization", "Custom planted", { header: "authorization" }, ""],
  ] as const)("%s: %s", async (name, value, slot, before) => {
    const demands = await claude(http({ [name]: value, "X-Region": "north" }));
    const [injection] = demands.injections;
    expect(injection).toEqual({
      credential: `mcp a ${name}`,
      placeholder: expect.any(String),
      slots: [slot],
      hosts: ["a.test:443"],
    });
    const headers = { [name]: `${before}${injection!.placeholder}`, "X-Region": "north" };
    expect(demands.inside).toEqual({ mcpServers: http(headers) });
    expect(secretsOf(demands)).toEqual({ [`mcp a ${name}`]: before === "" ? value : "planted" });
    expect(shownOf(demands)).not.toContain("planted");
  });

  test("Basic: the password alone is swapped; without one all of it", async () => {
    const demands = await claude(http({ Authorization: `Basic ${base64("ada:planted:x")}` }));
    const { placeholder, slots } = demands.injections[0]!;
    expect(slots).toEqual([{ header: "authorization", scheme: "Basic" }]);
    expect(demands.text).toContain(`Basic ${base64(`ada:${placeholder}`)}`);
    expect(Object.values(secretsOf(demands))).toEqual(["planted:x"]);
    const bare = await claude(http({ Authorization: `Basic ${base64("planted:")}` }));
    expect(bare.injections[0]!.slots).toEqual([{ header: "authorization" }]);
    expect(bare.text).not.toContain(base64("planted:"));
  });

  test("what a secret's variable brings is a secret in any header; looks tell as well", async () => {
    const headers = { "X-One": `\${MY_TOKEN}`, "X-Two": "github_pat_planted", "X-Three": "plain" };
    const demands = await claude(http(headers), { env: { MY_TOKEN: "planted" } });
    expect(demands.injections.length).toBe(2);
    expect(shownOf(demands)).not.toContain("planted");
    expect(demands.text).toContain('"X-Three": "plain"');
  });

  test("this machine's port gets it as it is; plain HTTP elsewhere and cookies never", async () => {
    const local = await claude(http({ Authorization: "Bearer planted" }, "http://localhost:4000/mcp"));
    expect(local.injections[0]!.hosts).toEqual(["localhost:4000"]);
    const plain = await claude(http({ Authorization: "Bearer planted" }, "http://a.test/mcp"));
    const cookie = await claude(http({ Cookie: "id=planted" }));
    for (const demands of [plain, cookie]) {
      expect([demands.injections, demands.live.size]).toEqual([[], 0]);
      expect(demands.notes.length).toBe(1);
      expect(shownOf(demands)).not.toContain("planted");
    }
  });

  test("two servers of one name, and names that look alike, have placeholders of their own", async () => {
    const server = (value: string) => ({ url: "https://a.test", headers: { Authorization: value } });
    const servers = { "a.b": server("one"), "a-b": server("two") };
    const projects = { "/home/ada/code/app": { mcpServers: { "a.b": server("three") } } };
    const demands = await demandsOf("claude", ".claude.json", { mcpServers: servers, projects });
    expect(new Set(demands.injections.map(({ placeholder }) => placeholder)).size).toBe(3);
    expect(Object.values(secretsOf(demands))).toEqual(["one", "two", "three"]);
  });

  test("an address loses its password and the secret parts of its query, and says so", async () => {
    const demands = await claude({ a: { url: "https://u:planted@a.test/mcp?apiKey=planted&region=north" } });
    expect(demands.inside).toEqual({ mcpServers: { a: { url: "https://a.test/mcp?region=north" } } });
    expect(demands.notes[0]).toContain("the password of its address, `apiKey` of its address stay outside");
  });

  test("share brings the values as they are, none leaves them out; neither swaps anything", async () => {
    const server = http({ Authorization: `Bearer \${T_TOKEN}`, "X-Region": "north" });
    const env = { T_TOKEN: "planted" };
    const share = await claude(server, { mode: "share", env });
    expect(share.inside).toEqual({ mcpServers: http({ Authorization: "Bearer planted", "X-Region": "north" }) });
    const none = await claude(server, { mode: "none", env });
    expect(none.inside).toEqual({ mcpServers: http({ "X-Region": "north" }) });
    for (const { injections, live, notes, allow } of [share, none])
      expect([injections, live.size, notes, valuesOf(allow)]).toEqual([[], 0, [], ["a.test:443"]]);
  });
});

describe("secrets of servers that run inside", () => {
  test("a known provider's variable is a placeholder for that provider alone; others stay outside", async () => {
    const env = { OPENAI_API_KEY: "sk-planted", ERP_TOKEN: "planted", AWS_SECRET_ACCESS_KEY: "planted", LEVEL: "1" };
    const demands = await claude({ a: { command: "npx", args: ["a"], env } });
    const [injection] = demands.injections;
    expect(injection!.hosts).toEqual(["api.openai.com:443"]);
    expect(demands.inside).toEqual({
      mcpServers: { a: { command: "npx", args: ["a"], env: { OPENAI_API_KEY: injection!.placeholder, LEVEL: "1" } } },
    });
    expect(secretsOf(demands)).toEqual({ "mcp a OPENAI_API_KEY": "sk-planted" });
    expect(demands.notes[0]).toContain("(MCP server a): ERP_TOKEN, AWS_SECRET_ACCESS_KEY stay outside");
    expect(shownOf(demands)).not.toContain("planted");
  });

  test("an argument keeps its place", async () => {
    const args = ["--api-key=planted", "--token", "planted", "postgres://u:planted@db.test/x", "--plain", "word"];
    const demands = await claude({ a: { command: "npx", args } });
    const { args: inside } = (demands.inside["mcpServers"] as never)["a"] as { args: string[] };
    expect(inside.length).toBe(args.length);
    expect([inside[0], inside[1], inside[4], inside[5]]).toEqual([
      expect.stringMatching(/^--api-key=cordon-placeholder/),
      "--token",
      "--plain",
      "word",
    ]);
    expect(shownOf(demands)).not.toContain("planted");
    expect(demands.notes.length).toBe(1);
  });

  test("a bridge's header goes to the address beside it", async () => {
    const args = ["mcp-remote", "https://far.test/mcp", "--header", `Authorization: Bearer \${FAR_TOKEN}`];
    const demands = await claude({ a: { command: "npx", args } }, { env: { FAR_TOKEN: "planted" } });
    const { placeholder, hosts } = demands.injections[0]!;
    expect(hosts).toEqual(["far.test:443"]);
    expect(demands.text).toContain(`"Authorization: Bearer ${placeholder}"`);
    expect([demands.notes, Object.values(secretsOf(demands))]).toEqual([[], ["planted"]]);
  });

  test("other keys of a server are looked through as well, also when it is neither program nor address", async () => {
    const odd = { oauth: { clientId: "id", clientSecret: "planted" }, timeout: 5 };
    const demands = await claude({
      a: { url: "https://a.test", ...odd },
      b: { headers: { Authorization: "planted" }, ...odd },
    });
    const rest = { oauth: { clientId: "id" }, timeout: 5 };
    expect(demands.inside).toEqual({
      mcpServers: { a: { url: "https://a.test", ...rest }, b: { headers: {}, ...rest } },
    });
    expect(shownOf(demands)).not.toContain("planted");
  });
});

describe("variables of the host's that come along for the agent", () => {
  test("an address without its password", async () => {
    const { variables, notes } = await claude({}, { env: { ANTHROPIC_BASE_URL: "https://ada:planted@gw.test/v1" } });
    expect(variables).toMatchObject([{ name: "ANTHROPIC_BASE_URL", value: "https://gw.test/v1" }]);
    expect(notes.join()).toContain("ANTHROPIC_BASE_URL");
  });

  test("fields for each request: what is secret is put in on the way, to the server that gets them", async () => {
    const env = {
      ANTHROPIC_BASE_URL: "https://gw.test/v1",
      ANTHROPIC_CUSTOM_HEADERS: "x-gw-api-key: Bearer planted-1\nx-team: blue",
    };
    const demands = await claude({}, { env });
    const [injection] = demands.injections;
    expect(injection).toMatchObject({
      slots: [{ header: "x-gw-api-key", scheme: "Bearer" }],
      hosts: ["gw.test:443"],
    });
    const value = `x-gw-api-key: Bearer ${injection!.placeholder}\nx-team: blue`;
    expect(demands.variables).toMatchObject([{ name: "ANTHROPIC_CUSTOM_HEADERS", value }]);
    expect(Object.values(secretsOf(demands))).toEqual(["planted-1"]);
    expect(shownOf(demands)).not.toContain("planted");
    const settings = await demandsOf("claude", "settings.json", { env });
    expect(JSON.stringify(settings.inside)).toContain(settings.injections[0]!.placeholder);
    expect(shownOf(settings)).not.toContain("planted");
  });

  test("such fields are left out where nothing may come in, and stay where everything may", async () => {
    const env = { ANTHROPIC_CUSTOM_HEADERS: "x-api-key: planted" };
    expect((await claude({}, { env, mode: "none" })).variables).toMatchObject([{ value: "" }]);
    expect((await claude({}, { env, mode: "share" })).variables).toEqual([]);
  });
});
