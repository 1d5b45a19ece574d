import {
  type Framing,
  linesOf,
  orRefusal,
  type Refusal,
  readFields,
  readFraming,
  refuse,
  valuesOf,
} from "../http-fields.ts";
import type { Field } from "./head.ts";

export type ResponseHead = {
  status: number;
  version: "1.0" | "1.1";
  /** The words behind the status, one character a byte. May be empty. */
  phrase: string;
  fields: Field[];
  /** `close`: all that comes until the server ends the connection. */
  bodyKind: Framing["bodyKind"] | "close";
  /** With `bodyKind` `length`. */
  contentLength?: number;
  /** With status 101: what is spoken from now on, in lower case. */
  upgrade?: string;
};

/** RFC 9112, 4; some servers leave the space out when they have nothing to say behind it. */
const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: (.*))?$/;

/** Reads a whole head that answers a request with `method`. Refuses what two readers could take for different things. */
export const readResponseHead = (raw: Uint8Array, method: string, mostFields: number): ResponseHead | Refusal =>
  orRefusal(() => {
    const [first, ...lines] = linesOf(raw);
    const [, minor, digits, phrase = ""] = statusLine.exec(first ?? "") ?? refuse("the status line cannot be read");
    const [status, version] = [Number(digits), minor === "0" ? ("1.0" as const) : ("1.1" as const)];
    const fields: Field[] = readFields(lines, mostFields);
    const head = { status, version, phrase, fields };
    const framing = readFraming(version, fields);
    if (status === 101) return { ...head, ...readSwitch(version, fields) };
    if (method === "CONNECT" && status >= 200 && status < 300) refuse("a tunnel");
    if (status < 200 || status === 204 || status === 304 || method === "HEAD") return { ...head, bodyKind: "none" };
    return framing.bodyKind === "none" ? { ...head, bodyKind: "close" } : { ...head, ...framing };
  });

const readSwitch = (version: string, fields: Field[]): Pick<ResponseHead, "bodyKind" | "upgrade"> => {
  const upgrade = valuesOf(fields, "upgrade").join(", ").toLowerCase();
  if (upgrade === "" || version === "1.0") refuse("a switch to no protocol");
  return { bodyKind: "close", upgrade };
};

/** The head with other fields. They must frame the body as its own do. */
export const writeResponseHead = ({ version, status, phrase }: ResponseHead, fields: readonly Field[]): Uint8Array =>
  Buffer.from(`HTTP/${version} ${status} ${phrase}\r\n${linesOfFields(fields)}\r\n`, "latin1");

/** One chunk of a chunked body, of the pieces as they are. Without content nothing, as an empty chunk would be the last. */
export const chunkOf = (content: readonly Uint8Array[]): Uint8Array[] => {
  const length = content.reduce((sum, bytes) => sum + bytes.length, 0);
  if (length === 0) return [];
  return [Buffer.from(`${length.toString(16)}\r\n`), ...content, Buffer.from("\r\n")];
};

/** The end of a chunked body. */
export const lastChunk = (trailers: readonly Field[]): Uint8Array =>
  Buffer.from(`0\r\n${linesOfFields(trailers)}\r\n`, "latin1");

const linesOfFields = (fields: readonly Field[]): string =>
  fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
