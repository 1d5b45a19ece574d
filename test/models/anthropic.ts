import { type Dialect, type Json, parametersOf, replyEvents, replyJson, textOf } from "./dialect.ts";
import type { Answer } from "./tools.ts";

/** Anthropic Messages: Claude Code, and opencode through its Anthropic provider. */
export const anthropic: Dialect = {
  ask(body) {
    const messages: Json[] = body["messages"] ?? [];
    const blocks = messages.flatMap((message) => (Array.isArray(message["content"]) ? message["content"] : []));
    const last = messages.findLast((message) => message["role"] === "user");
    return {
      model: body["model"] ?? "",
      tools: (body["tools"] ?? []).map((tool: Json) => ({
        name: tool["name"],
        parameters: parametersOf(tool["input_schema"]),
      })),
      conversation: messages,
      prompt: textOf(last?.["content"]),
      toolResults: blocks
        .filter((block: Json) => block["type"] === "tool_result")
        .map((block: Json) => ({ id: block["tool_use_id"], text: textOf(block["content"]) })),
      stream: body["stream"] === true,
      schema: body["output_config"]?.format?.schema ?? body["output_format"]?.schema,
    };
  },

  answer(answer, question, id) {
    const message = {
      id: `msg_${id}`,
      type: "message",
      role: "assistant",
      model: question.model,
      content: [blockOf(answer, id)],
      stop_reason: "call" in answer ? "tool_use" : "end_turn",
      stop_sequence: null,
      usage: { input_tokens: 10, output_tokens: 10, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
    };
    return question.stream ? replyEvents(eventsOf(message), { named: true }) : replyJson(message);
  },
};

function blockOf(answer: Answer, id: string): Json {
  if ("say" in answer) return { type: "text", text: answer.say };
  const input = "input" in answer ? answer.input : { input: answer.text };
  return { type: "tool_use", id: `toolu_${id}`, name: answer.call, input };
}

function eventsOf(message: Json): Json[] {
  const block: Json = message["content"][0];
  const isText = block["type"] === "text";
  const delta = isText
    ? { type: "text_delta", text: block["text"] }
    : { type: "input_json_delta", partial_json: JSON.stringify(block["input"]) };
  return [
    { type: "message_start", message: { ...message, content: [], stop_reason: null } },
    {
      type: "content_block_start",
      index: 0,
      content_block: isText ? { type: "text", text: "" } : { ...block, input: {} },
    },
    { type: "content_block_delta", index: 0, delta },
    { type: "content_block_stop", index: 0 },
    {
      type: "message_delta",
      delta: { stop_reason: message["stop_reason"], stop_sequence: null },
      usage: message["usage"],
    },
    { type: "message_stop" },
  ];
}
