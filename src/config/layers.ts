import type { Given } from "../cli/given.ts";
import type { ConfigValues } from "./config.ts";

/** Values of one origin. Later layers win, and lists add up. */
export type Layer = {
  values: ConfigValues;
  /** Where relative paths start. */
  directory: string;
  /** What a person reads as the place to change a key. */
  originOf(key: string): string;
};

/** A file as a layer: its origin names the file and the key. */
export const layerOfFile = (values: ConfigValues, label: string, directory: string): Layer => ({
  values,
  directory,
  originOf: (key) => `${label} (${key})`,
});

/**
 * One given option as a layer, so that flags and variables merge like files. `hostEnv` answers `--env NAME`,
 * `envFiles` holds what `--env-file` names, by its value.
 */
export const layerOfGiven = (
  { flag, value, origin }: Given,
  cwd: string,
  envFiles: Record<string, Map<string, string>>,
): Layer => ({
  values:
    flag.long === "env-file" ? { env: { set: Object.fromEntries(envFiles[value] ?? []) } } : valuesOf(flag, value),
  directory: cwd,
  originOf: () => origin,
});

const valuesOf = (flag: Given["flag"], value: string): ConfigValues => {
  if (flag.long === "add-dir" && value.endsWith(":ro")) return { filesystem: { read: [value.slice(0, -3)] } };
  if (flag.long === "env") return valuesOfAssignment(value);
  if (flag.long === "disable-background-tasks")
    return value === "true" ? { env: { set: { CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: "1" } } } : {};
  if (flag.key === undefined) return {};
  const [table, name] = flag.key.split(".") as [string, string?];
  const typed = typedValue(flag, value);
  return (name === undefined ? { [table]: typed } : { [table]: { [name]: typed } }) as ConfigValues;
};

const valuesOfAssignment = (value: string): ConfigValues => {
  const end = value.indexOf("=");
  if (end < 0) return { env: { pass: [value] } };
  return { env: { set: Object.fromEntries([[value.slice(0, end), value.slice(end + 1)]]) } };
};

const typedValue = (flag: Given["flag"], value: string): unknown => {
  if (flag.kind === "port") return [Number(value)];
  if (flag.repeatable) return [value];
  if (flag.kind === "switch") return value === "true";
  return flag.kind === "cpus" || flag.kind === "pids" ? Number(value) : value;
};
