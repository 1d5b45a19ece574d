import { bearer, type Provider, placeholderOf, providerOf } from "../providers.ts";
import { chatgpt, openaiClientId } from "./codex.ts";
import { type Format, farAheadMs, formHeaders, type Login } from "./format.ts";
import { type Json, numberOf, objectOf, parseObject, setValue, textOf } from "./json-text.ts";
import { standInFor } from "./jwt.ts";

/** opencode's `auth.json`: one entry a provider, a key or an OAuth login. Read out of opencode itself. */
const tokenUrl = "https://auth.openai.com/oauth/token";

/** The variable whose provider a key of that name belongs to. */
const keys: Record<string, string> = {
  anthropic: "ANTHROPIC_API_KEY",
  openai: "OPENAI_API_KEY",
  google: "GOOGLE_GENERATIVE_AI_API_KEY",
  openrouter: "OPENROUTER_API_KEY",
  groq: "GROQ_API_KEY",
  mistral: "MISTRAL_API_KEY",
  deepseek: "DEEPSEEK_API_KEY",
  xai: "XAI_API_KEY",
  cerebras: "CEREBRAS_API_KEY",
  togetherai: "TOGETHER_API_KEY",
  "fireworks-ai": "FIREWORKS_API_KEY",
  moonshotai: "MOONSHOT_API_KEY",
  alibaba: "DASHSCOPE_API_KEY",
  opencode: "OPENCODE_API_KEY",
  "opencode-go": "OPENCODE_API_KEY",
  "amazon-bedrock": "AWS_BEARER_TOKEN_BEDROCK",
};

/** It sends the token that it keeps as the one to renew with, and never renews it. */
const copilot: Provider = { hosts: ["api.githubcopilot.com:443"], slots: [bearer], prefix: "gho_" };

const loginOf = (name: string, entry: Record<string, unknown>): Login | undefined => {
  const variable = Object.hasOwn(keys, name) ? keys[name] : undefined;
  const provider = variable === undefined ? undefined : providerOf(variable);
  const key = textOf(entry["key"]);
  if (entry["type"] === "api" && provider && key !== undefined) {
    const placeholder = placeholderOf(`opencode-${name}`, provider.prefix);
    return { key: name, kind: "key", provider, placeholder, tokens: { access: key } };
  }
  const [access, refresh] = [textOf(entry["access"]), textOf(entry["refresh"])];
  if (entry["type"] !== "oauth" || refresh === undefined) return undefined;
  if (name === "github-copilot" && entry["enterpriseUrl"] === undefined) {
    const placeholder = placeholderOf(`opencode-${name}`, copilot.prefix);
    return { key: name, kind: "key", provider: copilot, placeholder, tokens: { access: refresh } };
  }
  if (name !== "openai" || access === undefined) return undefined;
  const account = textOf(entry["accountId"]);
  const tokens = {
    ...{ access, refresh, expiresAtMs: numberOf(entry["expires"]) ?? 0 },
    ...(account !== undefined && { account }),
  };
  return { key: name, kind: "oauth", provider: chatgpt, placeholder: standInFor(access, "opencode"), tokens };
};

const read = (text: string): Login[] =>
  Object.entries(parseObject(text) ?? {}).flatMap(([name, value]) => {
    const entry = objectOf(value);
    return (entry && loginOf(name, entry)) || [];
  });

const entryFor = ({ key, kind, provider, placeholder, tokens }: Login): Json => {
  if (provider === copilot) return { type: "oauth", refresh: placeholder, access: placeholder, expires: 0 };
  if (kind === "key") return { type: "api", key: placeholder };
  const entry = { type: "oauth", refresh: `cordon-placeholder-${key}`, access: placeholder, expires: farAheadMs };
  return tokens.account === undefined ? entry : { ...entry, accountId: tokens.account };
};

export const opencode: Format = {
  read,
  standIn: (text) =>
    `${JSON.stringify(Object.fromEntries(read(text).map((login) => [login.key, entryFor(login)])), null, 2)}\n`,
  renewal: ({ kind, tokens: { refresh } }) =>
    kind === "key" || refresh === undefined
      ? undefined
      : {
          url: tokenUrl,
          headers: formHeaders,
          body: new URLSearchParams({
            grant_type: "refresh_token",
            refresh_token: refresh,
            client_id: openaiClientId,
          }).toString(),
        },
  renewed: (text, { key }, answer, nowMs) => {
    const access = textOf(answer["access_token"]);
    if (access === undefined) return undefined;
    const refresh = textOf(answer["refresh_token"]);
    const next = setValue(text, [key, "access"], access);
    const expires = nowMs + (numberOf(answer["expires_in"]) ?? 3600) * 1000;
    return setValue(
      refresh === undefined ? next : setValue(next, [key, "refresh"], refresh),
      [key, "expires"],
      expires,
    );
  },
};
