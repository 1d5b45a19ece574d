import { variablePattern } from "./values.ts";

export type Dotenv = {
  variables: Map<string, string>;
  /** Numbers of the lines that mean nothing, from 1. */
  oddLines: number[];
};

/**
 * The variables of a file with `NAME=VALUE` lines, only those in `names` unless that is absent. Understands
 * `export`, comments, single quotes (verbatim) and double quotes (`\n`, `\"`, `\\`, several lines). Expands nothing
 * and runs nothing.
 */
export const readDotenv = (bytes: Uint8Array, names?: readonly string[]): Dotenv => {
  const text = new TextDecoder().decode(bytes).replaceAll("\r\n", "\n");
  const variables = new Map<string, string>();
  const remainder = text.replace(assignment, (whole, name: string, double?: string, single?: string, bare = "") => {
    const isWanted = variablePattern.test(name) && (names === undefined || names.includes(name));
    const value =
      double !== undefined
        ? unescapeQuoted(double)
        : (single ??
          String(bare)
            .replace(/(^|\s+)#.*$/, "")
            .trim());
    if (isWanted && !value.includes("\0")) variables.set(name, value);
    return whole.replace(/[^\n]+/g, "");
  });
  const lines = remainder.split("\n").map((line, index) => ({ line: line.trim(), number: index + 1 }));
  const odd = lines.filter(({ line }) => line !== "" && !line.startsWith("#"));
  return { variables, oddLines: odd.map(({ number }) => number) };
};

const assignment =
  /^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\[\s\S])*)"|'([^']*)'|([^\n"'][^\n]*)?)[ \t]*(?:#[^\n]*)?$/gm;

const escapes: Record<string, string> = { n: "\n", t: "\t", r: "\r", '"': '"', "\\": "\\", $: "$" };

const unescapeQuoted = (quoted: string): string =>
  quoted.replace(/\\([\s\S])/g, (whole, letter: string) => escapes[letter] ?? whole);
