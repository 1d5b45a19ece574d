import { describe, expect, test } from "bun:test";
import { noteProjectServers } from "../../src/agents/mcp/project.ts";
import { agentOf, policyWith } from "./desk.ts";

const listed = (...values: string[]) => values.map((value) => ({ value, origin: "test" }));
const note = (mcpServers: Record<string, object>, network = {}, agent = "claude") => {
  const value = { [agentOf(agent).mcp!.table]: mcpServers } as never;
  return noteProjectServers(agentOf(agent), [{ label: ".mcp.json", value }], policyWith({}, network));
};
const at = (url: string) => ({ a: { type: "http", url } });

describe("what a project's file names and no rule of the user's reaches", () => {
  test("is said once, with the options that open it", () => {
    const servers = {
      ...at("https://a.test/mcp"),
      b: { url: "http://b.test:8080" },
      c: { url: "http://localhost:3000/" },
    };
    expect(note(servers)).toBe(
      ".mcp.json of this project names MCP servers that cannot be reached: a.test:443 (`cordon allow a.test`), " +
        "b.test:8080 (`cordon allow b.test:8080`), port 3000 of this machine (`--host-port 3000` opens it)",
    );
  });

  test.each([
    ["an allowed host", "https://a.test/mcp", { allow: listed("*.test") }],
    ["an allowed address", "http://10.1.2.3:9/", { allow: listed("10.1.2.3:9") }],
    ["an open port", "http://127.0.0.1:3000", { hostPorts: [{ value: 3000, origin: "test" }] }],
    ["a host that the user denies", "https://a.test/mcp", { deny: listed("a.test") }],
    ["an unfiltered network", "https://a.test/mcp", { mode: "open" }],
    ["no network", "https://a.test/mcp", { mode: "none" }],
    ["no address", "nonsense", {}],
  ])("%s is not brought up", (_, url, network) => {
    expect(note(at(url), network)).toBeUndefined();
  });

  test("a program of the project's needs nothing", () => {
    expect(note({ a: { command: "node", args: ["https://a.test"] } })).toBeUndefined();
  });

  test("a rule for another port does not count, nor does another port of this machine", () => {
    expect(note(at("https://a.test:8443"), { allow: listed("a.test") })).toContain("`cordon allow a.test:8443`");
    expect(note(at("http://localhost:3001"), { hostPorts: [{ value: 3000, origin: "test" }] })).toContain("3001");
  });

  test("a variable of the user's is never filled in; a default is", () => {
    expect(note(at(`https://\${ANTHROPIC_API_KEY}.test/`))).toBeUndefined();
    expect(note(at(`\${BASE:-https://b.test}/`))).toContain("b.test:443");
  });

  test("a hundred servers are five, and a name cannot paint on the terminal", () => {
    const names = Array.from({ length: 100 }, (_, at) => [`s${at}`, { url: `https://s${at}.test` }] as const);
    expect(note(Object.fromEntries(names))).toEndWith("s4.test:443 (`cordon allow s4.test`) and 95 more");
    expect(note({ "\u001b[2J": { url: "https://a.test/\u001b[2J" } })).not.toContain("\u001b");
  });

  test.each([["codex"], ["gemini"], ["opencode"], ["cursor"]])("%s", (agent) => {
    expect(note(at("https://a.test"), {}, agent)).toContain("cordon allow a.test");
  });
});
