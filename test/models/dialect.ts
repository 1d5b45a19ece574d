import type { Answer, Tool } from "./tools.ts";

/** The result of a tool call as the agent reported it back. */
export interface ToolResult {
  readonly id: string;
  readonly text: string;
}

/** One model request, whatever the wire format. */
export interface Question {
  readonly model: string;
  readonly tools: readonly Tool[];
  /** The messages alone, so that a retry can be told from a new question. */
  readonly conversation: unknown;
  /** The text of the last message from the user's side; empty when it holds only tool results. */
  readonly prompt: string;
  readonly toolResults: readonly ToolResult[];
  readonly stream: boolean;
  /** The JSON schema that the answer must fit, when the request names one. */
  readonly schema?: unknown;
}

export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** A wire format: how to read a question and how to write an answer. `id` is unique in this server. */
export interface Dialect {
  ask(body: Json, path: string): Question;
  answer(answer: Answer, question: Question, id: string): Reply;
}

/** Parsed JSON of a foreign format. */
// biome-ignore lint/suspicious/noExplicitAny: requests are read leniently, key by key; a full type of four vendors' formats would hide that.
export type Json = { [key: string]: any };

/** A JSON reply. */
export function replyJson(value: unknown, status = 200): Reply {
  return { status, type: "application/json", body: JSON.stringify(value) };
}

/** A whole event stream at once: the agents parse it the same, and nothing can stall. */
export function replyEvents(events: readonly Json[], options: { named: boolean; end?: string }): Reply {
  const lines = events.map(
    (event) => `${options.named ? `event: ${event["type"]}\n` : ""}data: ${JSON.stringify(event)}\n\n`,
  );
  return { status: 200, type: "text/event-stream", body: lines.join("") + (options.end ?? "") };
}

/** The text of a message content: a string, or a list of parts of which those with a text count. */
export function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part: Json) => (typeof part["text"] === "string" ? part["text"] : "")).join("");
}

/** The parameter names of a JSON schema. */
export function parametersOf(schema: Json | undefined): string[] {
  return Object.keys(schema?.["properties"] ?? {});
}
