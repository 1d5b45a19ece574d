import { bearer, type Provider, placeholderOf } from "../providers.ts";
import { type Format, farAheadMs, formHeaders, type Login } from "./format.ts";
import { numberOf, parseObject, setValue, textOf } from "./json-text.ts";

/** Gemini CLI's `oauth_creds.json`. Names, address and client are read out of Gemini CLI 0.4x itself. */
const tokenUrl = "https://oauth2.googleapis.com/token";
const clientId = "681255809395-oo8ft2oprdrnp9e3aqf6av3hmdib135j.apps.googleusercontent.com";
/** Of an installed application: everybody who has it can read it (developers.google.com/identity/protocols/oauth2, "Installed applications"). */
const clientSecret = "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";

/** The second host is asked what the token is good for. */
const provider: Provider = {
  hosts: ["cloudcode-pa.googleapis.com:443", "oauth2.googleapis.com:443"],
  slots: [bearer],
  prefix: "ya29.",
};
const placeholder = placeholderOf("gemini", provider.prefix);

const read = (text: string): Login[] => {
  const file = parseObject(text);
  const access = textOf(file?.["access_token"]);
  const refresh = textOf(file?.["refresh_token"]);
  const expiresAtMs = numberOf(file?.["expiry_date"]);
  if (access === undefined && refresh === undefined) return [];
  const tokens = {
    // A file with a refresh token alone is a login that has to be renewed at once.
    ...(access === undefined ? { access: "", expiresAtMs: 0 } : { access }),
    ...(refresh !== undefined && { refresh }),
    ...(access !== undefined && expiresAtMs !== undefined && { expiresAtMs }),
    scopes: (textOf(file?.["scope"]) ?? "").split(" ").filter((scope) => scope !== ""),
  };
  return [{ key: "access_token", kind: "oauth", provider, placeholder, tokens }];
};

export const gemini: Format = {
  read,
  standIn: (text) => {
    const scope = textOf(parseObject(text)?.["scope"]);
    const fields = { access_token: placeholder, token_type: "Bearer", expiry_date: farAheadMs };
    return `${JSON.stringify(scope === undefined ? fields : { ...fields, scope }, null, 2)}\n`;
  },
  renewal: ({ tokens: { refresh } }) =>
    refresh === undefined
      ? undefined
      : {
          url: tokenUrl,
          headers: formHeaders,
          body: new URLSearchParams({
            client_id: clientId,
            client_secret: clientSecret,
            refresh_token: refresh,
            grant_type: "refresh_token",
          }).toString(),
        },
  renewed: (text, _login, answer, nowMs) => {
    const lifeSeconds = numberOf(answer["expires_in"]);
    if (textOf(answer["access_token"]) === undefined || lifeSeconds === undefined) return undefined;
    const names = ["access_token", "refresh_token", "id_token", "scope"];
    const next = names.reduce((so, name) => {
      const value = textOf(answer[name]);
      return value === undefined ? so : setValue(so, [name], value);
    }, text);
    return setValue(next, ["expiry_date"], nowMs + lifeSeconds * 1000);
  },
};
