import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { zstdDecompressSync } from "node:zlib";
import { type Dialect, type Json, type Question, type Reply, replyJson, type ToolResult } from "./dialect.ts";
import { answerSide, findDialect } from "./routes.ts";
import { sampleOf } from "./sample.ts";
import { createPlayer, type Player, type Script } from "./script.ts";
import { type Answer, isMainConversation, translateTurn } from "./tools.ts";

/** One request as the server saw it. */
export interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** The first of the credential headers, as sent. */
  readonly auth?: { readonly name: string; readonly value: string };
  /** The rest only for model requests. `turn` is absent when the request used up none. */
  readonly turn?: number;
  readonly model?: string;
  readonly tools?: readonly string[];
  readonly prompt?: string;
  /** Every tool result in the conversation so far, oldest first. */
  readonly toolResults?: readonly ToolResult[];
  /** Why the request could not be read, when it could not. */
  readonly problem?: string;
}

export interface ModelServer {
  /** `http://127.0.0.1:PORT`, without a trailing slash. */
  readonly url: string;
  readonly requests: readonly Recorded[];
  /** The tool results of the longest conversation so far, oldest first. */
  toolResults(): readonly ToolResult[];
  close(): Promise<void>;
}

const AUTH_HEADERS = ["authorization", "x-api-key", "x-goog-api-key", "api-key"];

/** A scripted model without a server of its own. */
export interface Model {
  readonly requests: readonly Recorded[];
  toolResults(): readonly ToolResult[];
  answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void>;
}

/** `record` gets each request as it is answered; what `refuse` answers uses up no turn. */
export function createModel(
  script: Script,
  record?: (request: Recorded) => void,
  refuse?: (incoming: IncomingMessage) => Reply | undefined,
): Model {
  const player = createPlayer(script);
  const requests: Recorded[] = [];
  return {
    requests,
    toolResults: () =>
      requests.reduce<readonly ToolResult[]>((longest, { toolResults = [] }) => {
        return toolResults.length > longest.length ? toolResults : longest;
      }, []),
    async answer(incoming, outgoing) {
      const body = await readBody(incoming);
      const { reply, recorded } = handle(incoming, body, player, String(requests.length + 1), refuse?.(incoming));
      requests.push(recorded);
      record?.(recorded);
      outgoing.writeHead(reply.status, { "content-type": reply.type, "content-length": Buffer.byteLength(reply.body) });
      outgoing.end(reply.body);
    },
  };
}

/** Starts a scripted model server on a free port of 127.0.0.1; `record` also gets each request as it is answered. */
export async function startModelServer(script: Script, record?: (request: Recorded) => void): Promise<ModelServer> {
  const { requests, toolResults, answer } = createModel(script, record);
  const server = createServer(answer);
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    toolResults,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function handle(incoming: IncomingMessage, body: string, player: Player, id: string, refused: Reply | undefined) {
  const method = incoming.method ?? "GET";
  const path = new URL(incoming.url ?? "/", "http://localhost").pathname;
  const name = AUTH_HEADERS.find((header) => incoming.headers[header] !== undefined);
  const auth = name === undefined ? {} : { auth: { name, value: String(incoming.headers[name]) } };
  const dialect = refused ? undefined : findDialect(method, path);
  const { reply, facts } = dialect
    ? answerModel(dialect, body, path, player, id)
    : { reply: refused ?? answerSide(method, path) ?? notFound(path), facts: {} };
  const recorded: Recorded = { method, path, status: reply.status, ...auth, ...facts };
  return { reply, recorded };
}

function notFound(path: string): Reply {
  return replyJson({ error: { type: "not_found", message: path } }, 404);
}

function answerModel(dialect: Dialect, body: string, path: string, player: Player, id: string) {
  let question: Question;
  try {
    question = dialect.ask(JSON.parse(body) as Json, path);
  } catch (error) {
    const reply: Reply = replyJson({ error: { type: "invalid_request_error", message: String(error) } }, 400);
    return { reply, facts: { problem: String(error) } };
  }
  const { answer, ...used } = decide(question, player);
  const { model, prompt, toolResults } = question;
  const facts = { model, prompt, toolResults, tools: question.tools.map((tool) => tool.name), ...used };
  return { reply: dialect.answer(answer, question, id), facts };
}

/** Only a main conversation uses up a turn: titles, quota checks and routing questions must never disturb the script. */
function decide(question: Question, player: Player): { answer: Answer; turn?: number } {
  if (question.schema !== undefined) return { answer: { say: JSON.stringify(sampleOf(question.schema)) } };
  if (!isMainConversation(question.tools) || isSuggestion(question)) return { answer: { say: "ok" } };
  const { index, turn } = player.next(question.conversation);
  return { answer: translateTurn(turn, question.tools), turn: index };
}

/** Claude Code guesses the user's next prompt with a copy of the whole main request. */
function isSuggestion(question: Question): boolean {
  return question.prompt.includes("[SUGGESTION MODE");
}

async function readBody(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  // Codex packs what it says to the server of a ChatGPT account.
  return (incoming.headers["content-encoding"] === "zstd" ? zstdDecompressSync(body) : body).toString("utf8");
}
