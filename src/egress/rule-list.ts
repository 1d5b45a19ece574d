import { errorOf } from "../errors.ts";
import type { Rule } from "../policy.ts";
import { type Address, isInRange, isSameAddress, parseAddress, unmapped } from "./address.ts";
import { canonicalName } from "./name.ts";
import { isProblem, type Pattern, parsePattern, portsOfPattern } from "./pattern.ts";

export type Compiled = { rule: Rule; pattern: Pattern };

/** One list, taken apart once, so that a decision costs as many look-ups as a name has labels. */
export type RuleList = {
  rules: Rule[];
  any: Compiled[];
  hosts: Map<string, Compiled[]>;
  subdomains: Map<string, Compiled[]>;
  addresses: Compiled[];
};

/** A canonical name, or an address that somebody spelt out. */
export type Destination = string | Address;

export const readDestination = (name: string): Destination | undefined => {
  const address = parseAddress(name);
  return address ? unmapped(address) : canonicalName(name);
};

/** Throws E_OPTION_INVALID for a rule that cannot be read. */
export const patternOf = ({ value, origin }: Rule): Pattern => {
  const pattern = parsePattern(value);
  if (isProblem(pattern)) throw errorOf("E_OPTION_INVALID", origin, pattern.problem, pattern.hint);
  return pattern;
};

/** Throws E_OPTION_INVALID for a rule that cannot be read. */
export const compileList = (rules: readonly Rule[]): RuleList => {
  const list: RuleList = { rules: [...rules], any: [], hosts: new Map(), subdomains: new Map(), addresses: [] };
  for (const rule of rules) {
    const pattern = patternOf(rule);
    placeIn(list, pattern).push({ rule, pattern });
  }
  return list;
};

const placeIn = (list: RuleList, pattern: Pattern): Compiled[] => {
  switch (pattern.kind) {
    case "any":
      return list.any;
    case "host":
      return slotOf(list.hosts, pattern.name);
    case "subdomains":
      return slotOf(list.subdomains, pattern.of);
    case "address":
    case "range":
      return list.addresses;
  }
};

const slotOf = (map: Map<string, Compiled[]>, key: string): Compiled[] => {
  const slot = map.get(key) ?? [];
  map.set(key, slot);
  return slot;
};

/** Every pattern of a list. */
export const patternsOf = ({ any, hosts, subdomains, addresses }: RuleList): Pattern[] =>
  [any, ...hosts.values(), ...subdomains.values(), addresses].flat().map(({ pattern }) => pattern);

/** Rules that name a destination, the most specific group first. */
export const groupsOf = (list: RuleList, destination: Destination): Compiled[][] => {
  if (typeof destination !== "string") return addressGroups(list, destination);
  const groups = [list.hosts.get(destination) ?? []];
  for (let dot = destination.indexOf("."); dot >= 0; dot = destination.indexOf(".", dot + 1))
    groups.push(list.subdomains.get(destination.slice(dot + 1)) ?? []);
  return [...groups, list.any];
};

/** `*` means names, so no address is in it. */
const addressGroups = ({ addresses }: RuleList, address: Address): Compiled[][] => {
  const exact = addresses.filter(
    ({ pattern }) => pattern.kind === "address" && isSameAddress(address, pattern.address),
  );
  const bitsOf = ({ pattern }: Compiled) => (pattern.kind === "range" ? pattern.range.bits : 0);
  const ranges = addresses.filter(({ pattern }) => pattern.kind === "range" && isInRange(address, pattern.range));
  return [exact, ...ranges.sort((one, other) => bitsOf(other) - bitsOf(one)).map((range) => [range])];
};

/** The first that fits; of each group the rule that names the port comes first. */
export const firstFitting = (
  groups: readonly Compiled[][],
  fits: (rule: Compiled) => boolean,
): Compiled | undefined => {
  for (const group of groups) {
    const fitting = group.filter(fits);
    const found = fitting.find(({ pattern }) => pattern.port !== undefined) ?? fitting[0];
    if (found) return found;
  }
  return undefined;
};

/** A rule about whole connections. */
export const isPlain = ({ pattern }: Compiled): boolean => pattern.path === undefined;

export const isMeantFor = ({ pattern }: Compiled, port: number): boolean => portsOfPattern(pattern).includes(port);
