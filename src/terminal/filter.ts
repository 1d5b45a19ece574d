import type { Modes } from "./modes.ts";
import { BACKSLASH, BEL, ESC, OSC, ST, scanElement, scanString, scanUtf8 } from "./scan.ts";
import { createJudge, MAX_STRING_LENGTH, NOTHING, STRING_END } from "./verdict.ts";
import type { Watch } from "./watch.ts";

const ENQ = 0x05;
const SHIFT_OUT = 0x0e;
const SHIFT_IN = 0x0f;
const BRACKET = 0x5b;

/** 1 = not plain text. A table, because throughput depends on the loop over plain text. */
const SPECIAL = new Uint8Array(256).fill(1, 0x80);
for (const byte of [ENQ, BEL, SHIFT_OUT, SHIFT_IN, ESC]) SPECIAL[byte] = 1;

/** Finals of the CSIs that only move, erase or colour, which make up nearly all of what programs send. */
const DRAWS = new Uint8Array(256);
for (const byte of Buffer.from("ABCDEFGHJKLMPSTXZ@`adefm")) DRAWS[byte] = 1;
const SGR = 0x6d;

/** What the body of a graphics string may hold: base64, Sixel, and line ends of programs that fold it. */
const isBodyByte = (byte: number): boolean => (byte >= 0x20 && byte < 0x7f) || byte === 0x0a || byte === 0x0d;

export type Filter = {
  /** Returns what may go on to the terminal; a chunk without anything to remove comes back as it is, uncopied. */
  push(chunk: Uint8Array): Uint8Array;
  modes: Modes;
  /** How many sequences have passed that the terminal answers. */
  questions(): number;
};

type Step = { end: number; replacement: Uint8Array | undefined };

/** The index behind the drawing CSI at `start`, or -1 when it is anything else. Sets `isPlainSgr` by the way. */
let isPlainSgr = false;
const skipDrawing = (bytes: Uint8Array, start: number): number => {
  if (bytes[start] !== ESC || bytes[start + 1] !== BRACKET) return -1;
  let digits = 0;
  let at = start + 2;
  for (; bytes[at]! >= 0x30 && bytes[at]! <= 0x3b; at++) digits |= bytes[at]! - 0x30 === 0x0b ? 0 : bytes[at]! - 0x30;
  if (DRAWS[bytes[at] ?? 0] === 0 || at - start > 256) return -1;
  isPlainSgr = digits === 0;
  return at + 1;
};

/**
 * Filters what a sandboxed program sends to the user's terminal. Every sequence is judged as a whole and an incomplete one waits
 * for the next chunk, so it makes no difference where writes are split, and what comes out is well-formed. `onCall` hears when the program asks for attention.
 */
export const createFilter = (onCall?: Watch["called"]): Filter => {
  const judge = createJudge(() => onCall?.("notification"));
  const { modes } = judge;
  let carry: Uint8Array = NOTHING;
  /** A string that is not held: its body goes on to the terminal (`passes`), or nowhere. */
  let open: { type: number; passes: boolean; previous: number } | undefined;

  const wait = (bytes: Uint8Array, at: number): Step => {
    carry = bytes.slice(at);
    return { end: bytes.length, replacement: NOTHING };
  };

  const takeString = (bytes: Uint8Array, at: number, element: { type: number; body: number }): Step => {
    const { type, body } = element;
    if (bytes.length - at <= MAX_STRING_LENGTH) return wait(bytes, at);
    open = { type, passes: false, previous: 0 };
    return { end: body, replacement: judge.refuseString(type, bytes.subarray(body)) };
  };

  const takeElement = (bytes: Uint8Array, at: number): Step => {
    const element = scanElement(bytes, at);
    if (element.kind === "incomplete") return wait(bytes, at);
    if (element.kind !== "string") return { end: element.end, replacement: judge.judge(bytes, at, element) };
    if (element.type !== OSC && judge.opensStream(element.type, bytes, element.body)) {
      open = { type: element.type, passes: true, previous: 0 };
      return { end: element.body, replacement: Uint8Array.of(ESC, element.type) };
    }
    if (!element.found) return takeString(bytes, at, element);
    return { end: element.found.end, replacement: judge.judge(bytes, at, element) };
  };

  const takeSpecial = (bytes: Uint8Array, at: number): Step => {
    const byte = bytes[at]!;
    if (byte === ENQ) return { end: at + 1, replacement: NOTHING };
    if (byte === BEL) {
      onCall?.("bell");
      return { end: at + 1, replacement: undefined };
    }
    if (byte !== SHIFT_IN && byte !== SHIFT_OUT) return takeElement(bytes, at);
    modes.noteShift(byte === SHIFT_OUT);
    return { end: at + 1, replacement: undefined };
  };

  /** Drops the rest of a string up to its end. */
  const dropBody = (bytes: Uint8Array, at: number): Step => {
    const found = scanString(bytes, open!.type, at, open!.previous);
    if (found) {
      open = undefined;
      return { end: found.end, replacement: NOTHING };
    }
    const end = bytes.at(-1) === ESC ? bytes.length - 1 : bytes.length;
    if (end > at) open!.previous = bytes[end - 1]!;
    return end < bytes.length ? wait(bytes, end) : { end, replacement: NOTHING };
  };

  /** Lets the body of a graphics string through, up to its end or to the first byte that does not belong there. */
  const passBody = (bytes: Uint8Array, at: number): Step => {
    let end = at;
    while (end < bytes.length && isBodyByte(bytes[end]!)) end++;
    if (end > at) return { end, replacement: undefined };
    if (bytes[at] === ESC && at + 1 === bytes.length) return wait(bytes, at);
    open = undefined;
    const isEnd = bytes[at] === ESC && bytes[at + 1] === BACKSLASH;
    return { end: isEnd ? at + 2 : bytes[at] === ST ? at + 1 : at, replacement: STRING_END };
  };

  const takeStep = (bytes: Uint8Array, at: number): Step =>
    open === undefined ? takeSpecial(bytes, at) : open.passes ? passBody(bytes, at) : dropBody(bytes, at);

  /** The index of the first byte at or behind `at` that needs a closer look. */
  const skipPlain = (bytes: Uint8Array, from: number): number => {
    let at = from;
    for (;;) {
      while (at < bytes.length && SPECIAL[bytes[at]!] === 0) at++;
      if (at >= bytes.length) return at;
      const end = bytes[at]! > 0xc2 ? scanUtf8(bytes, at) : skipDrawing(bytes, at);
      if (end <= at) return at;
      if (bytes[end - 1] === SGR) modes.noteSgr(isPlainSgr);
      at = end;
    }
  };

  const push = (chunk: Uint8Array): Uint8Array => {
    const bytes = carry.length > 0 ? Buffer.concat([carry, chunk]) : chunk;
    carry = NOTHING;
    const out: Uint8Array[] = [];
    let kept = 0;
    let at = 0;
    for (;;) {
      if (open === undefined) at = skipPlain(bytes, at);
      if (at >= bytes.length) break;
      const { end, replacement } = takeStep(bytes, at);
      if (replacement !== undefined) {
        out.push(bytes.subarray(kept, at), replacement);
        kept = end;
      }
      at = end;
    }
    if (out.length === 0) return bytes;
    out.push(bytes.subarray(kept));
    return Buffer.concat(out);
  };

  return { push, modes, questions: judge.questions };
};
