import { bearer, openaiMints, type Provider, placeholderOf, providerOf } from "../providers.ts";
import { type Format, farAheadMs, jsonHeaders, type Login } from "./format.ts";
import { objectOf, parseObject, setValue, textOf } from "./json-text.ts";
import { expiryOf, openaiAccountOf, standInFor } from "./jwt.ts";

/** Codex's `auth.json`: an API key, or a ChatGPT login. Names, address and client id are read out of Codex 0.169 itself. */
const tokenUrl = "https://auth.openai.com/oauth/token";
export const openaiClientId = "app_EMoamEEZ73f0CkXaXp7hrann";
const key = "OPENAI_API_KEY";
const table = "tokens";
/** A login without an expiry of its own is renewed when it is this old, as Codex does. */
const longestAgeMs = 8 * 24 * 60 * 60 * 1000;
const nothing = "cordon-placeholder";

/** Where a ChatGPT login is taken. */
export const chatgpt: Provider = {
  hosts: ["chatgpt.com:443", "api.openai.com:443"],
  slots: [bearer],
  prefix: "",
  mints: openaiMints,
};
const openai = providerOf(key)!;
const keyPlaceholder = placeholderOf("codex", openai.prefix);

const read = (text: string): Login[] => {
  const file = parseObject(text);
  const found = objectOf(file?.[table]);
  const apiKey = textOf(file?.[key]);
  const access = textOf(found?.["access_token"]);
  const logins: Login[] = [];
  if (apiKey !== undefined)
    logins.push({ key, kind: "key", provider: openai, placeholder: keyPlaceholder, tokens: { access: apiKey } });
  if (access === undefined) return logins;
  const refresh = textOf(found?.["refresh_token"]);
  const renewedAtMs = Date.parse(String(file?.["last_refresh"]));
  const expiresAtMs = expiryOf(access) ?? (Number.isNaN(renewedAtMs) ? undefined : renewedAtMs + longestAgeMs);
  const tokens = {
    access,
    ...openaiAccountOf(textOf(found?.["id_token"]) ?? access),
    ...(refresh !== undefined && { refresh }),
    ...(expiresAtMs !== undefined && { expiresAtMs }),
  };
  return [...logins, { key: table, kind: "oauth", provider: chatgpt, placeholder: standInFor(access, table), tokens }];
};

export const codex: Format = {
  read,
  standIn: (text) => {
    const file = parseObject(text) ?? {};
    const found = objectOf(file[table]);
    const tokens = found && {
      id_token: standInFor(textOf(found["id_token"]) ?? "", "id_token"),
      access_token: standInFor(textOf(found["access_token"]) ?? "", table),
      refresh_token: nothing,
      account_id: textOf(found["account_id"]) ?? null,
    };
    const said = {
      ...(typeof file["auth_mode"] === "string" && { auth_mode: file["auth_mode"] }),
      [key]: textOf(file[key]) === undefined ? null : keyPlaceholder,
      ...(tokens && { tokens, last_refresh: new Date(farAheadMs).toISOString() }),
    };
    return `${JSON.stringify(said, null, 2)}\n`;
  },
  renewal: ({ kind, tokens: { refresh } }) =>
    kind === "key" || refresh === undefined
      ? undefined
      : {
          url: tokenUrl,
          headers: jsonHeaders,
          body: JSON.stringify({ client_id: openaiClientId, grant_type: "refresh_token", refresh_token: refresh }),
        },
  renewed: (text, _login, answer, nowMs) => {
    const names = ["access_token", "refresh_token", "id_token"].filter((name) => textOf(answer[name]) !== undefined);
    if (!names.includes("access_token")) return undefined;
    const next = names.reduce((so, name) => setValue(so, [table, name], textOf(answer[name])!), text);
    return setValue(next, ["last_refresh"], new Date(nowMs).toISOString());
  },
};
