import { type Needles, pairAt } from "./needles.ts";

export { createNeedles, type Needles } from "./needles.ts";

/** Replaces needles in one stream of bytes by as many `*`, wherever the stream is cut. */
export type Scrubber = {
  /** What may go on: the chunk itself when nothing is in it. Only what may be the beginning of a needle is held back. */
  push(chunk: Uint8Array): Uint8Array;
  /** What is held back, at the end of the stream. The scrubber can then be used anew. */
  flush(): Uint8Array;
};

const star = 42;

/** Every byte of every occurrence becomes a star, also where occurrences overlap. No chunk is changed in place. */
export const createScrubber = (needles: Needles): Scrubber => {
  let held: Uint8Array = new Uint8Array(0);
  /** How many of the first bytes that are held belong to a needle that began before them. */
  let covered = 0;

  /** Gives the bytes before `border` and holds the others. */
  const scrub = (bytes: Uint8Array, border: number): Uint8Array => {
    const found = find(needles, bytes);
    if (covered > 0) found.push({ start: -1, end: covered });
    covered = 0;
    let given = bytes;
    for (const { start, end } of found) {
      // Found again when what is held is looked at with what follows.
      if (start >= border) continue;
      if (given === bytes) given = new Uint8Array(bytes);
      given.fill(star, Math.max(start, 0), end);
      covered = Math.max(covered, end - border);
    }
    held = new Uint8Array(bytes.subarray(border));
    return border === bytes.length ? given : given.subarray(0, border);
  };

  const push = (chunk: Uint8Array): Uint8Array => {
    const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    return scrub(bytes, findBeginning(needles, bytes));
  };
  return { push, flush: () => scrub(held, held.length) };
};

/** The text, one character a byte, with stars in the place of needles. */
export const scrubText = (text: string, needles: Needles): string => {
  const bytes = Buffer.from(text, "latin1");
  const found = find(needles, bytes);
  for (const { start, end } of found) bytes.fill(star, start, end);
  return found.length === 0 ? text : bytes.toString("latin1");
};

type Span = { start: number; end: number };

/**
 * All occurrences. Looks at two bytes and then moves on as far as any needle allows, so that many long needles cost
 * about as much as one (Wu and Manber, A fast algorithm for multi-pattern searching, 1994).
 */
const find = (needles: Needles, bytes: Uint8Array): Span[] => {
  const { window, skips, endingWith } = needles;
  const found: Span[] = [];
  for (let last = window - 1; last < bytes.length; ) {
    const pair = pairAt(bytes, last);
    const skip = skips[pair]!;
    last += skip;
    if (skip > 0) continue;
    const start = last - window + 1;
    for (const needle of endingWith.get(pair)!) {
      if (agree(bytes, start, needle, needle.length)) found.push({ start, end: start + needle.length });
    }
    last += 1;
  }
  return found;
};

/** Where the longest end of `bytes` begins that more bytes could make a needle of; their length if there is none. */
const findBeginning = ({ longest, startingWith }: Needles, bytes: Uint8Array): number => {
  for (let at = Math.max(0, bytes.length - longest + 1); at < bytes.length; at += 1) {
    const length = bytes.length - at;
    for (const needle of startingWith[bytes[at]!]!)
      if (needle.length > length && agree(bytes, at, needle, length)) return at;
  }
  return bytes.length;
};

/** Whether `length` bytes of both are the same. Behind the end of `bytes` nothing is. */
const agree = (bytes: Uint8Array, start: number, needle: Uint8Array, length: number): boolean => {
  for (let at = 0; at < length; at += 1) if (bytes[start + at] !== needle[at]) return false;
  return true;
};
