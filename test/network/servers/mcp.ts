import { type Answer, readBody, sendJson } from "./secure.ts";

/** An MCP server (streamable HTTP, answers in JSON) with one tool, `ask`, for whoever brings this `Authorization`. */
export const answerMcp =
  (authorization: string, words: string): Answer =>
  async (request, response) => {
    const body = await readBody(request);
    if (request.headers.authorization !== authorization) return sendJson(response, { error: "who are you?" }, 401);
    if (request.method !== "POST") return sendJson(response, {}, 405);
    const { id, method, params } = JSON.parse(body.toString());
    if (id === undefined) {
      response.writeHead(202);
      return void response.end();
    }
    sendJson(response, { jsonrpc: "2.0", id, result: resultOf(method, params, words) });
  };

const resultOf = (method: string, params: { protocolVersion?: string } | undefined, words: string): unknown => {
  switch (method) {
    case "initialize": {
      const serverInfo = { name: "far", version: "1" };
      return { protocolVersion: params?.protocolVersion, capabilities: { tools: {} }, serverInfo };
    }
    case "tools/list":
      return { tools: [{ name: "ask", description: "asks", inputSchema: { type: "object", properties: {} } }] };
    case "tools/call":
      return { content: [{ type: "text", text: words }] };
    default:
      return {};
  }
};

/**
 * The same over standard input and output, as a program for Node. What it says comes from a module beside it and from its
 * variables.
 */
export const stdioServer = `import { createInterface } from "node:readline";
import { words } from "./words.mjs";
const results = {
  initialize: ({ protocolVersion }) => ({ protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "near", version: "1" } }),
  "tools/list": () => ({ tools: [{ name: "ask", description: "asks", inputSchema: { type: "object", properties: {} } }] }),
  "tools/call": () => ({ content: [{ type: "text", text: words + " " + process.env.LEVEL + " [" + (process.env.ERP_TOKEN ?? "") + "]" }] }),
};
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  if (id !== undefined) console.log(JSON.stringify({ jsonrpc: "2.0", id, result: results[method]?.(params) ?? {} }));
}
`;
