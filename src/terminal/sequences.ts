/**
 * Which terminal sequences a sandboxed program may send. What is not understood or not needed is not passed: some terminals
 * run commands, read and write files or the clipboard, or type text back at the shell (references: xterm's ctlseqs, the kitty
 * protocol pages, iTerm2's, ConEmu's and VS Code's lists of escape codes).
 */
export type Verdict = "pass" | "drop";

const MAX_TITLE_LENGTH = 1024;

/** OSC commands that only draw: colours 4–19 and their resets, pointer shape, text size, notifications, prompt marks. */
const OSC_PLAIN = new Set([4, 5, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22, 66, 104, 105, 30001, 30101]);
for (let number = 110; number <= 119; number++) OSC_PLAIN.add(number);

const isSafeLink = (payload: string): boolean => /^8;[^;]*;(?:$|https?:\/\/|mailto:)/i.test(payload);

/** ConEmu runs commands and changes directories by `OSC 9 ; digits`; only its progress bar (4) passes. */
const isNotification = (payload: string): boolean => /^9;(?!\d+(?:;|$))/.test(payload) || /^9;4(?:;|$)/.test(payload);

/** Judges a complete OSC by its payload (already known to be printable). */
export const judgeOsc = (payload: string): Verdict => {
  const number = /^\d{1,5}(?=;|$)/.exec(payload)?.[0];
  if (number === undefined) return "drop";
  const code = Number(number);
  if (OSC_PLAIN.has(code)) return "pass";
  if (code === 8) return isSafeLink(payload) ? "pass" : "drop";
  if (payload.length > MAX_TITLE_LENGTH) return "drop";
  if (code <= 2 || code === 99) return "pass";
  if (code === 9) return isNotification(payload) ? "pass" : "drop";
  if (code === 133) return /^133;[ABCDLNP]/.test(payload) ? "pass" : "drop";
  return code === 777 && payload.startsWith("777;notify;") ? "pass" : "drop";
};

/** Whether an OSC that passes asks the person to look: a notification, but not one that only asks or closes (kitty's). */
export const asksAttention = (payload: string): boolean =>
  /^(?:9;(?!4(?:;|$))|777;|99;(?!(?:[^;]*:)?p=(?:\?|close|alive)(?:[:;]|$)))/.test(payload);

/** Judges a CSI: `prefix` is one of `<=>?` or empty, `suffix` the intermediate bytes and the final one. */
export const judgeCsi = (prefix: string, params: string, suffix: string): Verdict => {
  // Media copy: sends the screen or what follows to a printer command.
  if (suffix === "i") return "drop";
  // A checksum of a screen rectangle reads what stood there before the agent came.
  if (suffix === "*y") return "drop";
  // VT52 mode has another grammar than the one that is filtered here.
  if (prefix === "?" && suffix === "l" && params.split(";").includes("2")) return "drop";
  // Window operations: only size reports and the title stack; a title report would type a chosen text at the shell.
  if (prefix === "" && suffix === "t") return /^(?:1[13-9]|2[23])(?:;|$)/.test(params) ? "pass" : "drop";
  return "pass";
};

/** Whether a passed sequence makes the terminal answer, on what the user's shell would read as typing. */
export const asksTerminal = (prefix: string, params: string, suffix: string): boolean => {
  const final = suffix.at(-1)!;
  if (suffix === "$p" || suffix === "$w") return true;
  if (suffix.length > 1 && suffix !== "&u" && suffix !== "&w") return false;
  if (final === "c" || final === "n" || final === "x") return true;
  if (final === "u" || final === "g") return prefix === "?";
  if (final === "q" || final === "S") return prefix === ">" || prefix === "?";
  if (final === "m") return prefix === "?";
  return final === "t" && params.startsWith("1");
};

/** Judges the other string sequences: DCS `P`, APC `_`, PM `^`, SOS `X`, screen's title `k`. Screen's and tmux's pass-through is dropped. */
export const judgeString = (kind: string, payload: string): Verdict => {
  // Status string and terminfo queries, and the older form of synchronized update.
  if (kind === "P") return /^(?:[$+]q[\x20-\x7e]{0,256}$|=[12]s|[\d;]*q)/.test(payload) ? "pass" : "drop";
  if (kind === "k") return payload.length <= MAX_TITLE_LENGTH ? "pass" : "drop";
  if (kind !== "_" || payload[0] !== "G") return "drop";
  // kitty graphics: the pixels must be in the sequence itself, not in a file or shared memory of the host.
  const keys = payload.slice(1).split(";", 1)[0]!.split(",");
  return keys.every((key) => /^[a-zA-Z]=[-\w]*$/.test(key) && !/^t=[^d]/.test(key)) ? "pass" : "drop";
};

/** The part of a Sixel or kitty graphics string that comes before the pixels; they may then stream through, however long. */
const STREAM_HEAD = /^(?:P[\d;]*q|_G[\w=,-]*;)/;

/** Whether the start of a string already tells that its body, however long, may pass without being held. */
export const isStreamable = (kind: string, start: string): boolean =>
  STREAM_HEAD.test(kind + start) && judgeString(kind, start) === "pass";

/** Judges a plain escape: no other character set encoding than UTF-8, no 8-bit answers. */
export const judgeEscape = (sequence: string): Verdict => (/^\x1b(?:%[^G]|%\/.| G)$/.test(sequence) ? "drop" : "pass");
