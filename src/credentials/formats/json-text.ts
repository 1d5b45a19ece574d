/** Changes single values of a JSON text and leaves every other byte as it is. Pure. */

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
type Span = { start: number; end: number };

/** The object that a text holds; undefined when it holds anything else. */
export const parseObject = (text: string): Record<string, unknown> | undefined => {
  try {
    return objectOf(JSON.parse(text));
  } catch {
    return undefined;
  }
};

export const objectOf = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;

/** A text of at least one character. */
export const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;

export const numberOf = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined;

/** Sets the value at a path of keys; its parent must exist. `text` is valid JSON. */
export const setValue = (text: string, path: readonly string[], value: Json): string => {
  const written = JSON.stringify(value);
  const span = spanAt(text, path);
  if (span) return text.slice(0, span.start) + written + text.slice(span.end);
  const parent = spanAt(text, path.slice(0, -1));
  if (!parent || text[parent.start] !== "{") return text;
  const at = parent.start + 1;
  const isEmpty = /^\s*\}/.test(text.slice(at));
  return `${text.slice(0, at)}${JSON.stringify(path.at(-1))}:${written}${isEmpty ? "" : ","}${text.slice(at)}`;
};

const spanAt = (text: string, path: readonly string[]): Span | undefined =>
  path.reduce<Span | undefined>((span, key) => span && memberOf(text, span, key), spanFrom(text, 0));

/** The value of a key in the object that begins at `start`; of a key that is there twice the last, as `JSON.parse` has it. */
const memberOf = (text: string, { start, end }: Span, key: string): Span | undefined => {
  if (text[start] !== "{") return undefined;
  let found: Span | undefined;
  for (let at = start + 1; at < end; ) {
    const name = spanFrom(text, at);
    if (text[name.start] !== '"') break;
    const value = spanFrom(text, text.indexOf(":", name.end) + 1);
    if (JSON.parse(text.slice(name.start, name.end)) === key) found = value;
    const comma = spanFrom(text, value.end);
    at = text[comma.start] === "," ? comma.end : end;
  }
  return found;
};

/** The value that begins at `at`, behind white space. */
const spanFrom = (text: string, at: number): Span => {
  const token = /\s*("(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+)/y;
  token.lastIndex = at;
  let start: number | undefined;
  let depth = 0;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [whole, word = ""] = match;
    start ??= match.index + whole.length - word.length;
    if (word === "{" || word === "[") depth += 1;
    if (word === "}" || word === "]") depth -= 1;
    if (depth <= 0) break;
  }
  return { start: start ?? at, end: token.lastIndex || text.length };
};
