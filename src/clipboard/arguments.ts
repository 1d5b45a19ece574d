import { type ClipboardRequest, type programs, readRequest } from "./clipboard.ts";

/** What a call of one of the two programs asks for; undefined for everything but types and images of the clipboard. */
export const requestOf = (program: (typeof programs)[number], args: readonly string[]): ClipboardRequest | undefined =>
  program === "xclip" ? requestOfXclip(args) : requestOfWlPaste(args);

/** xclip(1): one dash, and a beginning of a name is enough for one. */
const requestOfXclip = (args: readonly string[]): ClipboardRequest | undefined => {
  let [isOut, isClipboard, target] = [false, false, ""];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (isStart(arg, "-out", 2)) isOut = true;
    else if (isStart(arg, "-selection", 3)) isClipboard = isStart(args[++at] ?? "", "clipboard", 1);
    else if (isStart(arg, "-target", 2)) target = args[++at] ?? "";
  }
  if (!isOut || !isClipboard) return undefined;
  return target === "TARGETS" ? "types" : imageType(target);
};

/** wl-paste(1). */
const requestOfWlPaste = (args: readonly string[]): ClipboardRequest | undefined => {
  let request: ClipboardRequest | undefined;
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === "-p" || arg === "--primary") return undefined;
    if (arg === "-l" || arg === "--list-types") return "types";
    if (arg === "-t" || arg === "--type") request = imageType(args[++at] ?? "");
    else if (arg.startsWith("--type=")) request = imageType(arg.slice("--type=".length));
  }
  return request;
};

const imageType = (word: string): ClipboardRequest | undefined =>
  word === "types" ? undefined : readRequest(word === "image/jpg" ? "image/jpeg" : word);

const isStart = (word: string, name: string, least: number): boolean => word.length >= least && name.startsWith(word);
