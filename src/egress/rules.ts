import { errorOf } from "../errors.ts";
import type { Rule } from "../policy.ts";
import { type Address, classOf, formatAddress, isInRange, isSameAddress, parseAddress, unmapped } from "./address.ts";
import { defaultPorts } from "./egress.ts";
import { canonicalName } from "./name.ts";
import { formatPattern, isProblem, type Pattern, parsePattern } from "./pattern.ts";

export { describeDenial, describeRefusedAddress } from "./denial.ts";

/** What decided about a name and port, and why. `rule` is the deciding one, or the nearest when only its port differs. */
export type Decision = {
  allowed: boolean;
  rule?: Rule;
  reason: "allowed" | "denied-by-rule" | "no-rule" | "bad-name" | "bad-port";
};

type Compiled = { rule: Rule; pattern: Pattern };

/** One list, taken apart once, so that a decision costs as many look-ups as a name has labels. */
type RuleList = {
  rules: Rule[];
  any: Compiled[];
  hosts: Map<string, Compiled[]>;
  subdomains: Map<string, Compiled[]>;
  addresses: Compiled[];
};

/** The live rules of one run; `addRule` and `removeRule` change them in place. */
export type Rules = { allow: RuleList; deny: RuleList };

/** Throws E_OPTION_INVALID for a rule that cannot be read. */
export const createRules = ({ allow, deny }: { allow: readonly Rule[]; deny: readonly Rule[] }): Rules => ({
  allow: compileList(allow),
  deny: compileList(deny),
});

/** Adds a rule to the end of a list. Throws E_OPTION_INVALID. */
export const addRule = (rules: Rules, list: "allow" | "deny", rule: Rule): void => {
  rules[list] = compileList([...rules[list].rules, rule]);
};

/** Takes a rule out of a list, however it was spelt, of those that `fits` takes; true when there was one. */
export const removeRule = (
  rules: Rules,
  list: "allow" | "deny",
  value: string,
  fits: (rule: Rule) => boolean = () => true,
): boolean => {
  const spellingOf = (rule: Rule) => formatPattern(patternOf(rule));
  const removed = spellingOf({ value, origin: "pattern" });
  const kept = rules[list].rules.filter((rule) => spellingOf(rule) !== removed || !fits(rule));
  const isFound = kept.length < rules[list].rules.length;
  if (isFound) rules[list] = compileList(kept);
  return isFound;
};

const patternOf = ({ value, origin }: Rule): Pattern => {
  const pattern = parsePattern(value);
  if (isProblem(pattern)) throw errorOf("E_OPTION_INVALID", origin, pattern.problem, pattern.hint);
  return pattern;
};

/** The rule that denies every port of the one host that a pattern names. */
export const denialOf = (rules: Rules, value: string): Rule | undefined => {
  const pattern = parsePattern(value);
  if (isProblem(pattern) || pattern.kind !== "host") return undefined;
  const { reason, rule } = decide(rules, pattern.name, pattern.port ?? defaultPorts[1]!);
  return reason === "denied-by-rule" ? rule : undefined;
};

const compileList = (rules: readonly Rule[]): RuleList => {
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

/** What decides about a connection to a name, or to an address that somebody spelt out. Deny wins; no rule means no. */
export const decide = (rules: Rules, name: string, port: number): Decision => {
  const target = readTarget(name);
  return target === undefined ? { allowed: false, reason: "bad-name" } : decideTarget(rules, target, port);
};

type Target = string | Address;

const readTarget = (name: string): Target | undefined => {
  const address = parseAddress(name);
  return address ? unmapped(address) : canonicalName(name);
};

const decideTarget = (rules: Rules, target: Target, port: number): Decision => {
  if (!Number.isInteger(port) || port < 1 || port > 65535) return { allowed: false, reason: "bad-port" };
  const denying = firstWithPort(groupsOf(rules.deny, target), port, deniesPort);
  if (denying) return { allowed: false, rule: denying.rule, reason: "denied-by-rule" };
  const groups = groupsOf(rules.allow, target).map((group) => group.filter(grantsConnections));
  const allowing = firstWithPort(groups, port, allowsPort);
  if (allowing) return { allowed: true, rule: allowing.rule, reason: "allowed" };
  const near = groups.flat()[0];
  return near ? { allowed: false, rule: near.rule, reason: "bad-port" } : { allowed: false, reason: "no-rule" };
};

/** A rule about requests opens no connection: nothing here could hold it to its path. As a denial it closes the host. */
const grantsConnections = ({ pattern }: Compiled): boolean => pattern.path === undefined;

const allowsPort = ({ pattern }: Compiled, port: number): boolean =>
  pattern.port === undefined ? defaultPorts.includes(port) : pattern.port === port;

const deniesPort = ({ pattern }: Compiled, port: number): boolean =>
  pattern.port === undefined || pattern.port === port;

/** Rules that name a target, the most specific group first. */
const groupsOf = (list: RuleList, target: Target): Compiled[][] => {
  if (typeof target !== "string") return addressGroups(list, target);
  const groups = [list.hosts.get(target) ?? []];
  for (let dot = target.indexOf("."); dot >= 0; dot = target.indexOf(".", dot + 1))
    groups.push(list.subdomains.get(target.slice(dot + 1)) ?? []);
  return [...groups, list.any];
};

/** `*` means names, so no address is in it. */
const addressGroups = ({ addresses }: RuleList, target: Address): Compiled[][] => {
  const exact = addresses.filter(({ pattern }) => pattern.kind === "address" && isSameAddress(target, pattern.address));
  const bitsOf = ({ pattern }: Compiled) => (pattern.kind === "range" ? pattern.range.bits : 0);
  const ranges = addresses.filter(({ pattern }) => pattern.kind === "range" && isInRange(target, pattern.range));
  return [exact, ...ranges.sort((one, other) => bitsOf(other) - bitsOf(one)).map((range) => [range])];
};

/** Of each group the rule that names the port comes first. */
const firstWithPort = (
  groups: readonly Compiled[][],
  port: number,
  accepts: (rule: Compiled, port: number) => boolean,
): Compiled | undefined => {
  for (const group of groups) {
    const fitting = group.filter((rule) => accepts(rule, port));
    const found = fitting.find(({ pattern }) => pattern.port !== undefined) ?? fitting[0];
    if (found) return found;
  }
  return undefined;
};

/** Allowed when a connection to any port of this name would be: only then is the name resolved. */
export const mayResolve = (rules: Rules, name: string): Decision => {
  const target = canonicalName(name);
  if (target === undefined) return { allowed: false, reason: "bad-name" };
  const named = groupsOf(rules.allow, target).flat().filter(grantsConnections);
  const ports = named.flatMap(({ pattern }) => (pattern.port === undefined ? defaultPorts : [pattern.port]));
  const decisions = [...new Set(ports)].map((port) => decideTarget(rules, target, port));
  return decisions.find(({ allowed }) => allowed) ?? decisions[0] ?? decideTarget(rules, target, defaultPorts[1]!);
};

/** Every port that some rule allows, ascending: where the gateway listens. */
export const portsOf = ({ allow }: Rules): number[] => {
  const patterns = namedPatterns(allow).filter(({ kind }) => kind !== "range");
  const ports = patterns.flatMap(({ port }) => (port === undefined ? defaultPorts : [port]));
  return [...new Set(ports)].sort((a, b) => a - b);
};

/** The IPv4 addresses that rules spell out; they are put on the sandbox's loopback. */
export const literalsOf = ({ allow }: Rules): string[] => {
  const addresses = namedPatterns(allow).flatMap((pattern) =>
    pattern.kind === "address" && pattern.address.length === 4 ? [formatAddress(pattern.address)] : [],
  );
  return [...new Set(addresses)];
};

const namedPatterns = ({ any, hosts, subdomains, addresses }: RuleList): Pattern[] =>
  [any, ...hosts.values(), ...subdomains.values(), addresses]
    .flat()
    .filter(grantsConnections)
    .map(({ pattern }) => pattern);

/**
 * The rule by which a name may lead to this address although it is not public. Loopback and addresses of no machine
 * never; metadata and link-local only when spelt out. With a port, a rule for another port does not count.
 */
export const namesAddress = (rules: Rules, ip: string, port?: number): Rule | undefined => {
  const parsed = parseAddress(ip);
  const address = parsed && unmapped(parsed);
  if (!address || deniesAddress(rules, ip, port)) return undefined;
  const kind = classOf(address);
  if (kind === "loopback" || kind === "unspecified" || kind === "multicast") return undefined;
  const isPrecise = kind === "metadata" || kind === "link-local";
  return addressGroups(rules.allow, address)
    .flat()
    .filter(grantsConnections)
    .find(({ pattern }) => (!isPrecise || pattern.kind === "address") && isForPort(pattern, port))?.rule;
};

/** The deny rule that holds an address, whatever name led to it. */
export const deniesAddress = (rules: Rules, ip: string, port?: number): Rule | undefined => {
  const address = parseAddress(ip);
  if (!address) return undefined;
  const groups = addressGroups(rules.deny, unmapped(address));
  return groups.flat().find(({ pattern }) => isForPort(pattern, port))?.rule;
};

const isForPort = (pattern: Pattern, port: number | undefined): boolean =>
  pattern.port === undefined || port === undefined || pattern.port === port;
