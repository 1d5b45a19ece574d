import fs from "node:fs";
import path from "node:path";
import type { Seed, SeedValue } from "./agent.ts";
import { readPrivateFile, writePrivateFile } from "./private-file.ts";

/** What fills the `{…}` places of seeds, and the names of the keys that the agent will have. */
export type SeedFacts = { values: Record<string, string>; keys: string[] };

/** Writes one seed into a private state directory; `source` is the user's own. */
export const plantSeed = (seed: Seed, directory: string, source: string, { values, keys }: SeedFacts): void => {
  const fresh = isNewer(path.join(source, seed.name), path.join(directory, seed.name));
  const present = readPrivateFile(fresh ? source : directory, seed.name, { followLinks: fresh });
  if (seed.kind === "json") {
    const assumed = seed.withKey && keys.includes(seed.withKey.key) ? seed.withKey.value : {};
    const merged = merge(merge(assumed, parseObject(present)), fillIn(seed.value, values));
    writePrivateFile(directory, seed.name, `${JSON.stringify(merged, null, 2)}\n`);
  } else if (fresh && present !== undefined) {
    writePrivateFile(directory, seed.name, present);
  }
};

/** True when the user's own file exists and has changed since the private copy was written. */
const isNewer = (own: string, kept: string): boolean => {
  const ownStat = fs.statSync(own, { throwIfNoEntry: false });
  const keptStat = fs.lstatSync(kept, { throwIfNoEntry: false });
  return ownStat !== undefined && (keptStat === undefined || ownStat.mtimeMs > keptStat.mtimeMs);
};

const parseObject = (text: string | undefined): SeedValue => {
  try {
    return JSON.parse(text ?? "{}") as SeedValue;
  } catch {
    return {};
  }
};

/** Objects are merged key by key, lists joined, everything else replaced. */
const merge = (below: SeedValue, above: SeedValue): SeedValue => {
  if (Array.isArray(below) && Array.isArray(above)) return [...new Set([...below, ...above])];
  if (!isObject(below) || !isObject(above)) return above;
  const merged = new Map(Object.entries(below));
  for (const [key, value] of Object.entries(above)) {
    const standing = merged.get(key);
    merged.set(key, standing === undefined ? value : merge(standing, value));
  }
  return Object.fromEntries(merged);
};

const isObject = (value: SeedValue): value is { [key: string]: SeedValue } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const fillIn = (value: SeedValue, values: Record<string, string>): SeedValue => {
  const fill = (text: string) => text.replace(/\{([a-z-]+)\}/g, (whole, name: string) => values[name] ?? whole);
  if (typeof value === "string") return fill(value);
  if (Array.isArray(value)) return value.map((entry) => fillIn(entry, values));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [fill(key), fillIn(entry, values)]));
};
