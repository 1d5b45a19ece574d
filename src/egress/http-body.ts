import { type Fields, type Framing, type Refusal, readTrailers } from "./http-fields.ts";
import { createLineCollector } from "./line-collector.ts";

/** The body of one message, and how it is framed. */
export type Body = {
  /**
   * Takes bytes of the body from `chunk` from `at` on and hands those that are in order to `forward`, chunk sizes and
   * trailers with them. Gives where it stopped and whether the body is whole.
   */
  take: (chunk: Uint8Array, at: number, forward: Forward) => Step;
};
/** Only `content` is the message's own; the rest says how long it is. */
type Forward = (bytes: Uint8Array, part: "content" | "framing") => void;
type Step = { at: number; whole: boolean; trailers?: Fields; refusal?: undefined } | { refusal: Refusal };

export type BodyLimits = {
  trailerBytes: number;
  /** Of the trailers. */
  fields: number;
  /** How long the extensions of a chunk may be, with the space around them. They are dropped or forwarded, never read. */
  extensionBytes?: number;
};

/** The body that a head announces. */
export const createBody = (head: Framing, limits: BodyLimits): Body =>
  head.bodyKind === "chunked" ? createChunkedBody(limits) : createSizedBody(head.contentLength ?? 0);

const createSizedBody = (length: number): Body => {
  let left = length;
  return {
    take: (chunk, at, forward) => {
      const end = Math.min(chunk.length, at + left);
      left -= end - at;
      if (end > at) forward(chunk.subarray(at, end), "content");
      return { at: end, whole: left === 0 };
    },
  };
};

const bareSizeLine = /^([0-9A-Fa-f]+)\r\n$/;
const sizeLine = /^([0-9A-Fa-f]{1,13})[ \t]*(?:;[^\r]*)?\r\n$/;
/** Thirteen digits and the line end: less than 2^52, and more would only be leading zeros. */
const sizeLineBytes = 15;

const tooLong: Refusal = { status: 400, reason: "a chunk is longer than it says" };
const unreadable: Refusal = { status: 400, reason: "a chunk size cannot be read" };
const unframed: Refusal = { status: 400, reason: "a chunk is not framed well" };
const longTrailers: Refusal = { status: 431, reason: "long trailers" };

const readSize = (line: Uint8Array, pattern: RegExp): number | undefined => {
  const digits = pattern.exec(String.fromCharCode(...line))?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
};

/** RFC 9112, 7.1; without leave for chunk extensions, which nobody needs and readers disagree about, with none. */
const createChunkedBody = ({ trailerBytes, fields, extensionBytes = 0 }: BodyLimits): Body => {
  const lines = createLineCollector("line", sizeLineBytes + extensionBytes);
  const trailers = createLineCollector("section", trailerBytes);
  let next: "size" | "end" | "trailers" | "nothing" = "size";
  /** Bytes of content in front of `next`. */
  let left = 0;
  let late: Fields = [];

  /** Checks a line, or the trailers, and moves on to what must follow. */
  const follow = (bytes: Uint8Array): Refusal | undefined => {
    if (next === "trailers") {
      next = "nothing";
      const read = readTrailers(bytes, fields);
      if (!("reason" in read)) late = read;
      return "reason" in read ? read : undefined;
    }
    if (next === "end") {
      next = "size";
      return bytes.length === 2 ? undefined : tooLong;
    }
    const size = readSize(bytes, extensionBytes > 0 ? sizeLine : bareSizeLine);
    if (size === undefined) return unreadable;
    left = size;
    next = left === 0 ? "trailers" : "end";
    return undefined;
  };

  const take: Body["take"] = (chunk, at, forward) => {
    let here = at;
    while (here < chunk.length && next !== "nothing") {
      if (left > 0) {
        const content = chunk.subarray(here, here + left);
        left -= content.length;
        here += content.length;
        forward(content, "content");
        continue;
      }
      const taken = (next === "trailers" ? trailers : lines).take(chunk, here);
      if (taken.fault) return { refusal: taken.fault === "long" && next === "trailers" ? longTrailers : unframed };
      here = taken.at;
      if (!taken.done) break;
      const refusal = follow(taken.done);
      if (refusal) return { refusal };
      forward(taken.done, "framing");
    }
    return { at: here, whole: next === "nothing", trailers: late };
  };

  return { take };
};
