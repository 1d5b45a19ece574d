import type { Injection, Slot } from "../../credentials/credential.ts";
import { isLocalhost } from "../name.ts";
import type { Field } from "./head.ts";

/** The credentials that may go to a name and port. */
export const injectionsFor = (injections: readonly Injection[], name: string, port: number): Injection[] =>
  injections.filter(({ hosts }) => hosts.some((host) => isMeant(host, name, port)));

/** Where a name is spoken to without TLS: only this machine itself gets a credential so. */
const plainPort = 80;

const isMeant = (host: string, name: string, port: number): boolean => {
  const [, pattern = "", digits] = /^(.*):(\d+)$/.exec(host) ?? [];
  if (Number(digits) !== port || (port === plainPort && !isLocalhost(name))) return false;
  return pattern.startsWith("*.") ? name.endsWith(pattern.slice(1)) : name === pattern;
};

/** A field's name as servers compare it: those that hand it on as a variable take `_` for `-` (RFC 3875, 4.1.18). */
export const plainNameOf = (name: string): string => name.toLowerCase().replaceAll("_", "-");

/** The fields as they go on, and which credentials are in them; or why not. */
export type Injected = { ok: true; fields: Field[]; used: string[] } | { ok: false; sentence: string };

/** Fields that sign somebody in, wherever they are sent. */
const signingFields = new Set([
  ...["authorization", "x-api-key", "api-key", "x-goog-api-key", "x-goog-iam-authorization-token"],
  ...["x-auth-token", "x-access-token", "private-token", "x-amz-security-token"],
]);

/** Cookies of the networks in front of a server, which sign nobody in. */
const harmlessCookie = /^(__cf_bm|__cflb|_cfuvid|cf_clearance|AWSALB\w*)$/;

/** Words in the name of a WebSocket protocol, where clients without fields of their own put a credential. */
const signingProtocol = /key|token|auth|bearer|jwt|secret/i;

/** By these an answer could come back so that real values are not seen in it. */
const encodingFields = new Set(["accept-encoding", "range", "if-range", "sec-websocket-extensions"]);

/** What can stand in a field: one character a byte. */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]+$/;

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
  const signing = new Set([...signingFields, ...slots.map(({ slot }) => plainNameOf(slot.header))]);
  const seen = new Set<string>();
  const passed: Field[] = [];
  const used: string[] = [];
  for (const [name, value] of fields) {
    const lower = plainNameOf(name);
    if (encodingFields.has(lower) || lower.startsWith("proxy-")) continue;
    if (lower === "sec-websocket-protocol" && signingProtocol.test(value))
      return refused("its WebSocket protocol may sign somebody in");
    if (lower === "cookie" && !isHarmless(value)) return refused("its cookies may sign somebody in");
    if (!signing.has(lower)) {
      passed.push([name, value]);
      continue;
    }
    if (seen.has(lower)) return refused(`\`${lower}\` is there twice`);
    seen.add(lower);
    const found = slots.find(
      ({ slot, injection }) => credentialIn(slot, name.toLowerCase(), value) === injection.placeholder,
    );
    if (!found) return refused(`\`${lower}\` holds another credential than the one of this run`);
    const { credential } = found.injection;
    const real = realOf(credential);
    if (real === undefined) return refused(`the credential ${credential} cannot be had now`);
    if (!fieldValue.test(real)) return refused(`the credential ${credential} is no single line`);
    passed.push([name, withCredential(found.slot, value, real)]);
    used.push(credential);
  }
  // What comes back is looked through for the real values.
  passed.push(["accept-encoding", "identity"]);
  return { ok: true, fields: passed, used };
};

const refused = (sentence: string): Injected => ({ ok: false, sentence });

/** Some servers also begin a parameter at a `;` or at a second `?`. */
const signingParameterIn = (target: string): string | undefined => {
  const [, ...queries] = target.split("?");
  const parameters = new URLSearchParams(queries.join("&").replaceAll(";", "&"));
  return [...parameters.keys()].find((name) => signingParameters.has(name.toLowerCase()));
};

/** Of cookies as a request holds them. */
export const isHarmless = (cookies: string): boolean =>
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
