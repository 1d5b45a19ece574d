/** The value of a settings file. Integers of TOML are `bigint`, so that they are written back as integers. */
export type Setting = string | number | bigint | boolean | null | Date | Setting[] | Settings;
export type Settings = { [key: string]: Setting };

const deepest = 48;

/**
 * What a settings file says; undefined for what its agent could not read either. The ending of its name tells the
 * language: TOML, or JSON, which may hold comments. The parser of TOML is loaded only here.
 */
export const parseSettings = async (name: string, text: string): Promise<Settings | undefined> => {
  try {
    const value = name.endsWith(".toml") ? await parseToml(text) : parseJson(text.replace(/^\uFEFF/, ""));
    return isTable(value) && isShallow(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

export const printSettings = async (name: string, value: Settings): Promise<string> => {
  if (!name.endsWith(".toml")) return `${JSON.stringify(value, null, 2)}\n`;
  const { stringify } = await import("smol-toml");
  return stringify(value, { numbersAsFloat: true });
};

export const isTable = (value: Setting | undefined): value is Settings =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);

export const isSame = (one: Setting | undefined, other: Setting | undefined): boolean =>
  Bun.deepEquals(one, other, true);

/** Each entry of a table anew; a name such as `__proto__` stays a name. */
export const mapTable = (table: Settings, change: (value: Setting, key: string) => Setting | undefined): Settings =>
  Object.fromEntries(
    Object.entries(table).flatMap(([key, value]) => {
      const changed = change(value, key);
      return changed === undefined ? [] : [[key, changed]];
    }),
  );

const parseToml = async (text: string): Promise<Setting> => {
  const { parse } = await import("smol-toml");
  return parse(text, { integersAsBigInt: true, maxDepth: deepest }) as Setting;
};

const parseJson = (text: string): Setting => {
  try {
    return JSON.parse(text) as Setting;
  } catch {
    return Bun.JSONC.parse(text) as Setting;
  }
};

/** The file may be a sandbox's work: what is nested without end would exhaust whoever walks it. */
const isShallow = (value: Setting): boolean => {
  const open: { value: Setting; depth: number }[] = [{ value, depth: 0 }];
  for (let next = open.pop(); next; next = open.pop()) {
    if (typeof next.value !== "object" || next.value === null) continue;
    if (next.depth > deepest) return false;
    for (const inner of Object.values(next.value)) open.push({ value: inner as Setting, depth: next.depth + 1 });
  }
  return true;
};
