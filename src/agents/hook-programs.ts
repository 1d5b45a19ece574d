import path from "node:path";
import { findProgram } from "../exec.ts";
import { type Host, inspectPath } from "../host.ts";
import { isWithin } from "../places.ts";
import { type Mount, mountAt } from "../plan/plan.ts";
import type { Agent } from "./agent.ts";
import { readPrivateFile, writePrivateFile } from "./private-file.ts";
import { isTable, type Setting, type Settings } from "./settings/text.ts";
import type { PrivateState } from "./state.ts";

/** A program that the user's settings have the agent run, as it is spelt there, and the setting. */
export type HookProgram = { spelling: string; setting: string };

/** The programs of hooks, status lines and the like in the settings as they stand inside. Pure. */
export const hookPrograms = ({ programs = [] }: Agent, settings: Iterable<Settings>): HookProgram[] => {
  const found = new Map<string, HookProgram>();
  for (const value of settings) {
    for (const keys of programs) {
      for (const command of valuesAt(value, keys.split(".")))
        for (const spelling of programsOf(command))
          if (!found.has(spelling)) found.set(spelling, { spelling, setting: keys.split(".*")[0]! });
    }
  }
  return [...found.values()];
};

/** The texts at a path of keys and places in lists; `*` is every entry of a list or a table. */
const valuesAt = (value: Setting | undefined, keys: string[]): string[] => {
  const [key, ...rest] = keys;
  if (key === undefined) return typeof value === "string" ? [value] : [];
  if (key === "*") {
    const entries = Array.isArray(value) ? value : isTable(value) ? Object.values(value) : [];
    return entries.flatMap((entry) => valuesAt(entry, rest));
  }
  if (Array.isArray(value)) return valuesAt(value[Number(key)], rest);
  return isTable(value) && Object.hasOwn(value, key) ? valuesAt(value[key], rest) : [];
};

/** They take a script for their first argument. */
const interpreters = new Set(["bash", "sh", "zsh", "node", "bun", "deno", "python", "python3", "ruby", "perl", "exec"]);

/** The first word of each command of a shell's line, and the script of an interpreter. What needs the shell is left out. */
const programsOf = (line: string): string[] =>
  line.split(/&&|\|\||[;|\n]/).flatMap((command) => {
    const words = [...command.matchAll(/"([^"]*)"|'([^']*)'|[^\s"']+/g)].map(
      ([whole, one, other]) => one ?? other ?? whole,
    );
    const [first, ...rest] = words.slice(words.findIndex((word) => !/^\w+=/.test(word)));
    const script = interpreters.has(path.basename(first ?? ""))
      ? rest.find((word) => !word.startsWith("-"))
      : undefined;
    return [first, script?.includes("/") ? script : undefined]
      .map((word) => word?.replace(/^(~|\$HOME|\$\{HOME\})(?=\/)/, "~"))
      .filter((word): word is string => word !== undefined && /^[\w~./+-][\w~./+@-]*$/.test(word));
  });

/** What decides whether a program is there inside. `find` looks a bare name up on the PATH that holds inside. */
export type Sight = {
  host: Host;
  mounts: Mount[];
  states: readonly PrivateState[];
  find: (name: string) => string | undefined;
};

/** Those that are there outside and not inside, with where they are. What is in neither place is not cordon's doing. */
export const missingPrograms = (programs: readonly HookProgram[], sight: Sight): (HookProgram & { file: string })[] =>
  programs.flatMap((program) => {
    const { spelling } = program;
    const { host, find } = sight;
    const file = spelling.includes("/")
      ? path.resolve(host.cwd, spelling.replace(/^~(?=\/)/, host.home))
      : find(spelling);
    if (file === undefined || inspectPath(file).kind !== "file") return [];
    const places = [file, inspectPath(file).real];
    return places.every((place) => isThere(place, sight)) ? [] : [{ ...program, file }];
  });

const isThere = (file: string, { mounts, states }: Sight): boolean => {
  const state = states.find(({ source }) => isWithin(file, source));
  if (!state) return ["bind", "workspace", "overlay", "bytes"].includes(mountAt(mounts, file)?.kind ?? "");
  const name = path.relative(state.source, file);
  const isLinked = state.links.some((link) => isWithin(`/${name}`, `/${link.name}`));
  return isLinked || inspectPath(path.join(state.host, name)).kind === "file";
};

/**
 * Sentences about hooks and status lines of the user's that cannot run inside, each once in a project. `settings` are the
 * agent's as they stand inside, `searchPath` is the PATH that holds there.
 */
export const noteMissingPrograms = (
  agent: Agent,
  settings: ReadonlyMap<string, Settings>,
  { searchPath, ...sight }: Omit<Sight, "find"> & { searchPath: string | undefined },
): string[] => {
  const programs = hookPrograms(agent, settings.values());
  if (programs.length === 0) return [];
  const find = (name: string) => findProgram(name, searchPath, sight.host.cwd);
  return nameMissing(agent, sight.states, missingPrograms(programs, { ...sight, find }));
};

const recordName = "missing-programs.json";

/** A sentence for each program that is missing and was never named in this project; remembers them. */
export const nameMissing = (
  { name }: Agent,
  states: readonly PrivateState[],
  missing: readonly { spelling: string; setting: string; file: string }[],
): string[] => {
  const place = states[0]?.record;
  if (missing.length === 0 || place === undefined) return [];
  const named = new Set<unknown>(readNamed(place));
  const fresh = missing.filter(({ file }) => !named.has(file));
  if (fresh.length === 0) return [];
  writePrivateFile(place, recordName, JSON.stringify([...named, ...fresh.map(({ file }) => file)]));
  return fresh.map(
    ({ spelling, setting, file }) =>
      `your ${name} setting \`${setting}\` runs ${spelling}, which is hidden inside; \`--allow-readonly ${file}\` shows it`,
  );
};

const readNamed = (place: string): unknown[] => {
  try {
    const named: unknown = JSON.parse(readPrivateFile(place, recordName, { followLinks: false }) ?? "[]");
    return Array.isArray(named) ? named : [];
  } catch {
    return [];
  }
};
