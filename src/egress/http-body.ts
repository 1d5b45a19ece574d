import { checkTrailers, type Limits, type Refusal, type RequestHead } from "./http-head.ts";
import { createLineCollector } from "./line-collector.ts";

/** The framing of one request's body. */
export type Body = {
  /**
   * Takes bytes of the body from `chunk` from `at` on and hands those that are in order to `forward`, chunk sizes and
   * trailers with them. Gives where it stopped and whether the body is whole.
   */
  take: (chunk: Uint8Array, at: number, forward: (bytes: Uint8Array) => void) => Step;
};
type Step = { at: number; whole: boolean; refusal?: undefined } | { refusal: Refusal };

/** The body that a head announces. */
export const createBody = (head: RequestHead, limits: Limits): Body =>
  head.bodyKind === "chunked" ? createChunkedBody(limits) : createSizedBody(head.contentLength ?? 0);

const createSizedBody = (length: number): Body => {
  let left = length;
  return {
    take: (chunk, at, forward) => {
      const end = Math.min(chunk.length, at + left);
      left -= end - at;
      if (end > at) forward(chunk.subarray(at, end));
      return { at: end, whole: left === 0 };
    },
  };
};

const sizeLine = /^([0-9A-Fa-f]+)\r\n$/;
/** Thirteen digits and the line end: less than 2^52, and more would only be leading zeros. */
const sizeLineBytes = 15;

/** RFC 9112, 7.1, without chunk extensions, which nobody needs and readers disagree about. */
const createChunkedBody = (limits: Limits): Body => {
  const lines = createLineCollector("line", sizeLineBytes);
  const trailers = createLineCollector("section", limits.trailerBytes);
  let next: "size" | "end" | "trailers" | "nothing" = "size";
  /** Bytes of data in front of `next`. */
  let left = 0;

  /** Checks a line, or the trailers, and moves on to what must follow. */
  const follow = (bytes: Uint8Array): Refusal | undefined => {
    if (next === "trailers") {
      next = "nothing";
      return checkTrailers(bytes, limits);
    }
    if (next === "end") {
      next = "size";
      return bytes.length === 2 ? undefined : { status: 400, reason: "a chunk is longer than it says" };
    }
    const digits = sizeLine.exec(String.fromCharCode(...bytes))?.[1];
    if (digits === undefined) return { status: 400, reason: "a chunk size cannot be read" };
    left = Number.parseInt(digits, 16);
    next = left === 0 ? "trailers" : "end";
    return undefined;
  };

  const take: Body["take"] = (chunk, at, forward) => {
    let here = at;
    while (here < chunk.length && next !== "nothing") {
      if (left > 0) {
        const data = chunk.subarray(here, here + left);
        left -= data.length;
        here += data.length;
        forward(data);
        continue;
      }
      const taken = (next === "trailers" ? trailers : lines).take(chunk, here);
      if (taken.fault === "long" && next === "trailers") return { refusal: { status: 431, reason: "long trailers" } };
      if (taken.fault) return { refusal: { status: 400, reason: "a chunk is not framed well" } };
      here = taken.at;
      if (!taken.done) break;
      const refusal = follow(taken.done);
      if (refusal) return { refusal };
      forward(taken.done);
    }
    return { at: here, whole: next === "nothing" };
  };

  return { take };
};
