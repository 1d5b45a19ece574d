import { type Dialect, type Json, parametersOf, replyEvents, replyJson } from "./dialect.ts";

/** Gemini generateContent and streamGenerateContent: Gemini CLI. */
export const gemini: Dialect = {
  ask(body, path) {
    const contents: Json[] = [body["contents"] ?? []].flat();
    const parts: Json[] = contents.flatMap((content) => content["parts"] ?? []);
    const last: Json[] = contents.findLast((content) => content["role"] !== "model")?.["parts"] ?? [];
    const declared: Json[] = (body["tools"] ?? []).flatMap((tool: Json) => tool["functionDeclarations"] ?? []);
    const config: Json = body["generationConfig"] ?? {};
    return {
      model: /models\/([^:/]+)/.exec(path)?.[1] ?? "",
      tools: declared.map((tool) => ({
        name: tool["name"],
        parameters: parametersOf(tool["parametersJsonSchema"] ?? tool["parameters"]),
      })),
      conversation: contents,
      prompt: last.map((part) => part["text"] ?? "").join(""),
      toolResults: parts
        .filter((part) => part["functionResponse"])
        .map(({ functionResponse: { id, name, response } }) => ({
          id: id ?? name,
          text: String(response?.output ?? response?.error ?? JSON.stringify(response)),
        })),
      stream: path.includes(":streamGenerateContent"),
      schema: config["responseJsonSchema"] ?? config["responseSchema"],
    };
  },

  answer(answer, question, id) {
    const part =
      "say" in answer ? { text: answer.say } : { functionCall: callOf(answer, id), thoughtSignature: "c2ln" };
    const response = {
      candidates: [{ index: 0, content: { role: "model", parts: [part] }, finishReason: "STOP" }],
      usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 10, totalTokenCount: 20 },
      modelVersion: question.model,
      responseId: id,
    };
    return question.stream ? replyEvents([response], { named: false }) : replyJson(response);
  },
};

/**
 * What Gemini CLI speaks for a person who is logged in: the same, wrapped once, at `v1internal:` in place of a model's path
 * (google-gemini/gemini-cli, packages/core/src/code_assist/converter.ts).
 */
export const codeAssist: Dialect = {
  ask: (body, path) => ({ ...gemini.ask(body["request"] ?? {}, path), model: body["model"] ?? "" }),
  answer(answer, question, id) {
    const { body, ...reply } = gemini.answer(answer, { ...question, stream: false }, id);
    const wrapped = { response: JSON.parse(body), traceId: id };
    return question.stream ? replyEvents([wrapped], { named: false }) : { ...reply, body: JSON.stringify(wrapped) };
  },
};

function callOf(answer: { call: string } & ({ input: Json } | { text: string }), id: string): Json {
  return { id: `call_${id}`, name: answer.call, args: "input" in answer ? answer.input : { input: answer.text } };
}
