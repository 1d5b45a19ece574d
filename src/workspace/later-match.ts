import { type Group, heaps, type Rule } from "./later-rule.ts";
import { laterTable } from "./later-table.ts";
import { foldName } from "./name-fold.ts";

/** Which rule of the table a path meets. Pure. */

export type Compiled = Rule & { names: string[]; isAnchored: boolean; isTree: boolean; group: Group; rank: number };
type Index = { literal: Map<string, Compiled[]>; byPrefix: Map<string, Compiled[]>; byEnding: Map<string, Compiled[]> };

const expand = (pattern: string): string[] => {
  const found = /\{([^{}]*)\}/.exec(pattern);
  if (!found) return [pattern];
  const [before, after] = [pattern.slice(0, found.index), pattern.slice(found.index + found[0].length)];
  return found[1]!.split(",").flatMap((choice) => expand(before + choice + after));
};

const compile = (rule: Rule, group: Group, rank: number): Compiled[] =>
  rule.patterns
    .split(/\s+/)
    .filter(Boolean)
    .flatMap(expand)
    .map((pattern) => ({
      ...rule,
      group,
      rank,
      isAnchored: pattern.startsWith("/"),
      isTree: pattern.endsWith("/"),
      names: pattern.split("/").filter(Boolean).map(foldName),
    }));

/** Rules are found by the last of their names: as it is, by how it begins, or by how it ends. */
const buildIndex = (): Index => {
  const index: Index = { literal: new Map(), byPrefix: new Map(), byEnding: new Map() };
  const rules = laterTable.flatMap(({ group, rules }, at) =>
    rules.flatMap((rule, of) => compile(rule, group, at * 100 + of)),
  );
  for (const rule of rules) {
    const last = rule.names.at(-1)!;
    const star = last.indexOf("*");
    if (star < 0) put(index.literal, last, rule);
    else if (star === 0) put(index.byEnding, endingOf(last), rule);
    else put(index.byPrefix, last.slice(0, Math.min(star, 2)), rule);
  }
  return index;
};

/** Adds to the list at a key. */
export const put = <T>(map: Map<string, T[]>, key: string, value: T): void => {
  const there = map.get(key);
  if (there) there.push(value);
  else map.set(key, [value]);
};

const endingOf = (name: string): string => name.slice(name.lastIndexOf(".") + 1);

let built: Index | undefined;
const index = (): Index => {
  built ??= buildIndex();
  return built;
};

/** The names of a path, folded. A backslash parts them too, as it does on Windows. */
export const foldPath = (path: string): string[] => path.split(/[/\\]/).filter(Boolean).map(foldName);

const matchesName = (pattern: string, name: string): boolean => {
  const star = pattern.indexOf("*");
  if (star < 0) return pattern === name;
  const [start, end] = [pattern.slice(0, star), pattern.slice(star + 1)];
  return name.length >= start.length + end.length && name.startsWith(start) && name.endsWith(end);
};

const matchesAt = (rule: Compiled, names: string[], at: number): boolean => {
  const from = at - rule.names.length + 1;
  if (from < 0 || (rule.isAnchored && from > 0) || (!rule.isTree && at < names.length - 1)) return false;
  return rule.names.every((pattern, of) => matchesName(pattern, names[from + of]!));
};

const candidates = (name: string): Compiled[] => {
  const { literal, byPrefix, byEnding } = index();
  const found = [
    literal.get(name),
    byPrefix.get(name.slice(0, 2)),
    byPrefix.get(name.slice(0, 1)),
    byEnding.get(endingOf(name)),
  ];
  return found.flatMap((rules) => rules ?? []);
};

/** True for a name that ends a pattern, whatever has to stand before it. */
export const mayMeet = (name: string): boolean => {
  const last = foldPath(name).at(-1) ?? "";
  return candidates(last).some((rule) => matchesName(rule.names.at(-1)!, last));
};

/** True for a directory, given by its folded names, in which a rule means everything. */
export const isInTree = (names: string[]): boolean =>
  names.some((name, at) => candidates(name).some((rule) => rule.isTree && matchesAt(rule, names, at)));

/** The most dangerous rule that a path meets, given by its folded names. */
export const ruleOf = (names: string[]): Compiled | undefined => {
  let best: Compiled | undefined;
  for (let at = 0; at < names.length; at++) {
    for (const rule of candidates(names[at]!)) {
      if ((!best || rule.rank < best.rank) && matchesAt(rule, names, at)) best = rule;
    }
  }
  return best;
};

/** True for a file whose text says whether a change matters: whoever can, gives it. */
export const isJudgedByText = (path: string): boolean => ruleOf(foldPath(path))?.precise !== undefined;

/** The path of the directory of installed or built code that a path lies in, if any. */
export const heapOf = (path: string): string | undefined => {
  const names = path.split("/");
  const at = names.findIndex((name) => Object.hasOwn(heaps, foldName(name)));
  return at < 0 ? undefined : names.slice(0, at + 1).join("/");
};

/** Names of the table as they are commonly written, for a directory that is too large to be listed. */
export const knownNames = (): string[] => {
  const rules = [...index().literal.values()].flat();
  const firsts = rules.map(({ names }) => names[0]!).filter((name) => !name.includes("*"));
  const capital = (name: string) => name.slice(0, 1).toUpperCase() + name.slice(1);
  const upper = (name: string) => name.replace(/^[^.]+/, (stem) => stem.toUpperCase());
  const common = firsts.flatMap((name) => [name, capital(name), upper(name)]);
  return [...new Set([...common, "CMakeLists.txt", "GNUmakefile"])];
};
