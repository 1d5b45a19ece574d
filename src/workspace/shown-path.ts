import { escapeControls } from "../terminal/escape.ts";

const longestShown = 120;

/** A path as a terminal may show it: nothing in it is obeyed, and the middle of a long one is left out. */
export const showPath = (path: string): string => {
  const text = escapeControls(
    path.replace(/(?<![\ud800-\udbff])[\udc80-\udcff]/g, (byte) => `\\x${(byte.charCodeAt(0) - 0xdc00).toString(16)}`),
  );
  if (text.length <= longestShown) return text;
  return `${text.slice(0, longestShown / 2).trimEnd()}…${text.slice(-longestShown / 2 + 1)}`;
};
