import type { Injection, Slot } from "../../credentials/credential.ts";
import type { Field } from "./head.ts";

/** The credentials that may go to a name and port. */
export const injectionsFor = (injections: readonly Injection[], name: string, port: number): Injection[] =>
  injections.filter(({ hosts }) => hosts.some((host) => isMeant(host, name, port)));

const isMeant = (host: string, name: string, port: number): boolean => {
  const [, pattern = "", digits] = /^(.*):(\d+)$/.exec(host) ?? [];
  if (Number(digits) !== port) return false;
  return pattern.startsWith("*.") ? name.endsWith(pattern.slice(1)) : name === pattern;
};

/** The fields as they go on, and which credentials are in them; or why not. */
export type Injected = { ok: true; fields: Field[]; used: string[] } | { ok: false; sentence: string };

/** Fields that sign somebody in, wherever they are sent. */
const signingFields = new Set([
  ...["authorization", "x-api-key", "api-key", "x-goog-api-key", "x-goog-iam-authorization-token"],
  ...["x-auth-token", "x-access-token", "private-token", "x-amz-security-token"],
]);

/** Cookies of the networks in front of a server, which sign nobody in. */
const harmlessCookie = /^(__cf_bm|__cflb|_cfuvid|cf_clearance|AWSALB\w*)$/;

/** Parts of a query that sign somebody in. */
const signingParameters = new Set(["key", "api_key", "api-key", "apikey", "access_token", "oauth_token", "auth_token"]);

/**
 * Puts real values in the place of their placeholders: in a declared field, as the whole credential, once. Whatever else
 * would sign somebody in is refused: with a credential of another's, an allowed host takes anything.
 */
export const inject = (
  target: string,
  fields: readonly Field[],
  injections: readonly Injection[],
  realOf: (credential: string) => string | undefined,
): Injected => {
  const foreign = signingParameterIn(target);
  if (foreign !== undefined) return refused(`the address signs in with \`${foreign}\``);
  const slots = injections.flatMap((injection) => injection.slots.map((slot) => ({ slot, injection })));
  const signing = new Set([...signingFields, ...slots.map(({ slot }) => slot.header)]);
  const seen = new Set<string>();
  const passed: Field[] = [];
  const used: string[] = [];
  for (const [name, value] of fields) {
    const lower = name.toLowerCase();
    if (lower === "accept-encoding" || lower.startsWith("proxy-")) continue;
    if (lower === "cookie" && !isHarmless(value)) return refused("its cookies may sign somebody in");
    if (!signing.has(lower)) {
      passed.push([name, value]);
      continue;
    }
    if (seen.has(lower)) return refused(`\`${lower}\` is there twice`);
    seen.add(lower);
    const found = slots.find(({ slot, injection }) => credentialIn(slot, lower, value) === injection.placeholder);
    if (!found) return refused(`\`${lower}\` holds another credential than the one of this run`);
    const { credential } = found.injection;
    const real = realOf(credential);
    if (real === undefined) return refused(`the credential ${credential} cannot be had now`);
    passed.push([name, withCredential(found.slot, value, real)]);
    used.push(credential);
  }
  // What comes back is looked through for the real values.
  passed.push(["accept-encoding", "identity"]);
  return { ok: true, fields: passed, used };
};

const refused = (sentence: string): Injected => ({ ok: false, sentence });

const signingParameterIn = (target: string): string | undefined => {
  const query = target.split("?", 2)[1];
  if (query === undefined) return undefined;
  return [...new URLSearchParams(query).keys()].find((name) => signingParameters.has(name.toLowerCase()));
};

const isHarmless = (cookies: string): boolean =>
  cookies.split(";").every((cookie) => harmlessCookie.test(cookie.split("=", 1)[0]!.trim()));

/** What a field's value says in this slot, without the words around it; undefined when it does not fit. */
const credentialIn = ({ header, scheme }: Slot, name: string, value: string): string | undefined => {
  if (header !== name) return undefined;
  if (scheme === undefined) return value;
  const [, word, rest] = /^(\S+) +(\S+)$/.exec(value) ?? [];
  if (word?.toLowerCase() !== scheme.toLowerCase() || rest === undefined) return undefined;
  return scheme === "Basic" ? readBasic(rest)?.password : rest;
};

/** RFC 7617; the decoded text is kept as one character a byte. */
const readBasic = (text: string): { user: string; password: string } | undefined => {
  const decoded = Buffer.from(text, "base64").toString("latin1");
  const colon = decoded.indexOf(":");
  return colon < 0 ? undefined : { user: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
};

const withCredential = ({ scheme }: Slot, value: string, real: string): string => {
  if (scheme === undefined) return real;
  const [word = "", rest = ""] = value.split(/ +/);
  if (scheme !== "Basic") return `${word} ${real}`;
  return `${word} ${Buffer.from(`${readBasic(rest)?.user}:${real}`, "latin1").toString("base64")}`;
};
