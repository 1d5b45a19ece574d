import { anthropic } from "./anthropic.ts";
import { type Dialect, type Reply, replyJson } from "./dialect.ts";
import { codeAssist, gemini } from "./gemini.ts";
import { chat, responses } from "./openai.ts";

/** The dialect of a model request; undefined for every other path. */
export function findDialect(method: string, path: string): Dialect | undefined {
  if (method !== "POST") return undefined;
  if (/\/messages$/.test(path)) return anthropic;
  if (/\/responses$/.test(path)) return responses;
  if (/\/chat\/completions$/.test(path)) return chat;
  if (/\/v1internal:(streamG|g)enerateContent$/.test(path)) return codeAssist;
  if (/:(streamG|g)enerateContent$/.test(path)) return gemini;
  return undefined;
}

/** The account of whoever is logged in to ChatGPT. Codex starts no work before it knows where that account lives. */
export const chatgptAccount = "acct-0123-scripted";
const anywhere = { workspace_backend_origin: "NO_CONSTRAINT", account_routing_override: "NO_CONSTRAINT" };

const MODELS = ["claude-sonnet-4-5", "gpt-5", "gemini-2.5-pro"];

/**
 * Paths that agents ask beside the model: an instant, harmless answer. Claude Code retries for half a minute without a
 * valid `policy_limits` and refuses some features without `settings`.
 */
const SIDE: readonly [pattern: RegExp, answer: unknown][] = [
  [/^\/$/, {}],
  [/\/api\/claude_code\/policy_limits$/, { restrictions: {} }],
  [/\/api\/claude_code\/settings$/, { uuid: "scripted", checksum: "scripted", settings: {} }],
  [/\/api\/claude_c(li|ode)\//, {}],
  [/\/api\/event_logging\//, {}],
  [/\/api\/(hello|eval|oauth|features)/, {}],
  [/\/messages\/count_tokens$/, { input_tokens: 10 }],
  [/:countTokens$/, { totalTokens: 10 }],
  [/:loadCodeAssist$/, { currentTier: { id: "standard-tier" }, cloudaicompanionProject: "scripted" }],
  [/:listExperiments$|:fetchAdminControls$|:retrieveUserQuota$|:recordCodeAssistMetrics$/, {}],
  [/\/accounts\/check$/, { accounts: [{ id: chatgptAccount, ...anywhere }] }],
  [/\/codex\/models$/, { models: [] }],
  [
    /\/models$/,
    { object: "list", has_more: false, data: MODELS.map((id) => ({ id, object: "model", type: "model" })) },
  ],
];

/** The answer to a known side path; undefined when the path is unknown. */
export function answerSide(method: string, path: string): Reply | undefined {
  // Codex asks for a WebSocket first. This status sends it to plain HTTP at once; after any other it tries seven times.
  if (method === "GET" && path.endsWith("/responses")) return replyJson({ error: "no WebSocket here" }, 426);
  const known = SIDE.find(([pattern]) => pattern.test(path));
  return known && replyJson(known[1]);
}
