import fs from "node:fs";
import tls from "node:tls";
import type { TokenRequest } from "./formats/format.ts";
import { parseObject, textOf } from "./formats/json-text.ts";

/** What a token endpoint answered. `final` means that asking again is useless until somebody signs in anew. */
export type Answer = { ok: true; body: Record<string, unknown> } | { ok: false; isFinal: boolean; reason: string };

export type Exchange = (request: TokenRequest) => Promise<Answer>;

const timeoutMs = 30_000;
const maxBytes = 256 * 1024;

/** Codes that end a login: RFC 6749, 5.2, and what OpenAI's server says in its place. */
const finalCodes = new Set([
  ...["invalid_grant", "refresh_token_expired", "refresh_token_reused", "refresh_token_invalidated"],
]);

/**
 * Sends requests to token endpoints from the host, by the authorities that the user's own programs trust and by the
 * user's proxy. Follows no redirect, waits at most 30 seconds and reads at most 256 KiB. Never rejects.
 */
export const exchangeFrom =
  (env: Record<string, string>): Exchange =>
  async ({ url, headers, body }) => {
    try {
      const proxy = proxyFor(new URL(url).hostname, env);
      const response = await fetch(url, {
        ...{
          method: "POST",
          headers,
          body,
          redirect: "manual",
          keepalive: false,
          signal: AbortSignal.timeout(timeoutMs),
        },
        tls: { ca: authoritiesOf(env), rejectUnauthorized: true },
        ...(proxy !== undefined && { proxy }),
      });
      return readAnswer(response.status, await readBounded(response));
    } catch (cause) {
      return { ok: false, isFinal: false, reason: reasonOf(cause) };
    }
  };

/** Without the answer's own text: there may be a secret in it. */
export const readAnswer = (status: number, text: string): Answer => {
  const body = parseObject(text);
  if (status === 200 && body) return { ok: true, body };
  const error = body?.["error"];
  const code = textOf(error) ?? textOf((error as { code?: unknown } | undefined)?.code) ?? textOf(body?.["code"]) ?? "";
  if (finalCodes.has(code)) return { ok: false, isFinal: true, reason: `the server no longer takes it (${code})` };
  return { ok: false, isFinal: false, reason: `the server answered ${status}` };
};

const readBounded = async (response: Response): Promise<string> => {
  const decoder = new TextDecoder();
  let text = "";
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength;
    if (length > maxBytes) throw new Error("the answer is too long");
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
};

const reasonOf = (cause: unknown): string => {
  const { name, code, message } = cause as { name?: string; code?: string; message?: string };
  if (name === "TimeoutError") return `the server did not answer within ${timeoutMs / 1000} seconds`;
  return `the server cannot be reached (${code ?? message ?? "unknown reason"})`;
};

/** The runtime's authorities, the system's, and those of the user's variables. */
const authoritiesOf = (env: Record<string, string>): string[] => [
  ...new Set([
    ...tls.rootCertificates,
    ...tls.getCACertificates("system"),
    ...["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"].flatMap((name) => readBundle(env[name])),
  ]),
];

const readBundle = (file: string | undefined): string[] => {
  try {
    return file ? [fs.readFileSync(file, "utf8")] : [];
  } catch {
    return [];
  }
};

/** Lower case wins, as with curl. `NO_PROXY` lists names, each with its sub-domains, or `*`. */
const proxyFor = (name: string, env: Record<string, string>): string | undefined => {
  const read = (variable: string) => env[variable.toLowerCase()] || env[variable];
  const proxy = read("HTTPS_PROXY") ?? read("ALL_PROXY");
  const bypass = (read("NO_PROXY") ?? "").toLowerCase().split(/[\s,]+/);
  const isDirect = bypass.some((entry) => {
    const suffix = entry.replace(/^\*?\.?/, "");
    return entry === "*" || (suffix !== "" && (name === suffix || name.endsWith(`.${suffix}`)));
  });
  return !proxy || isDirect ? undefined : proxy.includes("://") ? proxy : `http://${proxy}`;
};
