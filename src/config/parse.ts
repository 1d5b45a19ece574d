import { errorOf } from "../errors.ts";
import { escapeControls } from "../terminal/escape.ts";
import type { ConfigValues } from "./config.ts";

const deepest = 4;
const forbiddenKeys = new Set(["__proto__", "constructor", "prototype"]);

/**
 * The checked values of a configuration file. `file` is its name in messages. Throws E_CONFIG_INVALID with every
 * problem that was found. The parser and the schema are loaded here, because most runs have no file to read.
 */
export const parseConfig = async (bytes: Uint8Array, file: string): Promise<ConfigValues> => {
  const input = await parseToml(decode(bytes, file), file);
  const odd = findOddKey(input);
  if (odd !== undefined) throw errorOf("E_CONFIG_INVALID", file, odd);
  const { checkValues } = await import("./schema.ts");
  const result = checkValues(input);
  if ("problems" in result) throw await invalid(file, result.problems);
  refuseReserved(result.values, file, await reservedWords());
  return result.values;
};

/** Accepts one byte order mark; everything else must be UTF-8. */
const decode = (bytes: Uint8Array, file: string): string => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw errorOf("E_CONFIG_INVALID", file, "is not UTF-8 text", "save the file as UTF-8");
  }
};

const parseToml = async (text: string, file: string): Promise<unknown> => {
  const { parse, TomlError } = await import("smol-toml");
  try {
    return parse(text, { maxDepth: 32 });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const sentence = error.message.split("\n")[0]!.replace("Invalid TOML document: ", "");
    throw errorOf("E_CONFIG_INVALID", `${file}:${error.line}:${error.column}`, escapeControls(sentence));
  }
};

/** Keys that mean something to the language, and nesting beyond any key that exists. A loop, so that depth costs no stack. */
const findOddKey = (input: unknown): string | undefined => {
  const open: { value: unknown; depth: number }[] = [{ value: input, depth: 0 }];
  for (let next = open.pop(); next; next = open.pop()) {
    if (typeof next.value !== "object" || next.value === null || next.value instanceof Date) continue;
    if (next.depth > deepest) return "tables are nested too deeply";
    for (const [key, value] of Object.entries(next.value)) {
      if (forbiddenKeys.has(key)) return `\`${key}\` cannot be a key`;
      open.push({ value, depth: next.depth + 1 });
    }
  }
  return undefined;
};

const invalid = async (file: string, problems: import("./schema.ts").Problem[]): Promise<Error> => {
  const { keysAt } = await import("./schema.ts");
  const { findAlike } = await import("../cli/likeness.ts");
  let hint: string | undefined;
  const sentences = problems.slice(0, 10).map(({ path, kind, sentence }) => {
    if (kind === "bad") return `\`${showKey(path)}\` ${sentence}`;
    const known = keysAt(path.slice(0, -1));
    const near = findAlike(path.at(-1)!, known);
    const place = path.length > 1 ? ` in [${showKey(path.slice(0, -1))}]` : "";
    hint ??= near ? `did you mean \`${near}\`?` : `the keys${place} are ${known.join(", ")}`;
    return `unknown key \`${showKey(path)}\``;
  });
  return errorOf("E_CONFIG_INVALID", file, escapeControls(sentences.join("; ")), hint);
};

/** A path as TOML writes it: quoted where it is not a bare key, so that no control character reaches the terminal. */
const showKey = (path: readonly string[]): string =>
  path.map((step) => (/^[A-Za-z0-9_-]+$/.test(step) ? step : JSON.stringify(step.slice(0, 60)))).join(".");

const reservedWords = async (): Promise<readonly string[]> => (await import("../cli/commands.ts")).reservedNames;

const refuseReserved = (values: ConfigValues, file: string, reserved: readonly string[]): void => {
  const taken = Object.keys(values.agents ?? {}).find((name) => reserved.includes(name));
  if (taken !== undefined)
    throw errorOf(
      "E_CONFIG_INVALID",
      file,
      `\`agents.${taken}\`: \`${taken}\` is a command of cordon`,
      "choose another name",
    );
};
