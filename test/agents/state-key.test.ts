import { afterEach, beforeEach, expect, test } from "bun:test";
import { findKeyHelper } from "../../src/credentials/asked-key.ts";
import { agentOf } from "../agents-data/desk.ts";
import { type Desk, openDesk } from "./history-desk.ts";

let desk: Desk;
beforeEach(() => {
  desk = openDesk();
});
afterEach(() => desk.close());

const find = (name = "claude", env: Record<string, string> = {}) =>
  findKeyHelper({
    ...{ agent: agentOf(name), mode: "broker", services: {}, states: desk.locate(name) },
    host: { ...desk.host, env: { PATH: "/usr/bin:/bin", ...env } },
    baseUrls: { allow: [], hostPorts: [] },
  });
const settings = (value: object, file = ".claude/settings.json") => desk.write(file, JSON.stringify(value));

test("the user's helper is asked outside, when the key is needed, and only the placeholder is told", async () => {
  settings({ apiKeyHelper: `echo x >> ${desk.at("asked")}; cat ${desk.write("key", "real-key\nmore")}` });
  const [part] = find();
  expect(Bun.file(desk.at("asked")).size).toBe(0);
  const [[name, live] = []] = [...(part?.live ?? [])];
  await live?.freshen();
  expect([name, live?.value()]).toEqual(["ANTHROPIC_API_KEY", "real-key"]);
  const { live: _, ...told } = part!;
  expect(JSON.stringify(told)).not.toContain("real-key");
  expect(part?.injections?.[0]).toMatchObject({ hosts: ["api.anthropic.com:443"], credential: name! });
});

test("it is asked again when the user's time for a key is over", async () => {
  settings({ apiKeyHelper: `echo x >> ${desk.at("asked")}; wc -l < ${desk.at("asked")}` });
  const live = [...(find("claude", { CLAUDE_CODE_API_KEY_HELPER_TTL_MS: "1" })[0]?.live ?? [])][0]![1];
  await live.freshen();
  await Bun.sleep(5);
  await live.freshen();
  expect(live.value()).toBe("2");
});

test("a project's helper, another agent, and settings without one: nothing is run", () => {
  settings({ apiKeyHelper: `touch ${desk.at("planted")}` }, "my.project/.claude/settings.json");
  settings({ model: "x" });
  expect([find(), find("codex")]).toEqual([[], []]);
});
