import fs from "node:fs";
import path from "node:path";
import type { Found } from "../credentials/found.ts";
import type { Seed, SeedValue } from "./agent.ts";
import { readPrivateFile, writePrivateFile } from "./private-file.ts";
import { mergeChanges, mergeOver } from "./settings/merge.ts";
import type { SettingsSeed } from "./settings/projection.ts";
import { parseSettings, printSettings, type Settings } from "./settings/text.ts";

/** What fills the `{…}` places of seeds, the names of the keys that the agent will have, the user's settings. */
export type SeedFacts = {
  values: Record<string, string>;
  keys: string[];
  /** True when there is a login, or one is to be made. */
  hasLogin?: boolean;
  /** True when nothing is there that signs it in. */
  isSignedOut?: boolean;
  /** Credential files with placeholders, by the state directory's path. */
  files: Found["files"];
  /** The user's settings as they may stand inside, by the path of the user's own file. */
  settings?: ReadonlyMap<string, Settings>;
};

/** The directories of one state that seeds are about. */
export type SeedPlaces = {
  /** The user's own directory, and where a file beside it stands. */
  source: string;
  outer: string;
  /** The private one on the host. */
  host: string;
  /** Where cordon notes what it has brought in; no sandbox sees it. */
  record: string;
};

/** The user's own file from which a seed comes. */
export const ownFileOf = (seed: Seed, { source, outer }: Pick<SeedPlaces, "source" | "outer">): string =>
  path.join(seed.kind === "settings" && seed.beside ? outer : source, seed.name);

/** Writes one seed into a private state directory. */
export const plantSeed = async (seed: Seed, places: SeedPlaces, facts: SeedFacts): Promise<void> => {
  if (seed.kind === "copy") copyFile(seed.name, places);
  else await plantSettings(seed, places, facts);
};

const plantSettings = async (seed: SettingsSeed, places: SeedPlaces, facts: SeedFacts): Promise<void> => {
  const { name, withKey, withLogin, signedOut, value } = seed;
  const read = async (directory: string): Promise<Settings | undefined> => {
    const text = readPrivateFile(directory, name, { followLinks: false });
    return text === undefined ? undefined : await parseSettings(name, text);
  };
  const byLogin = withLogin && facts.hasLogin ? withLogin : {};
  const byKey = withKey && facts.keys.includes(withKey.key) ? withKey.value : {};
  const byNothing = signedOut && facts.isSignedOut ? signedOut : {};
  const assumed = [byNothing, byLogin, byKey].reduce<Settings>(
    (below, above) => mergeOver(below, above as Settings),
    {},
  );
  const fresh = mergeOver(assumed, facts.settings?.get(ownFileOf(seed, places)) ?? {});
  const [before, present] = [await read(places.record), await read(places.host)];
  const kept = before && present ? mergeChanges(before, fresh, present) : fresh;
  const settings = mergeOver(kept, fillIn(value ?? {}, facts.values) as Settings);
  if (Object.keys(settings).length === 0 && present === undefined) return;
  fs.mkdirSync(places.record, { recursive: true, mode: 0o700 });
  writePrivateFile(places.record, name, await printSettings(name, fresh));
  writePrivateFile(places.host, name, await printSettings(name, settings));
};

/** Nothing is known of what the file says; the user's own comes in whenever it has changed. */
const copyFile = (name: string, { source, host }: SeedPlaces): void => {
  if (!isNewer(path.join(source, name), path.join(host, name))) return;
  const text = readPrivateFile(source, name, { followLinks: true });
  if (text !== undefined) writePrivateFile(host, name, text);
};

/** True when the user's own file exists and has changed since the private copy was written. */
const isNewer = (own: string, kept: string): boolean => {
  const ownStat = fs.statSync(own, { throwIfNoEntry: false });
  const keptStat = fs.lstatSync(kept, { throwIfNoEntry: false });
  return ownStat !== undefined && (keptStat === undefined || ownStat.mtimeMs > keptStat.mtimeMs);
};

const fillIn = (value: SeedValue, values: Record<string, string>): SeedValue => {
  const fill = (text: string) => text.replace(/\{([a-z-]+)\}/g, (whole, name: string) => values[name] ?? whole);
  if (typeof value === "string") return fill(value);
  if (Array.isArray(value)) return value.map((entry) => fillIn(entry, values));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [fill(key), fillIn(entry, values)]));
};
