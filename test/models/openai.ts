import { type Dialect, type Json, parametersOf, replyEvents, replyJson, textOf } from "./dialect.ts";
import type { Answer } from "./tools.ts";

/** OpenAI Responses: Codex. */
export const responses: Dialect = {
  ask(body) {
    const input = body["input"];
    const items: Json[] = Array.isArray(input) ? input : [{ role: "user", content: input }];
    return {
      model: body["model"] ?? "",
      tools: [...(body["tools"] ?? []), ...items.flatMap(toolsOf)].flatMap(flatten).map((tool: Json) => ({
        name: tool["name"] ?? tool["type"],
        freeform: tool["type"] === "custom",
        parameters: parametersOf(tool["parameters"]),
      })),
      conversation: items,
      prompt: textOf(items.findLast((item) => item["role"] === "user")?.["content"]),
      toolResults: items
        .filter((item) => String(item["type"]).endsWith("_call_output"))
        .map((item) => ({ id: item["call_id"], text: textOf(item["output"]) })),
      stream: body["stream"] === true,
      schema: body["text"]?.format?.schema,
    };
  },

  answer(answer, question, id) {
    const item = itemOf(answer, id);
    const usage = {
      input_tokens: 10,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 10,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 20,
    };
    const head = { id: `resp_${id}`, object: "response", model: question.model, created_at: 0 };
    const done = { ...head, status: "completed", output: [item], usage };
    if (!question.stream) return replyJson(done);
    const events = [
      { type: "response.created", response: { ...head, status: "in_progress", output: [] } },
      { type: "response.output_item.added", output_index: 0, item: { ...item, status: "in_progress" } },
      ...("say" in answer
        ? [
            {
              type: "response.output_text.delta",
              item_id: item["id"],
              output_index: 0,
              content_index: 0,
              delta: answer.say,
            },
          ]
        : []),
      { type: "response.output_item.done", output_index: 0, item },
      { type: "response.completed", response: done },
    ];
    return replyEvents(
      events.map((event, index) => ({ ...event, sequence_number: index })),
      { named: true },
    );
  },
};

/** Codex announces the tools of its newer models as an item of the input, grouped in namespaces. */
function toolsOf(item: Json): Json[] {
  return item["type"] === "additional_tools" ? item["tools"] : [];
}

function flatten(tool: Json): Json[] {
  return tool["type"] === "namespace" ? tool["tools"] : [tool];
}

function itemOf(answer: Answer, id: string): Json {
  if ("say" in answer) {
    const content = [{ type: "output_text", text: answer.say, annotations: [] }];
    return { type: "message", id: `msg_${id}`, role: "assistant", status: "completed", content };
  }
  const call = { id: `fc_${id}`, call_id: `call_${id}`, name: answer.call, status: "completed" };
  if ("text" in answer) return { type: "custom_tool_call", ...call, input: answer.text };
  return { type: "function_call", ...call, arguments: JSON.stringify(answer.input) };
}

/** OpenAI Chat Completions: what most other agents speak to a custom provider. */
export const chat: Dialect = {
  ask(body) {
    const messages: Json[] = body["messages"] ?? [];
    return {
      model: body["model"] ?? "",
      tools: (body["tools"] ?? []).map((tool: Json) => ({
        name: tool["function"]?.name,
        parameters: parametersOf(tool["function"]?.parameters),
      })),
      conversation: messages,
      prompt: textOf(messages.findLast((message) => message["role"] === "user")?.["content"]),
      toolResults: messages
        .filter((message) => message["role"] === "tool")
        .map((message) => ({ id: message["tool_call_id"], text: textOf(message["content"]) })),
      stream: body["stream"] === true,
      schema: body["response_format"]?.json_schema?.schema,
    };
  },

  answer(answer, question, id) {
    const head = { id: `chatcmpl_${id}`, created: 0, model: question.model };
    const finish_reason = "call" in answer ? "tool_calls" : "stop";
    const usage = { prompt_tokens: 10, completion_tokens: 10, total_tokens: 20 };
    const message = { role: "assistant", ...chatMessageOf(answer, id) };
    if (!question.stream) {
      return replyJson({ ...head, object: "chat.completion", choices: [{ index: 0, message, finish_reason }], usage });
    }
    const object = "chat.completion.chunk";
    const chunks = [
      { ...head, object, choices: [{ index: 0, delta: message, finish_reason: null }] },
      { ...head, object, choices: [{ index: 0, delta: {}, finish_reason }], usage },
    ];
    return replyEvents(chunks, { named: false, end: "data: [DONE]\n\n" });
  },
};

function chatMessageOf(answer: Answer, id: string): Json {
  if ("say" in answer) return { content: answer.say };
  const input = "input" in answer ? answer.input : { input: answer.text };
  const call = { name: answer.call, arguments: JSON.stringify(input) };
  return { content: null, tool_calls: [{ index: 0, id: `call_${id}`, type: "function", function: call }] };
}
