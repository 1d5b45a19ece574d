import { type Authority, readAuthority } from "./authority.ts";

/** The head of one request, checked so that two readers cannot take it for different things. */
export type RequestHead = {
  method: string;
  target: string;
  form: "origin" | "absolute" | "authority" | "asterisk";
  version: "1.0" | "1.1";
  /** Where the target itself says: always with the absolute form, with the authority form when it can be read. */
  authority?: Authority;
  /** The Host field as it was sent: one with HTTP/1.1, perhaps none with HTTP/1.0. May be empty. */
  host?: string;
  /** In their order and case, values without the space around them, one character a byte. */
  headers: [name: string, value: string][];
  /** All of the head with the empty line. */
  raw: Uint8Array;
  bodyKind: "none" | "length" | "chunked";
  /** With `bodyKind` `length`. */
  contentLength?: number;
  /** What the client wants to speak after this request, in lower case. */
  upgrade?: string;
  expectContinue: boolean;
};

/** Why a request is not taken, and the status that says so. The reason is fit for a status line. */
export type Refusal = { status: 400 | 413 | 414 | 431 | 501; reason: string };

export type Limits = { headBytes: number; fields: number; targetBytes: number; trailerBytes: number };

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const requestLine = new RegExp(`^(${token}) ([\\x21-\\x7e]+) HTTP/1\\.([01])$`);
const fieldName = new RegExp(`^(${token}):`);

/** Thrown at the first thing that is wrong, so that reading stops there; it never leaves this file. */
class Refused extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(refusal.reason);
    this.refusal = refusal;
  }
}

const refuse = (reason: string, status: Refusal["status"] = 400): never => {
  throw new Refused({ status, reason });
};

const orRefusal = <T>(read: () => T): T | Refusal => {
  try {
    return read();
  } catch (error) {
    if (error instanceof Refused) return error.refusal;
    throw error;
  }
};

/**
 * Reads a whole head: lines that end in CRLF, the last one empty, and no other control characters but tabs. RFC 9112,
 * without everything in it that is obsolete or left to taste.
 */
export const readHead = (raw: Uint8Array, limits: Limits): RequestHead | Refusal =>
  orRefusal(() => {
    const [first, ...lines] = linesOf(raw);
    const { method, target, version } = readRequestLine(first!, limits);
    if (lines.length > limits.fields) refuse("too many header fields", 431);
    const headers = lines.map(readField);
    const valuesOf = (name: string) => headers.flatMap(([own, value]) => (own.toLowerCase() === name ? [value] : []));
    const [host, ...hosts] = valuesOf("host");
    if (hosts.length > 0) refuse("several Host fields");
    if (host === undefined && version === "1.1") refuse("no Host field");
    if (host && !readAuthority(host)) refuse("the Host field is not a host");
    if (connectionOptions(headers).some((option) => framing.has(option))) refuse("Connection lists a framing field");
    const upgrade = valuesOf("upgrade").join(", ").toLowerCase();
    const expect = valuesOf("expect").join(", ").toLowerCase();
    if (expect !== "" && expect !== "100-continue") refuse("an unknown expectation");
    return {
      ...{ method, target, version, headers, raw, expectContinue: expect !== "" },
      ...readTarget(method, target),
      ...readBodyKind(version, valuesOf("content-length"), valuesOf("transfer-encoding")),
      ...(host === undefined ? {} : { host }),
      ...(upgrade === "" ? {} : { upgrade }),
    };
  });

/** Checks the fields behind the last chunk. What frames or routes a request cannot come late (RFC 9110, 6.5.1). */
export const checkTrailers = (raw: Uint8Array, limits: Limits): Refusal | undefined =>
  orRefusal(() => {
    const lines = linesOf(raw);
    if (lines.length > limits.fields) refuse("too many trailer fields", 431);
    if (lines.map(readField).some(([name]) => framing.has(name.toLowerCase())))
      refuse("a trailer that belongs into the head");
    return undefined;
  });

/** The names in the Connection fields, in lower case. */
export const connectionOptions = (headers: [name: string, value: string][]): string[] =>
  headers
    .filter(([name]) => name.toLowerCase() === "connection")
    .flatMap(([, value]) => value.split(",").map((option) => option.trim().toLowerCase()));

/** Fields that say where a request ends or whom it is for: a proxy on the way must never drop or learn them. */
const framing = new Set(["content-length", "transfer-encoding", "host"]);

/** Without the line ends and the empty line. */
const linesOf = (raw: Uint8Array): string[] => {
  const text = Buffer.from(raw.buffer, raw.byteOffset, raw.length).toString("latin1");
  return text.length === 2 ? [] : text.slice(0, -4).split("\r\n");
};

const readRequestLine = (line: string | undefined, limits: Limits) => {
  const [, method, target, minor] = requestLine.exec(line ?? "") ?? refuse("the request line cannot be read");
  if (method!.length > 32) refuse("an unknown method", 501);
  if (target!.length > limits.targetBytes) refuse("the target is too long", 414);
  // It would hand the client what the gateway or the server added to its request.
  if (method!.toUpperCase() === "TRACE") refuse("TRACE is not forwarded");
  const version: RequestHead["version"] = minor === "0" ? "1.0" : "1.1";
  return { method: method!, target: target!, version };
};

const readField = (line: string): [name: string, value: string] => {
  const [, name] = fieldName.exec(line) ?? refuse("a field cannot be read");
  return [name!, trimmed(line, name!.length + 1)];
};

/** The line from `start` on without the spaces and tabs around it: a pattern would be slow when there are many. */
const trimmed = (line: string, start: number): string => {
  let [from, to] = [start, line.length];
  while (from < to && isBlank(line[from]!)) from += 1;
  while (to > from && isBlank(line[to - 1]!)) to -= 1;
  return line.slice(from, to);
};
const isBlank = (character: string): boolean => character === " " || character === "\t";

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

const readBodyKind = (version: string, lengths: string[], codings: string[]) => {
  if (codings.length > 0) {
    if (lengths.length > 0) refuse("both Content-Length and Transfer-Encoding");
    if (codings.length > 1) refuse("several Transfer-Encoding fields");
    if (version === "1.0") refuse("Transfer-Encoding in HTTP/1.0");
    if (codings[0]!.toLowerCase() !== "chunked") refuse("an unknown Transfer-Encoding", 501);
    return { bodyKind: "chunked" as const };
  }
  if (lengths.length === 0) return { bodyKind: "none" as const };
  if (lengths.length > 1) refuse("several Content-Length fields");
  if (!/^[0-9]+$/.test(lengths[0]!)) refuse("Content-Length is not a number");
  if (lengths[0]!.length > 15) refuse("Content-Length is too large", 413);
  return { bodyKind: "length" as const, contentLength: Number(lengths[0]) };
};
