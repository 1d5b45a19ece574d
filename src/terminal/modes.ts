/** Private modes (`CSI ? n h`) that outlive the program that set them, and what each is worth resetting for. */
const OFF_BY_DEFAULT = new Set([
  1, 5, 6, 9, 45, 47, 66, 67, 69, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 1047, 1049, 2004, 2026, 2031,
  2048, 5522, 9001,
]);
const ON_BY_DEFAULT = new Set([7, 8, 25]);
const ALTERNATE_SCREEN = new Set([47, 1047, 1049]);
const MAX_STACK = 64;

/** What the terminal was told and not yet told back; `leave` undoes it, `enter` repeats it (after a stop). */
export type Modes = {
  noteCsi(prefix: string, params: string, suffix: string): void;
  noteEscape(sequence: string): void;
  noteOsc(payload: string): void;
  noteShift(isOut: boolean): void;
  noteSgr(isPlain: boolean): void;
  leave(): string;
  enter(): string;
};

const capped = (count: string): number => Math.min(Number(count || 1), MAX_STACK);

/** Colours that `OSC n ; value` changes and `OSC 1nn` puts back. */
const COLOURS = /^(4|1[0-9]);(?!\?|\d+;\?)/;

/** Follows the sequences that pass and remembers which state of the terminal they leave behind. */
export const createModes = (): Modes => {
  const privateModes = new Map<number, boolean>();
  /** Undo and redo text of every other state, by a name for it. */
  const states = new Map<string, { undo: string; redo: string }>();
  const keyboard: string[] = [];
  let titles = 0;
  let isStyled = false;

  const set = (name: string, isSet: boolean, undo: string, redo: string): void => {
    if (isSet) states.set(name, { undo, redo });
    else states.delete(name);
  };

  const notePrivate = (params: string, isHigh: boolean): void => {
    for (const text of params.split(";")) {
      const mode = Number(text);
      if (isHigh ? OFF_BY_DEFAULT.has(mode) : ON_BY_DEFAULT.has(mode)) privateModes.set(mode, isHigh);
      else privateModes.delete(mode);
    }
  };

  const noteKeyboard = (prefix: string, params: string): void => {
    if (prefix === ">" && keyboard.length < MAX_STACK) keyboard.push(params);
    if (prefix === "<") keyboard.length = Math.max(0, keyboard.length - capped(params));
    if (prefix === "=") set("kitty", !/^0?(;|$)/.test(params), "\x1b[=0u", `\x1b[=${params}u`);
  };

  const noteTitle = (params: string): void => {
    if (params.startsWith("22")) titles = Math.min(titles + 1, MAX_STACK);
    if (params.startsWith("23")) titles = Math.max(titles - 1, 0);
  };

  const noteCsi = (prefix: string, params: string, suffix: string): void => {
    const raw = `\x1b[${prefix}${params}${suffix}`;
    const key = prefix + suffix;
    if (key === "?h" || key === "?l") notePrivate(params, suffix === "h");
    else if (suffix === "u" && prefix !== "") noteKeyboard(prefix, params);
    else if (key === ">m") set("modifyKeys", /^4;[1-9]/.test(params), "\x1b[>4m", raw);
    else if (key === " q") set("cursor", !/^0?$/.test(params), "\x1b[0 q", raw);
    // Setting the scroll region homes the cursor, so the cursor is kept around it.
    else if (key === "r") set("region", params !== "", "\x1b7\x1b[r\x1b8", `\x1b7${raw}\x1b8`);
    else if (key === "t") noteTitle(params);
    else if (key === "!p") clear();
  };

  const clear = (): void => {
    isStyled = false;
    states.clear();
    privateModes.clear();
    keyboard.length = 0;
  };

  const noteEscape = (sequence: string): void => {
    if (sequence === "\x1b=" || sequence === "\x1b>") set("keypad", sequence === "\x1b=", "\x1b>", "\x1b=");
    else if (/^\x1b[()*+]/.test(sequence)) {
      const slot = sequence[1];
      set(`charset${slot}`, sequence[2] !== "B", `\x1b${slot}B`, sequence);
    } else if (sequence === "\x1bc") clear();
  };

  const noteOsc = (payload: string): void => {
    if (payload.startsWith("8;")) set("link", !/^8;[^;]*;$/.test(payload), "\x1b]8;;\x1b\\", "");
    const reset = /^1(04|1\d)/.exec(payload);
    if (reset) states.delete(`colour${reset[1] === "04" ? "4" : reset[1]}`);
    const colour = COLOURS.exec(payload)?.[1];
    if (colour)
      set(`colour${colour}`, true, `\x1b]${colour === "4" ? "104" : `1${colour}`}\x1b\\`, `\x1b]${payload}\x1b\\`);
  };

  const privateSequences = (wanted: (isHigh: boolean) => boolean, isAlternate: boolean): string =>
    [...privateModes]
      .filter(([mode]) => ALTERNATE_SCREEN.has(mode) === isAlternate)
      .map(([mode, isHigh]) => `\x1b[?${mode}${wanted(isHigh) ? "h" : "l"}`)
      .join("");

  const leave = (): string => {
    const undo = [...states.values()].map((state) => state.undo).join("");
    const keys = keyboard.length > 0 ? `\x1b[<${keyboard.length}u` : "";
    const title = "\x1b[23;0t".repeat(titles);
    const style = isStyled ? "\x1b[0m" : "";
    const off = (isHigh: boolean) => !isHigh;
    // The keyboard stack belongs to the screen it was pushed on: it goes before the screen does.
    return privateSequences(off, false) + keys + style + undo + privateSequences(off, true) + title;
  };

  const enter = (): string => {
    const on = (isHigh: boolean) => isHigh;
    const redo = [...states.values()].map((state) => state.redo).join("");
    const keys = keyboard.map((flags) => `\x1b[>${flags}u`).join("");
    return "\x1b[22;0t".repeat(titles) + privateSequences(on, true) + redo + keys + privateSequences(on, false);
  };

  const noteShift = (isOut: boolean): void => set("shift", isOut, "\x0f", "\x0e");

  /** Apart from the others because colours are by far the most frequent sequence; a program redraws them itself. */
  const noteSgr = (isPlain: boolean): void => {
    isStyled = !isPlain;
  };

  return { noteCsi, noteEscape, noteOsc, noteShift, noteSgr, leave, enter };
};
