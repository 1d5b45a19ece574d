/**
 * Controls (C0, DEL, C1), bidirectional marks and overrides, zero-width and other invisible characters, line separators, tags and
 * variation selectors of the supplement, unpaired surrogates. A plain space stays.
 */
const INVISIBLE =
  /(?:[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u180e\u2800\u3164\uffa0]|\u034f|[\u17b4\u17b5]|[\u180b-\u180d\u180f]|[\u{e0100}-\u{e01ef}])/gu;

const NAMED: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

const describe = (character: string): string => {
  const code = character.codePointAt(0)!;
  if (code < 0x100) return NAMED[character] ?? `\\x${code.toString(16).padStart(2, "0")}`;
  return `\\u{${code.toString(16)}}`;
};

/** Makes every character visible that a file or host name could use to lie on a terminal (for listings, logs and errors). */
export const escapeControls = (text: string): string => text.replace(INVISIBLE, describe);
