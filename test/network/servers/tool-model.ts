import type { ToolResult } from "../../models/dialect.ts";
import { replyJson } from "../../models/dialect.ts";
import { answerSide, findDialect } from "../../models/routes.ts";
import type { Turn } from "../../models/script.ts";
import { isMainConversation, type Answer as Said, translateTurn } from "../../models/tools.ts";
import { type Answer, readBody } from "./secure.ts";

/**
 * A model that takes one step after the other, each when the result of the one before has come, and answers whoever has
 * the key. A step may call any tool by its name, also one that an MCP server brings.
 */
export const createToolModel = (key: string, steps: readonly (Turn | Said)[]) => {
  let results: readonly ToolResult[] = [];
  let count = 0;
  const answer: Answer = async (request, response) => {
    const body = await readBody(request);
    const { pathname } = new URL(request.url ?? "/", "https://model.test");
    const dialect = findDialect(request.method ?? "", pathname);
    const reply = (() => {
      if (request.headers["x-api-key"] !== key) return replyJson({ error: { type: "authentication_error" } }, 401);
      if (!dialect) return answerSide(request.method ?? "", pathname) ?? replyJson({}, 404);
      const question = dialect.ask(JSON.parse(body.toString()), pathname);
      count += 1;
      if (!isMainConversation(question.tools)) return dialect.answer({ say: "ok" }, question, `${count}`);
      if (question.toolResults.length >= results.length) results = question.toolResults;
      const step = steps[question.toolResults.length] ?? { say: "All done." };
      return dialect.answer("call" in step ? step : translateTurn(step, question.tools), question, `${count}`);
    })();
    response.writeHead(reply.status, { "content-type": reply.type });
    response.end(reply.body);
  };
  return { answer, results: () => results };
};
