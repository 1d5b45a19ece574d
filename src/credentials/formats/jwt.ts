import { farAheadMs } from "./format.ts";
import { numberOf, objectOf, parseObject } from "./json-text.ts";

/** The claims of a token that its client may read (RFC 7519). The signature is the server's business. */
export const claimsOf = (token: string): Record<string, unknown> => {
  const [, payload] = token.split(".");
  return (payload && parseObject(Buffer.from(payload, "base64url").toString())) || {};
};

/** When a token expires by its own claim. */
export const expiryOf = (token: string): number | undefined => {
  const seconds = numberOf(claimsOf(token)["exp"]);
  return seconds === undefined ? undefined : seconds * 1000;
};

const auth = "https://api.openai.com/auth";
const profile = "https://api.openai.com/profile";

/** What OpenAI's clients read out of their tokens: who, which account, which plan. */
const readClaims = [
  ...["chatgpt_account_id", "chatgpt_account_is_fedramp", "chatgpt_compute_residency", "chatgpt_plan_type"],
  ...["chatgpt_user_id", "chatgpt_account_user_id", "user_id"],
];

/** A token of the same shape that says the same of its user, and signs nobody in. */
export const standInFor = (token: string, name: string): string => {
  const claims = claimsOf(token);
  const account = objectOf(claims[auth]) ?? {};
  const kept = readClaims.flatMap((key) => (key in account ? [[key, account[key]] as const] : []));
  const payload = {
    iss: "cordon-placeholder",
    jti: name,
    exp: farAheadMs / 1000,
    ...(typeof claims["email"] === "string" && { email: claims["email"] }),
    ...(typeof objectOf(claims[profile])?.["email"] === "string" && {
      [profile]: { email: objectOf(claims[profile])!["email"] },
    }),
    ...(kept.length > 0 && { [auth]: Object.fromEntries(kept) }),
  };
  return [JSON.stringify({ alg: "RS256", typ: "JWT" }), JSON.stringify(payload), "cordon-placeholder"]
    .map((part) => Buffer.from(part).toString("base64url"))
    .join(".");
};

export const openaiAccountOf = (token: string): { account?: string; plan?: string } => {
  const { chatgpt_account_id: account, chatgpt_plan_type: plan } = objectOf(claimsOf(token)[auth]) ?? {};
  return {
    ...(typeof account === "string" && { account }),
    ...(typeof plan === "string" && { plan }),
  };
};
