import type { Slot } from "./credential.ts";

/** How the servers of one provider take a credential, and what stands inside in its place. */
export type Provider = {
  /** `NAME:PORT` or `*.NAME:PORT`. `{NAME|default}` stands for a variable's value. */
  hosts: readonly string[];
  slots: readonly Slot[];
  /** What the provider's own keys begin with. */
  prefix: string;
  /** Where its own servers answer a POST with a fresh credential, which would then stand inside. */
  mints?: readonly string[];
  /** The cloud that serves it, when variables of that cloud move it elsewhere: `NAME_BASE_URL` with this in it. */
  cloud?: "BEDROCK" | "FOUNDRY";
};

export const bearer: Slot = { header: "authorization", scheme: "Bearer" };
const xApiKey: Slot = { header: "x-api-key" };
const xGoogApiKey: Slot = { header: "x-goog-api-key" };

const bearerAt = (prefix: string, ...hosts: string[]): Provider => ({ hosts, slots: [bearer], prefix });

/** An Anthropic key: the API's own header; some clients send it as a bearer token. */
const anthropic: Provider = {
  hosts: ["api.anthropic.com:443"],
  slots: [xApiKey, bearer],
  prefix: "sk-ant-api03-",
};
/** An OAuth token: the client's files, tools and connectors are reached with it as well. */
export const anthropicToken = bearerAt("sk-ant-oat01-", "api.anthropic.com:443", "mcp-proxy.anthropic.com:443");
/** For browsers that speak to it themselves (platform.openai.com/docs, realtime client secrets and ChatKit sessions). */
const realtimeSecrets = "/v1/realtime/client_secrets";
export const openaiMints = [
  ...[realtimeSecrets, "/v1/realtime/sessions", "/v1/realtime/transcription_sessions", "/v1/chatkit/sessions"],
];
const openai: Provider = { ...bearerAt("sk-", "api.openai.com:443"), mints: openaiMints };
const google: Provider = {
  hosts: ["generativelanguage.googleapis.com:443"],
  slots: [xGoogApiKey],
  prefix: "AIza",
  // ai.google.dev/gemini-api/docs/ephemeral-tokens; a batch is a body of requests, each with its own credential.
  mints: ["/v1alpha/auth_tokens", "/v1beta/auth_tokens", "/batch"],
};
const dashscope = bearerAt("sk-", "dashscope.aliyuncs.com:443", "dashscope-intl.aliyuncs.com:443");

const githubcopilot = bearerAt("ghp_", "*.githubcopilot.com:443");

/** By the variable that users put the credential into. */
const providers: Record<string, Provider> = {
  ANTHROPIC_API_KEY: anthropic,
  ANTHROPIC_AUTH_TOKEN: { ...anthropicToken, hosts: ["api.anthropic.com:443"] },
  CLAUDE_CODE_OAUTH_TOKEN: anthropicToken,
  OPENAI_API_KEY: openai,
  CODEX_API_KEY: openai,
  GEMINI_API_KEY: google,
  GOOGLE_API_KEY: { ...google, hosts: [...google.hosts, "aiplatform.googleapis.com:443"] },
  GOOGLE_GENERATIVE_AI_API_KEY: google,
  OPENROUTER_API_KEY: bearerAt("sk-or-v1-", "openrouter.ai:443"),
  GROQ_API_KEY: bearerAt("gsk_", "api.groq.com:443"),
  MISTRAL_API_KEY: bearerAt("", "api.mistral.ai:443"),
  DEEPSEEK_API_KEY: bearerAt("sk-", "api.deepseek.com:443"),
  XAI_API_KEY: { ...bearerAt("xai-", "api.x.ai:443"), mints: [realtimeSecrets] },
  CEREBRAS_API_KEY: bearerAt("csk-", "api.cerebras.ai:443"),
  TOGETHER_API_KEY: bearerAt("", "api.together.xyz:443"),
  FIREWORKS_API_KEY: bearerAt("fw_", "api.fireworks.ai:443"),
  MOONSHOT_API_KEY: bearerAt("sk-", "api.moonshot.ai:443", "api.moonshot.cn:443"),
  OPENCODE_API_KEY: { hosts: ["opencode.ai:443"], slots: [bearer, xApiKey, xGoogApiKey], prefix: "sk-" },
  DASHSCOPE_API_KEY: dashscope,
  BAILIAN_CODING_PLAN_API_KEY: bearerAt(
    "sk-sp-",
    "coding.dashscope.aliyuncs.com:443",
    "coding-intl.dashscope.aliyuncs.com:443",
  ),
  AMP_API_KEY: bearerAt("sgamp_user_", "ampcode.com:443"),
  FACTORY_API_KEY: bearerAt("fk-", "api.factory.ai:443"),
  COPILOT_GITHUB_TOKEN: bearerAt("github_pat_", "api.github.com:443", "*.githubcopilot.com:443"),
  // Copilot signs in with them; where git and the API take them is the service `github`.
  GH_TOKEN: githubcopilot,
  GITHUB_TOKEN: githubcopilot,
  AWS_BEARER_TOKEN_BEDROCK: {
    ...bearerAt("", "bedrock-runtime.{AWS_REGION|us-east-1}.amazonaws.com:443"),
    cloud: "BEDROCK",
  },
  ANTHROPIC_FOUNDRY_API_KEY: {
    ...{ hosts: ["{ANTHROPIC_FOUNDRY_RESOURCE|-}.services.ai.azure.com:443"], prefix: "", cloud: "FOUNDRY" },
    slots: [xApiKey, { header: "api-key" }, bearer],
  },
};

/** Credentials that sign each request instead of standing in it; there is nothing to swap. */
const signing = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

export const providerOf = (variable: string): Provider | undefined =>
  Object.hasOwn(providers, variable) ? providers[variable] : undefined;

export const isSigning = (variable: string): boolean => signing.includes(variable);

/**
 * What stands inside for a credential of that name: the same in every run (Claude Code remembers a key that its user
 * approved by its last 20 characters), plainly cordon's, and nothing of the real value.
 */
export const placeholderOf = (name: string, prefix: string): string =>
  `${prefix}cordon-placeholder-${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}`.padEnd(48, "-0");

/** The hosts with `{NAME|default}` filled in from the variables; `-` is no default. A value is a single label. */
export const hostsOf = ({ hosts }: Pick<Provider, "hosts">, env: Record<string, string | undefined>): string[] =>
  hosts.flatMap((host) => {
    const [place, name = "", otherwise = ""] = /\{(\w+)\|([\w-]+)\}/.exec(host) ?? [];
    if (place === undefined) return [host];
    const value = env[name] ?? "";
    const label = /^[a-z0-9-]{1,63}$/.test(value) ? value : otherwise;
    return label === "-" ? [] : [host.replace(place, label)];
  });
