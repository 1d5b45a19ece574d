import { createModes, type Modes } from "./modes.ts";
import { type Element, ESC, OSC, ST, scanUtf8 } from "./scan.ts";
import {
  asksAttention,
  asksTerminal,
  isStreamable,
  judgeCsi,
  judgeEscape,
  judgeOsc,
  judgeString,
} from "./sequences.ts";

export const NOTHING = new Uint8Array(0);
export const STRING_END = Buffer.from("\x1b\\");
/** A refused link must not leave the one before it open over the text that follows. */
const LINK_END = Buffer.from("\x1b]8;;\x1b\\");

/** Longest string that is judged as a whole; what is longer is dropped to its end. */
export const MAX_STRING_LENGTH = 8192;

/** Bytes as text of the same length; for short pieces only (they become call arguments). */
const readLatin1 = (bytes: Uint8Array, start: number, end: number): string =>
  String.fromCharCode.apply(null, bytes.subarray(start, end) as unknown as number[]);

/** The text of a string's body, or undefined when it is not printable UTF-8 (C1 controls are not). */
const readPrintable = (body: Uint8Array): string | undefined => {
  for (let at = 0; at < body.length; ) {
    const byte = body[at]!;
    if (byte < 0x20 || byte === 0x7f) return undefined;
    const end = byte < 0x80 ? at + 1 : byte < 0xc0 ? at : scanUtf8(body, at);
    if (end <= at || (byte === 0xc2 && body[at + 1]! < 0xa0)) return undefined;
    at = end;
  }
  return new TextDecoder().decode(body);
};

/** What to write for an element: undefined = the element as it stands. */
export type Replacement = Uint8Array | undefined;

export type Judge = {
  modes: Modes;
  questions(): number;
  /** Whether the start of a string tells that it may stream through. */
  opensStream(type: number, bytes: Uint8Array, body: number): boolean;
  /** What stands in for a string that is dropped unread. */
  refuseString(type: number, body: Uint8Array): Uint8Array;
  judge(bytes: Uint8Array, start: number, element: Element): Replacement;
};

/** Judges elements one by one and remembers what the passed ones left behind. `onCall` hears of every notification. */
export const createJudge = (onCall?: () => void): Judge => {
  const modes = createModes();
  let questions = 0;

  const judgeControl = (bytes: Uint8Array, element: Element & { kind: "csi" }): Replacement => {
    const { body, end } = element;
    const hasPrefix = bytes[body]! >= 0x3c && bytes[body]! <= 0x3f;
    const paramsAt = hasPrefix ? body + 1 : body;
    let split = paramsAt;
    while (bytes[split]! >= 0x30 && bytes[split]! <= 0x3f) split++;
    const parts = [hasPrefix ? readLatin1(bytes, body, paramsAt) : "", readLatin1(bytes, paramsAt, split)] as const;
    const suffix = readLatin1(bytes, split, end);
    if (judgeCsi(...parts, suffix) === "drop") return NOTHING;
    modes.noteCsi(...parts, suffix);
    if (asksTerminal(...parts, suffix)) questions++;
    return element.isWide ? Buffer.from(`\x1b[${parts.join("")}${suffix}`, "latin1") : undefined;
  };

  const judgePlain = (sequence: string): Replacement => {
    if (judgeEscape(sequence) === "drop") return NOTHING;
    modes.noteEscape(sequence);
    if (sequence === "\x1bZ") questions++;
    return undefined;
  };

  const refuseString = (type: number, body: Uint8Array): Uint8Array =>
    type === OSC && body[0] === 0x38 && body[1] === 0x3b ? LINK_END : NOTHING;

  const acceptText = (type: number, text: string): boolean => {
    if (type !== OSC) {
      if (/^[$+]q/.test(text) || text.startsWith("G")) questions++;
      return judgeString(String.fromCharCode(type), text) === "pass";
    }
    if (judgeOsc(text) === "drop") return false;
    modes.noteOsc(text);
    if (asksAttention(text)) onCall?.();
    if (/^\d+;(?:.*;)?\?/.test(text)) questions++;
    return true;
  };

  const judgeWhole = (bytes: Uint8Array, element: Element & { kind: "string" }): Replacement => {
    const found = element.found!;
    if (!found.isTerminated) return NOTHING;
    const body = bytes.subarray(element.body, found.bodyEnd);
    const text = body.length > MAX_STRING_LENGTH ? undefined : readPrintable(body);
    if (text === undefined || !acceptText(element.type, text)) return refuseString(element.type, body);
    if (!element.isWide && bytes[found.bodyEnd] !== ST) return undefined;
    return Buffer.concat([Uint8Array.of(ESC, element.type), body, STRING_END]);
  };

  const judge = (bytes: Uint8Array, start: number, element: Element): Replacement => {
    if (element.kind === "text") return undefined;
    if (element.kind === "csi") return judgeControl(bytes, element);
    if (element.kind === "escape") return judgePlain(readLatin1(bytes, start, element.end));
    return element.kind === "string" ? judgeWhole(bytes, element) : NOTHING;
  };

  const opensStream = (type: number, bytes: Uint8Array, body: number): boolean => {
    const end = Math.min(bytes.length, body + MAX_STRING_LENGTH);
    const isOpened = isStreamable(String.fromCharCode(type), readLatin1(bytes, body, end));
    if (isOpened && type === 0x5f) questions++;
    return isOpened;
  };

  return { modes, questions: () => questions, opensStream, refuseString, judge };
};
