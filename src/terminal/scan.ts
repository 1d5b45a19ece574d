/** One lexical element of terminal output that is not plain text. `end` is the index behind it. */
export type Element =
  | { kind: "incomplete" }
  /** Bytes that must not reach the terminal as they are (aborted or malformed). */
  | { kind: "junk"; end: number }
  | { kind: "text"; end: number }
  | { kind: "escape"; end: number }
  | { kind: "csi"; body: number; end: number; isWide: boolean }
  /** `found` is undefined while the end of the string has not come. */
  | { kind: "string"; type: number; body: number; isWide: boolean; found: StringEnd | undefined };

export const ESC = 0x1b;
export const BEL = 0x07;
export const BACKSLASH = 0x5c;
const CAN = 0x18;
const SUB = 0x1a;
export const ST = 0x9c;

const MAX_CSI_LENGTH = 1024;
const MAX_ESCAPE_LENGTH = 8;

/** `[` and the types of string sequence (DCS, OSC, SOS, PM, APC, screen's title) by their 7-bit introducer. */
const CSI = 0x5b;
export const OSC = 0x5d;
const STRINGS = new Set([0x50, OSC, 0x58, 0x5e, 0x5f, 0x6b]);

const INCOMPLETE: Element = { kind: "incomplete" };

/**
 * The end of the UTF-8 sequence that starts with `bytes[at]` (0xC0–0xFF): index behind it, `at` when it is malformed, -1 when
 * the bytes end too early. Strict (no overlong forms), because a lenient terminal reads an overlong form as a control.
 */
export const scanUtf8 = (bytes: Uint8Array, at: number): number => {
  const lead = bytes[at]!;
  if (lead < 0xc2 || lead > 0xf4) return at;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  for (let offset = 1; offset < length; offset++) {
    const byte = bytes[at + offset];
    if (byte === undefined) return -1;
    if (byte < (offset === 1 ? low : 0x80) || byte > (offset === 1 ? high : 0xbf)) return at;
  }
  return at + length;
};

const scanCsi = (bytes: Uint8Array, body: number, isWide: boolean): Element => {
  let at = body;
  while (at < bytes.length && bytes[at]! >= 0x30 && bytes[at]! <= 0x3f) at++;
  while (at < bytes.length && bytes[at]! >= 0x20 && bytes[at]! <= 0x2f) at++;
  if (at - body > MAX_CSI_LENGTH) return { kind: "junk", end: at };
  const final = bytes[at];
  if (final === undefined) return INCOMPLETE;
  // Terminals execute a control inside a CSI and go on; nobody writes that on purpose, so the CSI is given up instead.
  return final >= 0x40 && final <= 0x7e ? { kind: "csi", body, end: at + 1, isWide } : { kind: "junk", end: at };
};

const scanEscape = (bytes: Uint8Array, start: number): Element => {
  let at = start + 1;
  while (at < bytes.length && bytes[at]! >= 0x20 && bytes[at]! <= 0x2f) at++;
  if (at - start > MAX_ESCAPE_LENGTH) return { kind: "junk", end: at };
  const final = bytes[at];
  if (final === undefined) return INCOMPLETE;
  return final >= 0x30 && final <= 0x7e ? { kind: "escape", end: at + 1 } : { kind: "junk", end: at };
};

export type StringEnd = {
  bodyEnd: number;
  /** The index behind the terminator, or where reading goes on after an abort. */
  end: number;
  isTerminated: boolean;
};

/**
 * Where the string body that goes on at `from` ends; undefined when the bytes end before. `previous` is the byte before `from`:
 * 0x9C behind a byte above 0x7F belongs to a character.
 */
export const scanString = (bytes: Uint8Array, type: number, from: number, previous: number): StringEnd | undefined => {
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte > ESC && byte < 0x80) continue;
    if (byte === ESC) {
      if (at + 1 === bytes.length) return undefined;
      const isTerminated = bytes[at + 1] === BACKSLASH;
      return { bodyEnd: at, end: isTerminated ? at + 2 : at, isTerminated };
    }
    const before = at > from ? bytes[at - 1]! : previous;
    const isTerminated = (byte === BEL && type === OSC) || (byte === ST && before < 0x80);
    if (isTerminated || byte === CAN || byte === SUB) return { bodyEnd: at, end: at + 1, isTerminated };
  }
  return undefined;
};

const scanStringFrom = (bytes: Uint8Array, type: number, body: number, isWide: boolean): Element => ({
  kind: "string",
  type,
  body,
  isWide,
  found: scanString(bytes, type, body, 0),
});

/** Reads the element at `start`, where a byte stands that is not plain text: ESC, or anything above 0x7F. */
export const scanElement = (bytes: Uint8Array, start: number): Element => {
  const byte = bytes[start]!;
  if (byte >= 0xc0) {
    const end = scanUtf8(bytes, start);
    if (end < 0) return INCOMPLETE;
    // U+0080–U+009F written as UTF-8 are the same controls as the single bytes.
    if (byte === 0xc2 && end > start && bytes[start + 1]! < 0xa0) return scanWide(bytes, start + 1);
    return { kind: "text", end: Math.max(end, start + 1) };
  }
  if (byte !== ESC) return byte < 0xa0 ? scanWide(bytes, start) : { kind: "text", end: start + 1 };
  const next = bytes[start + 1];
  if (next === undefined) return INCOMPLETE;
  if (next === CSI) return scanCsi(bytes, start + 2, false);
  return STRINGS.has(next) ? scanStringFrom(bytes, next, start + 2, false) : scanEscape(bytes, start);
};

/** The 8-bit controls: each is its 7-bit form, ESC and the byte less 0x40. Those that introduce nothing are dropped. */
const scanWide = (bytes: Uint8Array, at: number): Element => {
  const narrow = bytes[at]! - 0x40;
  if (narrow === CSI) return scanCsi(bytes, at + 1, true);
  return STRINGS.has(narrow) ? scanStringFrom(bytes, narrow, at + 1, true) : { kind: "junk", end: at + 1 };
};
