import { styleText } from "node:util";
import type { Verdict } from "./judge.ts";

type Style = Parameters<typeof styleText>[0];

const isColoured = process.stdout.isTTY === true && !process.env["NO_COLOR"];
const paint = (style: Style, text: string): string =>
  isColoured ? styleText(style, text, { validateStream: false }) : text;

/** Writes lines to the terminal; output of the agent never comes here unfiltered. */
export const say = (...lines: string[]): boolean => process.stdout.write(`${lines.join("\n")}\n`);

export const title = (text: string): boolean => say("", paint("bold", text));
export const detail = (text: string): boolean => say(paint("dim", `  ${text}`));

/** One step of the agent while it works. */
export const step = (text: string): boolean => say(`  ${paint("cyan", "•")} ${shorten(text, 96)}`);

/** A text of the agent as one printable line. */
export const shorten = (text: string, width: number): string => {
  const line = text.replace(/[^\x20-\x7e\u00a1-\uffff]+/g, " ").trim();
  return line.length > width ? `${line.slice(0, width - 1)}…` : line;
};

/** Lines of `git diff`, without its header. */
export const diff = (text: string): void => {
  for (const line of text.split("\n")) {
    if (/^(diff|index|---|@@|\\)/.test(line) || line === "") continue;
    if (line.startsWith("+++")) say("", `  ${paint("bold", line.replace(/^.*?\/(?=src\/)/, ""))}`);
    else if (line.startsWith("+")) say(paint("green", `  ${line}`));
    else if (line.startsWith("-")) say(paint("red", `  ${line}`));
    else say(paint("dim", `  ${line}`));
  }
};

/** What the agent tried, what it saw, what is true outside. */
export const verdict = ({ title, kept, saw, host }: Verdict): void => {
  say(`  ${kept ? paint("green", "✓") : paint(["red", "bold"], "✗")} ${paint("bold", title)}`);
  if (saw !== undefined) say(`      ${paint("dim", "the agent saw")}  ${shorten(saw, 80) || "nothing"}`);
  say(`      ${paint("dim", "the host says")}  ${kept ? host : paint("red", host)}`);
};

/** The last line. */
export const conclude = (verdicts: Verdict[], numbers: string): void => {
  const broken = verdicts.filter(({ kept }) => !kept).length;
  const summary =
    broken === 0 ? `${verdicts.length} promises, all kept` : `${broken} of ${verdicts.length} promises broken`;
  say("", `${paint(["bold", broken === 0 ? "green" : "red"], summary)}  ${paint("dim", numbers)}`);
};
