import {
  isOneOf,
  parseCpus,
  parseDurationMs,
  parsePids,
  parsePublish,
  parseSizeBytes,
  variablePattern,
} from "../config/values.ts";
import { isProblem, parsePattern, parsePort } from "../egress/pattern.ts";
import { errorOf } from "../errors.ts";
import { type Flag, flags, type ValueKind, variableOf } from "./flags.ts";
import { findAlike } from "./likeness.ts";

/** One option as a person gave it. `origin` is the spelling that appears in messages: `--net` or `CORDON_NET`. */
export type Given = { flag: Flag; value: string; origin: string };

export const isGiven = (given: readonly Given[], long: string): boolean =>
  given.some(({ flag, value }) => flag.long === long && value !== "false");

/** Checks one value and returns what was given; a switch carries `true` or `false`. Throws E_OPTION_INVALID. */
export const readGiven = (flag: Flag, value: string | undefined, origin: string): Given => {
  if (flag.unbuilt) throw errorOf("E_FEATURE_UNBUILT", origin);
  if (flag.kind === "switch") return { flag, value: readSwitch(value, origin), origin };
  if (value === undefined || value === "")
    throw errorOf("E_OPTION_INVALID", origin, `needs a value: ${flag.placeholder}`);
  if (value.includes("\0")) throw errorOf("E_OPTION_INVALID", origin, "the value holds a NUL character");
  if (flag.choices) checkChoice(flag.choices, value, origin);
  if (flag.kind === "host") checkRule(value, origin);
  const expected = expectations[flag.kind];
  if (expected && !expected.accepts(value))
    throw errorOf("E_OPTION_INVALID", origin, `\`${value}\` is not ${expected.what}`);
  return { flag, value, origin };
};

/**
 * The settings in `CORDON_` variables, in the order of the table. A repeatable option takes one value a line. Throws
 * E_OPTION_INVALID for a bad value and E_VARIABLE_UNKNOWN for a name that looks misspelt.
 */
export const readVariables = (environment: Record<string, string | undefined>): Given[] => {
  const known = new Map(flags.flatMap((flag) => (flag.onceOnly ? [] : [[variableOf(flag)!, flag] as const])));
  for (const name of Object.keys(environment)) {
    const near =
      name.startsWith("CORDON_") &&
      !known.has(name) &&
      !toldNames.includes(name) &&
      findAlikeVariable(name, [...known.keys()]);
    if (near) throw errorOf("E_VARIABLE_UNKNOWN", name, near);
  }
  return [...known].flatMap(([name, flag]) => {
    const text = environment[name];
    if (text === undefined || text === "") return [];
    const values = flag.repeatable ? text.split("\n").filter((line) => line !== "") : [text];
    return values.map((value) => readGiven(flag, value, name));
  });
};

/** What a program that is notified gets to know; it may start cordon itself. */
const toldNames = ["CORDON_EVENT", "CORDON_AGENT", "CORDON_PROJECT", "CORDON_EXIT_CODE"];

const findAlikeVariable = (name: string, known: string[]): string | undefined => {
  const near = findAlike(
    name.slice("CORDON_".length),
    known.map((variable) => variable.slice("CORDON_".length)),
  );
  return near === undefined ? undefined : `CORDON_${near}`;
};

const readSwitch = (value: string | undefined, origin: string): string => {
  const isVariable = origin.startsWith("CORDON_");
  if (value === undefined || (isVariable && isOneOf(["1", "true", "yes"], value))) return "true";
  if (isVariable && isOneOf(["0", "false", "no"], value)) return "false";
  throw errorOf("E_OPTION_INVALID", origin, isVariable ? `\`${value}\` is neither 1 nor 0` : "takes no value");
};

const checkChoice = (choices: readonly string[], value: string, origin: string): void => {
  if (choices.includes(value)) return;
  const near = findAlike(value, choices);
  const hint = near ? `did you mean \`${near}\`?` : undefined;
  throw errorOf("E_OPTION_INVALID", origin, `\`${value}\` is not one of ${choices.join(", ")}`, hint);
};

const checkRule = (value: string, origin: string): void => {
  const pattern = parsePattern(value);
  if (isProblem(pattern)) throw errorOf("E_OPTION_INVALID", origin, pattern.problem, pattern.hint);
};

const expectations: Partial<Record<ValueKind, { what: string; accepts(value: string): boolean }>> = {
  duration: {
    what: "a duration up to 24 days, such as 90s, 30m or 2h",
    accepts: (value) => parseDurationMs(value) !== undefined,
  },
  size: { what: "a size from 1m upwards, such as 512m or 4g", accepts: (value) => parseSizeBytes(value) !== undefined },
  cpus: { what: "a number of processors, such as 2 or 0.5", accepts: (value) => parseCpus(value) !== undefined },
  pids: { what: "a number of processes, such as 512", accepts: (value) => parsePids(value) !== undefined },
  port: { what: "a port from 1 to 65535", accepts: (value) => parsePort(value) !== undefined },
  publish: {
    what: "a port, such as 5173, two (inside:outside), such as 5173:8080, or auto",
    accepts: (value) => parsePublish(value) !== undefined,
  },
  assignment: {
    what: "NAME=VALUE with a name of letters, digits and _",
    accepts: (value) => variablePattern.test(value.split("=", 1)[0]!),
  },
};
