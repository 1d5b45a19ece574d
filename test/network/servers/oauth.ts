import { createHash, randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { chatgptAccount } from "../../models/routes.ts";
import { readBody, sendJson } from "./secure.ts";

/** What a client that is logged in holds. */
export type Tokens = { access: string; refresh: string; expiresAtMs: number };

/** How the tokens of one issuer look and behave. */
export type Issuer = {
  /** The path of its token endpoint. */
  path: string;
  /** A refresh token is good once, and its answer holds the next. */
  rotates: boolean;
  makeAccess: (expiresAtMs: number) => string;
  makeRefresh: () => string;
  /** What its answer says besides. */
  extra: () => object;
};

const random = (bytes: number): string => randomBytes(bytes).toString("base64url");
const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A token that its client may read (RFC 7519); nobody checks the signature. */
const makeJwt = (claims: object): string => `${part({ alg: "RS256", typ: "JWT" })}.${part(claims)}.${random(64)}`;

const openaiClaims = {
  email: "agnes@shop.test",
  "https://api.openai.com/auth": {
    chatgpt_account_id: chatgptAccount,
    chatgpt_plan_type: "pro",
    chatgpt_user_id: "u-1",
  },
};
const makeOpenaiJwt = (expiresAtMs: number): string =>
  makeJwt({ ...openaiClaims, iat: 1_700_000_000, exp: Math.floor(expiresAtMs / 1000), jti: random(9) });

export const claudeScopes = ["user:inference", "user:profile", "user:sessions:claude_code"];

/** Read out of the agents themselves: paths, shapes of the tokens, fields of the answers. */
export const issuers = {
  claude: {
    path: "/v1/oauth/token",
    rotates: true,
    makeAccess: () => `sk-ant-oat01-${random(64)}-AA`,
    makeRefresh: () => `sk-ant-ort01-${random(64)}-AA`,
    extra: () => ({
      scope: claudeScopes.join(" "),
      account: { uuid: "a-1", email_address: "agnes@shop.test" },
      organization: { uuid: "o-1", name: "the shop" },
    }),
  },
  codex: {
    path: "/oauth/token",
    rotates: true,
    makeAccess: makeOpenaiJwt,
    makeRefresh: () => `rt_${random(64)}`,
    extra: () => ({ id_token: makeOpenaiJwt(Date.now() + 3_600_000) }),
  },
  gemini: {
    path: "/token",
    rotates: false,
    makeAccess: () => `ya29.${random(96)}`,
    makeRefresh: () => `1//0${random(64)}`,
    extra: () => ({ scope: "https://www.googleapis.com/auth/cloud-platform openid" }),
  },
} satisfies Record<string, Issuer>;

export type OAuthServer = ReturnType<typeof createOAuth>;

/**
 * A scripted issuer of tokens (RFC 6749, RFC 7636). `lifeMs` is how long its access tokens are said to live. `everything` is
 * every token that it ever gave: what must be found nowhere inside.
 */
export const createOAuth = (issuer: Issuer, lifeMs = 8 * 3_600_000) => {
  /** By its expiry. */
  const access = new Map<string, number>();
  const refresh = new Set<string>();
  const codes = new Map<string, string | undefined>();
  const everything: string[] = [];
  const seen = { refreshes: 0, exchanges: 0, refused: 0 };

  const issue = (lifetimeMs = lifeMs): Tokens => {
    const expiresAtMs = Date.now() + lifetimeMs;
    const tokens = { access: issuer.makeAccess(expiresAtMs), refresh: issuer.makeRefresh(), expiresAtMs };
    access.set(tokens.access, expiresAtMs);
    refresh.add(tokens.refresh);
    everything.push(tokens.access, tokens.refresh);
    return tokens;
  };

  const renew = (given: string): Tokens | undefined => {
    if (!refresh.has(given)) return undefined;
    seen.refreshes++;
    const tokens = issue();
    if (issuer.rotates) refresh.delete(given);
    else refresh.delete(tokens.refresh);
    return issuer.rotates ? tokens : { ...tokens, refresh: given };
  };

  const exchange = (code: string, verifier: string): Tokens | undefined => {
    const challenge = codes.get(code);
    if (!codes.delete(code)) return undefined;
    if (challenge !== undefined && createHash("sha256").update(verifier).digest("base64url") !== challenge)
      return undefined;
    seen.exchanges++;
    return issue();
  };

  const isGood = (authorization: string | undefined): boolean =>
    (access.get(/^Bearer (.*)$/.exec(authorization ?? "")?.[1] ?? "") ?? 0) > Date.now();

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = (await readBody(request)).toString();
    // Google's client asks whether its token is good before it uses it.
    if (request.url?.startsWith("/tokeninfo"))
      return isGood(request.headers.authorization)
        ? sendJson(response, { expires_in: 3599, scope: "openid" })
        : sendJson(response, { error: "invalid_token" }, 400);
    if (!request.url?.startsWith(issuer.path)) return sendJson(response, { error: "not here" }, 404);
    const isJson = `${request.headers["content-type"]}`.includes("json");
    const given: Record<string, string> = isJson ? JSON.parse(body) : Object.fromEntries(new URLSearchParams(body));
    const isRefresh = given["grant_type"] === "refresh_token";
    const tokens = isRefresh
      ? renew(given["refresh_token"] ?? "")
      : exchange(given["code"] ?? "", given["code_verifier"] ?? "");
    if (!tokens) {
      seen.refused++;
      return sendJson(response, { error: "invalid_grant", error_description: "not good, or used before" }, 400);
    }
    const rotated = issuer.rotates || !isRefresh ? { refresh_token: tokens.refresh } : {};
    const lifetime = Math.max(0, Math.round((tokens.expiresAtMs - Date.now()) / 1000));
    const common = { token_type: "Bearer", access_token: tokens.access, expires_in: lifetime, ...rotated };
    sendJson(response, { ...common, ...issuer.extra() });
  };

  return {
    ...{ issuer, seen, everything, answer, login: issue },
    /** Is this the `Authorization` of somebody who is logged in? */
    isGood,
    isRefreshGood: (token: string): boolean => refresh.has(token),
    /** From now on no access token is good that was given before. */
    expire: (): void => access.clear(),
    /** The person presses the button: gives the code that the page would show for this authorization URL. */
    approve: (url: string): string => {
      const code = random(32);
      codes.set(code, new URL(url).searchParams.get("code_challenge") ?? undefined);
      return code;
    },
  };
};
