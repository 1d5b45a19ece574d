import type { Provider } from "../providers.ts";

/** What a client keeps of one login. */
export type Tokens = {
  access: string;
  refresh?: string;
  /** Milliseconds since 1970. Without it the server alone knows. */
  expiresAtMs?: number;
  scopes?: string[];
  plan?: string;
  account?: string;
  /** The application that the login belongs to, where it is not the client itself. */
  application?: string;
};

/** One credential in a credential file. */
export type Login = {
  /** Unique within the file. */
  key: string;
  kind: "key" | "oauth";
  provider: Provider;
  placeholder: string;
  tokens: Tokens;
};

export type TokenRequest = { url: string; headers: Record<string, string>; body: string };

/** How one client writes its logins down. Pure: texts in, texts out; a text that means nothing holds no login. */
export type Format = {
  read(text: string): Login[];
  /** What stands inside in place of the text: placeholders that never expire, and no way to renew them. */
  standIn(text: string): string;
  /** Undefined when this login cannot be renewed. */
  renewal(login: Login): TokenRequest | undefined;
  /** The text with what the server answered in it, all else as it was. Undefined when the answer holds no token. */
  renewed(text: string, login: Login, answer: Record<string, unknown>, nowMs: number): string | undefined;
};

/** 2100-01-01: later than any session, and still a date that every client can read. */
export const farAheadMs = 4_102_444_800_000;

export const jsonHeaders = { "content-type": "application/json", accept: "application/json" };
export const formHeaders = { "content-type": "application/x-www-form-urlencoded", accept: "application/json" };
