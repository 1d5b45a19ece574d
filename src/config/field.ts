import * as v from "valibot";
import { grammarHint, isProblem, parsePattern } from "../egress/pattern.ts";
import {
  agentPattern,
  durationPattern,
  headerPattern,
  parseDurationMs,
  parsePublish,
  parseSizeBytes,
  plainPattern,
  publishPattern,
  sizePattern,
  textPattern,
  userPattern,
  variablePattern,
} from "./values.ts";

/** What the single values of a configuration file may be. */

export const said = <T extends v.GenericSchema>(description: string, schema: T) =>
  v.optional(v.pipe(schema, v.description(description)));

export const plain = v.pipe(
  v.string(),
  v.maxLength(4096, "longer than 4096 characters"),
  v.regex(plainPattern, "must be non-empty text without control characters"),
);
export const text = v.pipe(v.string(), v.regex(textPattern, "must not hold a NUL character"));
const sentenceOf = (input: string): string => {
  const pattern = parsePattern(input);
  const { problem, hint } = isProblem(pattern) ? pattern : { problem: "", hint: "" };
  return `must be a host, an address or a range: ${problem}${hint === grammarHint ? "" : ` (${hint})`}`;
};
export const host = v.pipe(
  v.string(),
  v.check(
    (value) => !isProblem(parsePattern(value)),
    ({ input }) => sentenceOf(input),
  ),
);
export const serviceHost = v.pipe(
  v.string(),
  v.check((value) => {
    const pattern = parsePattern(value);
    return !isProblem(pattern) && !pattern.path && (pattern.kind === "host" || pattern.kind === "subdomains");
  }, "must be a name, such as `api.example.com`, `*.example.com` or `api.example.com:8443`"),
);
export const port = v.pipe(
  v.number(),
  v.integer("must be a whole number"),
  v.minValue(1, "must be at least 1"),
  v.maxValue(65535, "must be at most 65535"),
);
export const publish = v.pipe(
  v.string(),
  v.regex(publishPattern, "must be such as 5173, 5173:8080 or auto"),
  v.check((value) => parsePublish(value) !== undefined, "must name ports from 1 to 65535"),
);
export const variable = v.pipe(v.string(), v.regex(variablePattern, "must be the name of a variable"));
export const agent = v.pipe(v.string(), v.regex(agentPattern, "must be a name of small letters, digits and -"));
export const user = v.pipe(v.string(), v.regex(userPattern, "must be letters, digits and any of `_.@+%=~-`"));
export const header = v.pipe(v.string(), v.regex(headerPattern, "must be the name of a header"));
/** A path below the project's top. */
export const inside = v.pipe(
  plain,
  v.check(
    (value) => !value.startsWith("/") && !value.split("/").includes(".."),
    "must be a path below the project's top",
  ),
);
export const listOf = <T extends v.GenericSchema>(item: T) => v.pipe(v.array(item), v.maxLength(1000));
export const variables = v.record(variable, text);

export const duration = v.pipe(
  v.string(),
  v.regex(durationPattern, "must be a duration such as 90s, 30m or 2h"),
  v.check((value) => parseDurationMs(value) !== undefined, "must be at most 24 days"),
);
export const size = v.pipe(
  v.string(),
  v.regex(sizePattern, "must be a size such as 512m or 4g"),
  v.check((value) => parseSizeBytes(value) !== undefined, "must be at least 1m"),
);
export const above = (least: number, most: number) =>
  v.pipe(v.number(), v.minValue(least, `must be at least ${least}`), v.maxValue(most, `must be at most ${most}`));
