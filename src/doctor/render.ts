import type { Check } from "../backends/backend.ts";
import { escapeControls } from "../terminal/escape.ts";

type Paint = (style: "green" | "red" | "yellow" | "dim", text: string) => string;

/** One aligned line a check, its fix below; what is found comes from outside and is escaped. */
export const renderChecks = async (checks: Check[], colour: boolean): Promise<string[]> => {
  const paint = await choosePaint(colour);
  const width = Math.max(...checks.map(({ name }) => name.length));
  return checks.flatMap((check) => [
    `${markOf(check, paint)} ${check.name.padEnd(width)}  ${escapeControls(check.found)}`,
    ...fixLines(check, " ".repeat(width + 4), paint),
  ]);
};

/** The last line: whether a run would work. */
export const renderVerdict = (checks: Check[]): string => {
  const failed = checks.filter(isFailure).map(({ name }) => name);
  return failed.length === 0 ? "cordon works here." : `cordon does not work here yet: ${failed.join(", ")}.`;
};

/** A failed required check; advice never fails. */
export const isFailure = ({ level, ok }: Check): boolean => level === "required" && !ok;

const markOf = (check: Check, paint: Paint): string => {
  if (check.ok) return paint("green", "✓");
  return isFailure(check) ? paint("red", "✗") : paint("yellow", "!");
};

const fixLines = ({ ok, fix }: Check, indent: string, paint: Paint): string[] => {
  if (ok || fix === undefined) return [];
  const [first = "", ...rest] = fix.split("\n").map((line) => escapeControls(line));
  // Commands over several lines stand at the margin: they are there to be copied.
  return [`${indent}${paint("dim", "fix:")} ${first}`, ...rest];
};

const choosePaint = async (colour: boolean): Promise<Paint> => {
  if (!colour) return (_style, text) => text;
  const { styleText } = await import("node:util");
  return (style, text) => styleText(style, text, { validateStream: false });
};
