import { type Authority, readAuthority } from "./authority.ts";
import {
  type Fields,
  type Framing,
  linesOf,
  orRefusal,
  type Refusal,
  readFields,
  readFraming,
  refuse,
  token,
  valuesOf,
} from "./http-fields.ts";

/** The head of one request, checked so that two readers cannot take it for different things. */
export type RequestHead = Framing & {
  method: string;
  target: string;
  form: "origin" | "absolute" | "authority" | "asterisk";
  version: "1.0" | "1.1";
  /** Where the target itself says: always with the absolute form, with the authority form when it can be read. */
  authority?: Authority;
  /** The Host field as it was sent: one with HTTP/1.1, perhaps none with HTTP/1.0. May be empty. */
  host?: string;
  headers: Fields;
  /** All of the head with the empty line. */
  raw: Uint8Array;
  /** What the client wants to speak after this request, in lower case. */
  upgrade?: string;
  expectContinue: boolean;
};

export type Limits = { headBytes: number; fields: number; targetBytes: number; trailerBytes: number };

const requestLine = new RegExp(`^(${token}) ([\\x21-\\x7e]+) HTTP/1\\.([01])$`);

/**
 * Reads a whole head: lines that end in CRLF, the last one empty, and no other control characters but tabs. RFC 9112,
 * without everything in it that is obsolete or left to taste.
 */
export const readHead = (raw: Uint8Array, limits: Limits): RequestHead | Refusal =>
  orRefusal(() => {
    const [first, ...lines] = linesOf(raw);
    const { method, target, version } = readRequestLine(first!, limits);
    const headers = readFields(lines, limits.fields);
    const [host, ...hosts] = valuesOf(headers, "host");
    if (hosts.length > 0) refuse("several Host fields");
    if (host === undefined && version === "1.1") refuse("no Host field");
    if (host && !readAuthority(host)) refuse("the Host field is not a host");
    const upgrade = valuesOf(headers, "upgrade").join(", ").toLowerCase();
    const expect = valuesOf(headers, "expect").join(", ").toLowerCase();
    if (expect !== "" && expect !== "100-continue") refuse("an unknown expectation");
    return {
      ...{ method, target, version, headers, raw, expectContinue: expect !== "" },
      ...readTarget(method, target),
      ...readFraming(version, headers),
      ...(host === undefined ? {} : { host }),
      ...(upgrade === "" ? {} : { upgrade }),
    };
  });

const readRequestLine = (line: string | undefined, limits: Limits) => {
  const [, method, target, minor] = requestLine.exec(line ?? "") ?? refuse("the request line cannot be read");
  if (method!.length > 32) refuse("an unknown method", 501);
  if (target!.length > limits.targetBytes) refuse("the target is too long", 414);
  // It would hand the client what the gateway or the server added to its request.
  if (method!.toUpperCase() === "TRACE") refuse("TRACE is not forwarded");
  const version: RequestHead["version"] = minor === "0" ? "1.0" : "1.1";
  return { method: method!, target: target!, version };
};

const readTarget = (method: string, target: string): Pick<RequestHead, "form" | "authority"> => {
  if (target.includes("#")) refuse("the target has a fragment");
  if (method === "CONNECT") {
    const authority = readAuthority(target);
    return { form: "authority", ...(authority ? { authority } : {}) };
  }
  if (target.startsWith("/")) return { form: "origin" };
  if (target === "*" && method === "OPTIONS") return { form: "asterisk" };
  const [, host] = /^http:\/\/([^/?]*)/i.exec(target) ?? refuse("the target has no known form");
  return { form: "absolute", authority: readAuthority(host!) ?? refuse("the target's host cannot be read") };
};
