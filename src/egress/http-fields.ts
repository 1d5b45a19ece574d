/** What the heads of requests and of answers have in common: lines of fields, and how they frame the body. */

/** Why a head or a body is not taken, and the status that says so to a client. The reason is fit for a status line. */
export type Refusal = { status: 400 | 413 | 414 | 431 | 501; reason: string };

/** One field of a head: its name as it was sent, its value without space around it, one character a byte. */
export type Field = [name: string, value: string];
/** In their order. */
export type Fields = Field[];

/** How the end of a body is found. */
export type Framing = {
  bodyKind: "none" | "length" | "chunked";
  /** With `bodyKind` `length`. */
  contentLength?: number;
};

/** Thrown at the first thing that is wrong, so that reading stops there; `orRefusal` catches it. */
class Refused extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(refusal.reason);
    this.refusal = refusal;
  }
}

export const refuse = (reason: string, status: Refusal["status"] = 400): never => {
  throw new Refused({ status, reason });
};

/** What `read` gives, or what it refused with. */
export const orRefusal = <T>(read: () => T): T | Refusal => {
  try {
    return read();
  } catch (error) {
    if (error instanceof Refused) return error.refusal;
    throw error;
  }
};

/** The characters of a method or of a field's name, as the source of a pattern (RFC 9110, 5.6.2). */
export const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const fieldName = new RegExp(`^(${token}):`);

/** The lines of a section that ends with an empty line, without that and without the line ends. */
export const linesOf = (raw: Uint8Array): string[] => {
  const text = Buffer.from(raw.buffer, raw.byteOffset, raw.length).toString("latin1");
  return text.length === 2 ? [] : text.slice(0, -4).split("\r\n");
};

/** Refuses with more than `most` lines or with one that is not a field. */
export const readFields = (lines: readonly string[], most: number): Fields => {
  if (lines.length > most) refuse("too many fields", 431);
  return lines.map(readField);
};

const readField = (line: string): Field => {
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

/** The values of the fields with a name in lower case. */
export const valuesOf = (fields: Fields, name: string): string[] =>
  fields.flatMap(([own, value]) => (own.toLowerCase() === name ? [value] : []));

/** The names in the Connection fields, in lower case. */
export const connectionOptions = (fields: Fields): string[] =>
  valuesOf(fields, "connection").flatMap((value) => value.split(",").map((option) => option.trim().toLowerCase()));

/** Fields that say where a message ends or whom it is for: a proxy on the way must never drop or learn them. */
const framing = new Set(["content-length", "transfer-encoding", "host"]);

/** Fields that sign somebody in; some servers take trailers for fields of the head. */
const signing = /^(?:(?:proxy-)?authorization|(?:set-)?cookie|(?:.*[-_])?api[-_]key)$/i;

/** The fields behind the last chunk. What frames, routes or allows a message cannot come late (RFC 9110, 6.5.1). */
export const readTrailers = (raw: Uint8Array, most: number): Fields | Refusal =>
  orRefusal(() => {
    const fields = readFields(linesOf(raw), most);
    if (fields.some(([name]) => framing.has(name.toLowerCase()) || signing.test(name)))
      refuse("a trailer that belongs into the head");
    return fields;
  });

/** Refuses everything that two readers could frame differently. */
export const readFraming = (version: "1.0" | "1.1", fields: Fields): Framing => {
  if (connectionOptions(fields).some((option) => framing.has(option))) refuse("Connection lists a framing field");
  const lengths = valuesOf(fields, "content-length");
  const codings = valuesOf(fields, "transfer-encoding");
  if (codings.length > 0) {
    if (lengths.length > 0) refuse("both Content-Length and Transfer-Encoding");
    if (codings.length > 1) refuse("several Transfer-Encoding fields");
    if (version === "1.0") refuse("Transfer-Encoding in HTTP/1.0");
    if (codings[0]!.toLowerCase() !== "chunked") refuse("an unknown Transfer-Encoding", 501);
    return { bodyKind: "chunked" };
  }
  if (lengths.length === 0) return { bodyKind: "none" };
  if (lengths.length > 1) refuse("several Content-Length fields");
  if (!/^[0-9]+$/.test(lengths[0]!)) refuse("Content-Length is not a number");
  if (lengths[0]!.length > 15) refuse("Content-Length is too large", 413);
  return { bodyKind: "length", contentLength: Number(lengths[0]) };
};
