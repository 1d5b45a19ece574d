import { anthropicToken, placeholderOf } from "../providers.ts";
import { type Format, jsonHeaders, type Login } from "./format.ts";
import { numberOf, objectOf, parseObject, setValue, textOf } from "./json-text.ts";

/**
 * Claude Code's `.credentials.json`, or the same text in the Keychain. Names, address and client id are read out of
 * Claude Code 2.1 itself.
 */
const tokenUrl = "https://platform.claude.com/v1/oauth/token";
const clientId = "9d1c250a-e61b-44d9-88ed-5944d1962f5e";
const ownScopes = [
  ...["user:profile", "user:inference", "user:sessions:claude_code", "user:mcp_servers", "user:file_upload"],
];
const table = "claudeAiOauth";
const placeholder = placeholderOf("claude", anthropicToken.prefix);

const tableOf = (text: string): Record<string, unknown> | undefined => objectOf(parseObject(text)?.[table]);

const read = (text: string): Login[] => {
  const found = tableOf(text);
  const access = textOf(found?.["accessToken"]);
  if (!found || access === undefined) return [];
  const [refresh, plan] = [textOf(found["refreshToken"]), textOf(found["subscriptionType"])];
  const expiresAtMs = numberOf(found["expiresAt"]);
  const application = textOf(found["clientId"]);
  const tokens = {
    ...{ access, scopes: scopesOf(found) },
    ...(refresh !== undefined && { refresh }),
    ...(plan !== undefined && { plan }),
    ...(expiresAtMs !== undefined && { expiresAtMs }),
    ...(application !== undefined && { application }),
  };
  return [{ key: table, kind: "oauth", provider: anthropicToken, placeholder, tokens }];
};

const scopesOf = (found: Record<string, unknown>): string[] =>
  Array.isArray(found["scopes"]) ? found["scopes"].filter((scope) => typeof scope === "string") : [];

export const claude: Format = {
  read,
  // Without a refresh token the client does not try to renew; a far date would overflow its timers, none means no expiry.
  standIn: (text) => {
    const found = tableOf(text) ?? {};
    const { subscriptionType = null, rateLimitTier = null } = found;
    const fields = { accessToken: placeholder, refreshToken: null, expiresAt: null };
    return `${JSON.stringify({ [table]: { ...fields, scopes: scopesOf(found), subscriptionType, rateLimitTier } })}\n`;
  },
  renewal: ({ tokens: { refresh, scopes = [], application } }) =>
    refresh === undefined
      ? undefined
      : {
          url: tokenUrl,
          headers: jsonHeaders,
          body: JSON.stringify({
            grant_type: "refresh_token",
            refresh_token: refresh,
            client_id: application ?? clientId,
            scope: (scopes.length > 0 ? scopes : ownScopes).join(" "),
          }),
        },
  renewed: (text, _login, answer, nowMs) => {
    const access = textOf(answer["access_token"]);
    const lifeSeconds = numberOf(answer["expires_in"]);
    if (access === undefined || lifeSeconds === undefined) return undefined;
    const refresh = textOf(answer["refresh_token"]);
    const scope = textOf(answer["scope"]);
    let next = setValue(text, [table, "accessToken"], access);
    if (refresh !== undefined) next = setValue(next, [table, "refreshToken"], refresh);
    if (scope !== undefined) next = setValue(next, [table, "scopes"], scope.split(" "));
    return setValue(next, [table, "expiresAt"], nowMs + lifeSeconds * 1000);
  },
};
