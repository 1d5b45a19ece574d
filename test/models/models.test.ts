import { afterEach, describe, expect, test } from "bun:test";
import type { Json } from "./dialect.ts";
import { parseScript, type Turn } from "./script.ts";
import { type ModelServer, startModelServer } from "./server.ts";

const TURNS: Turn[] = [
  { shell: "echo hi" },
  { write: { path: "a.txt", content: "one\n" } },
  { edit: { path: "a.txt", old: "one", new: "two" } },
];
let server: ModelServer;
afterEach(() => server.close());

async function post(path: string, body: Json, headers: Record<string, string> = {}): Promise<string> {
  const response = await fetch(server.url + path, { method: "POST", body: JSON.stringify(body), headers });
  return response.text();
}

/** The JSON of every `data:` line of an event stream. */
function eventsIn(text: string): Json[] {
  return text.split("\n").flatMap((line) => (line.startsWith("data: {") ? [JSON.parse(line.slice(6))] : []));
}

function claudeTool(name: string, ...parameters: string[]): Json {
  return { name, input_schema: { properties: Object.fromEntries(parameters.map((parameter) => [parameter, {}])) } };
}
const CLAUDE_TOOLS = [
  claudeTool("Bash", "command", "description"),
  claudeTool("Write", "file_path", "content"),
  claudeTool("Edit", "file_path", "old_string", "new_string"),
];

describe("Anthropic Messages", () => {
  const ask = async (count: number): Promise<Json> => {
    const messages: Json[] = [{ role: "user", content: "go" }];
    for (let index = 0; index < count; index++) {
      const content = [
        { type: "tool_result", tool_use_id: `t${index}`, content: [{ type: "text", text: `out ${index}` }] },
      ];
      messages.push({ role: "user", content });
    }
    return JSON.parse(await post("/v1/messages", { model: "m", messages, tools: CLAUDE_TOOLS }, { "x-api-key": "k" }));
  };

  test("turns become calls of the announced tools, then the final words", async () => {
    server = await startModelServer({ turns: TURNS, final: "bye" });
    const blocks = [];
    for (let count = 0; count < 4; count++) blocks.push((await ask(count))["content"][0]);
    expect(blocks[0]).toMatchObject({ name: "Bash", input: { command: "echo hi", description: expect.any(String) } });
    expect(blocks[1]).toMatchObject({ name: "Write", input: { file_path: "a.txt", content: "one\n" } });
    expect(blocks[2]).toMatchObject({
      name: "Edit",
      input: { file_path: "a.txt", old_string: "one", new_string: "two" },
    });
    expect(blocks[3]).toEqual({ type: "text", text: "bye" });
    expect(server.toolResults().map((result) => result.text)).toEqual(["out 0", "out 1", "out 2"]);
    expect(server.requests[0]?.auth).toEqual({ name: "x-api-key", value: "k" });
  });

  test("a retry gets the same turn, a side request none", async () => {
    server = await startModelServer({ turns: TURNS });
    const title = { model: "m", messages: [{ role: "user", content: "title?" }] };
    expect(JSON.parse(await post("/v1/messages", title))["content"][0].text).toBe("ok");
    expect((await ask(0))["content"][0].name).toBe("Bash");
    expect((await ask(0))["content"][0].name).toBe("Bash");
    expect((await ask(1))["content"][0].name).toBe("Write");
    expect(server.requests.map((request) => request.turn)).toEqual([undefined, 0, 0, 1]);
  });

  test("the same prompt after the agent came to rest gets the next turn", async () => {
    server = await startModelServer({ turns: [{ say: "first" }, { say: "second" }] });
    expect((await ask(0))["content"][0].text).toBe("first");
    expect((await ask(0))["content"][0].text).toBe("second");
  });

  test("a stream carries the input as deltas and ends with message_stop", async () => {
    server = await startModelServer({ turns: TURNS });
    const body = { model: "m", messages: [{ role: "user", content: "go" }], tools: CLAUDE_TOOLS, stream: true };
    const events = eventsIn(await post("/v1/messages", body));
    expect(events.at(-1)?.["type"]).toBe("message_stop");
    const deltas = events.filter((event) => event["type"] === "content_block_delta").map((event) => event["delta"]);
    expect(JSON.parse(deltas.map((delta) => delta.partial_json).join("")).command).toBe("echo hi");
  });
});

describe("OpenAI", () => {
  const FUNCTION_TOOLS = [
    { type: "function", name: "exec_command", parameters: { properties: { cmd: {} } } },
    { type: "custom", name: "apply_patch" },
  ];
  const CODE_TOOLS = [{ type: "namespace", name: "functions", tools: [{ type: "custom", name: "exec" }] }];
  const lastItem = async (input: Json[], tools: Json[] = []): Promise<Json> => {
    const events = eventsIn(await post("/v1/responses", { model: "m", input, tools, stream: true }));
    return events.find((event) => event["type"] === "response.output_item.done")?.["item"];
  };

  test("Responses: a function call, then a patch", async () => {
    server = await startModelServer({ turns: TURNS });
    const user = { role: "user", content: [{ type: "input_text", text: "go" }] };
    const shell = await lastItem([user], FUNCTION_TOOLS);
    expect(shell).toMatchObject({ type: "function_call", name: "exec_command", arguments: '{"cmd":"echo hi"}' });
    const output = { type: "function_call_output", call_id: shell["call_id"], output: "hi" };
    expect(await lastItem([user, output], FUNCTION_TOOLS)).toMatchObject({
      type: "custom_tool_call",
      name: "apply_patch",
      input: "*** Begin Patch\n*** Add File: a.txt\n+one\n*** End Patch\n",
    });
    expect(server.toolResults()).toEqual([{ id: shell["call_id"], text: "hi" }]);
  });

  test("Responses: tools announced in the input, called through code", async () => {
    server = await startModelServer({ turns: TURNS });
    const item = await lastItem([{ type: "additional_tools", tools: CODE_TOOLS }]);
    expect(item).toMatchObject({ type: "custom_tool_call", name: "exec" });
    expect(item["input"]).toContain('tools.exec_command({"cmd":"echo hi"})');
  });

  test("Responses: a WebSocket is refused with 426", async () => {
    server = await startModelServer({ turns: [] });
    expect((await fetch(`${server.url}/v1/responses`)).status).toBe(426);
  });

  test("Chat Completions: a tool call", async () => {
    server = await startModelServer({ turns: TURNS });
    const tools = [{ type: "function", function: { name: "bash", parameters: { properties: { command: {} } } } }];
    const body = { model: "m", messages: [{ role: "user", content: "go" }], tools };
    const { choices } = JSON.parse(await post("/v1/chat/completions", body));
    expect(choices[0].finish_reason).toBe("tool_calls");
    expect(choices[0].message.tool_calls[0].function).toEqual({ name: "bash", arguments: '{"command":"echo hi"}' });
  });
});

describe("Gemini", () => {
  const path = (verb: string) => `/v1beta/models/gemini-x:${verb}`;
  const ask = { contents: [{ role: "user", parts: [{ text: "go" }] }] };

  test("a streamed function call and its result", async () => {
    server = await startModelServer({ turns: TURNS });
    const parameters = { properties: { command: {} } };
    const tools = [{ functionDeclarations: [{ name: "run_shell_command", parametersJsonSchema: parameters }] }];
    const [event] = eventsIn(await post(path("streamGenerateContent"), { ...ask, tools }));
    const functionCall: Json = event?.["candidates"][0].content.parts[0].functionCall;
    expect(functionCall).toMatchObject({ name: "run_shell_command", args: { command: "echo hi" } });
    const response = {
      functionResponse: { id: functionCall["id"], name: functionCall["name"], response: { output: "hi" } },
    };
    const contents = [...ask.contents, { role: "user", parts: [response] }];
    await post(path("streamGenerateContent"), { contents, tools });
    expect(server.toolResults()).toEqual([{ id: functionCall["id"], text: "hi" }]);
  });

  test("a side question gets the smallest answer that fits its schema", async () => {
    server = await startModelServer({ turns: TURNS });
    const properties = { next: { type: "string", enum: ["model", "user"] }, score: { type: "number" } };
    const generationConfig = { responseJsonSchema: { type: "object", properties } };
    const { candidates } = JSON.parse(await post(path("generateContent"), { ...ask, generationConfig }));
    expect(JSON.parse(candidates[0].content.parts[0].text)).toEqual({ next: "user", score: 1 });
    expect(server.requests[0]?.turn).toBeUndefined();
  });
});

describe("everything else", () => {
  test("known side paths are answered, unknown ones are 404 and recorded", async () => {
    server = await startModelServer({ turns: [] });
    const limits = await fetch(`${server.url}/api/claude_code/policy_limits`);
    expect(await limits.json()).toEqual({ restrictions: {} });
    expect((await fetch(`${server.url}/nothing?x=1`)).status).toBe(404);
    expect(server.requests.at(-1)).toEqual({ method: "GET", path: "/nothing", status: 404 });
  });

  test("a body that is no JSON is a 400, not a crash", async () => {
    server = await startModelServer({ turns: [] });
    expect((await fetch(`${server.url}/v1/messages`, { method: "POST", body: "{" })).status).toBe(400);
    expect((await fetch(`${server.url}/v1/models`)).status).toBe(200);
  });

  test("a request whose tools are not a coding agent's uses up no turn", async () => {
    server = await startModelServer({ turns: TURNS });
    await post("/v1/messages", { messages: [{ role: "user", content: "go" }], tools: [claudeTool("web_search")] });
    expect(server.requests[0]).toMatchObject({ tools: ["web_search"] });
    expect(server.requests[0]?.turn).toBeUndefined();
  });

  test("without an edit tool, an edit is the apply_patch command", async () => {
    server = await startModelServer({ turns: TURNS.slice(2) });
    const tools = [claudeTool("exec_command", "cmd")];
    const answer = await post("/v1/messages", { messages: [{ role: "user", content: "go" }], tools });
    expect(JSON.parse(answer)["content"][0].input.cmd).toContain("*** Update File: a.txt\n@@\n-one\n+two\n");
  });

  test("a script from a file is checked", async () => {
    server = await startModelServer({ turns: [] });
    expect(parseScript('[{"say":"x"}]').turns).toEqual([{ say: "x" }]);
    expect(() => parseScript('{"turns":[{"say":"x"},{"sing":"x"}]}')).toThrow("turn 1");
    expect(() => parseScript("{}")).toThrow("list of turns");
  });
});
