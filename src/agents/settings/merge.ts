import { isSame, isTable, type Setting, type Settings } from "./text.ts";

/** Tables are merged key by key, lists joined, everything else replaced. */
export const mergeOver = (below: Settings, above: Settings): Settings => mergeValues(below, above) as Settings;

const mergeValues = (below: Setting, above: Setting): Setting => {
  if (Array.isArray(below) && Array.isArray(above)) return [...new Set([...below, ...above])];
  if (!isTable(below) || !isTable(above)) return above;
  const merged = new Map(Object.entries(below));
  for (const [key, value] of Object.entries(above)) {
    const standing = merged.get(key);
    merged.set(key, standing === undefined ? value : mergeValues(standing, value));
  }
  return Object.fromEntries(merged);
};

/**
 * What stands now, with what has changed between two versions of somebody else's. Where both have changed the same
 * value, the other's newer one holds.
 */
export const mergeChanges = (before: Settings, after: Settings, present: Settings): Settings => {
  const keys = new Set([...Object.keys(present), ...Object.keys(after)]);
  const at = (table: Settings, key: string) => (Object.hasOwn(table, key) ? table[key] : undefined);
  return Object.fromEntries(
    [...keys].flatMap((key): [string, Setting][] => {
      const [old, fresh, standing] = [at(before, key), at(after, key), at(present, key)];
      if (isSame(old, fresh)) return standing === undefined ? [] : [[key, standing]];
      if (isTable(fresh) && isTable(standing)) return [[key, mergeChanges(isTable(old) ? old : {}, fresh, standing)]];
      return fresh === undefined ? [] : [[key, fresh]];
    }),
  );
};
