import type { Rule } from "../policy.ts";
import { classOf, formatAddress, isSameAddress, parseAddress, unmapped } from "./address.ts";
import { defaultPorts } from "./egress.ts";
import { formatPattern, isProblem, type Pattern, parsePattern, portsOfPattern } from "./pattern.ts";
import { allowsPath, deniesPath, type RequestPath, readPath } from "./request-path.ts";
import {
  type Compiled,
  compileList,
  type Destination,
  firstFitting,
  groupsOf,
  isMeantFor,
  isPlain,
  patternOf,
  patternsOf,
  type RuleList,
  readDestination,
} from "./rule-list.ts";

export { describeDenial, describeRefusedAddress } from "./denial.ts";

/**
 * What decided about a name and port, or about one request to them, and why. `rule` is the deciding one, or the nearest
 * when only its port differs, or what it says of requests.
 */
export type Decision = {
  allowed: boolean;
  rule?: Rule;
  reason: "allowed" | "denied-by-rule" | "no-rule" | "bad-name" | "bad-port" | "other-request" | "unclear-path";
  /** The connection is allowed; each request on it is to be decided besides. */
  requests?: true;
  /** With `unclear-path`: what is wrong with it. */
  problem?: string;
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

/** The rule that denies all of what a pattern for one host names. */
export const denialOf = ({ deny }: Rules, value: string): Rule | undefined => {
  const pattern = parsePattern(value);
  if (isProblem(pattern) || pattern.kind !== "host") return undefined;
  const { path, methods } = pattern;
  const port = pattern.port ?? defaultPorts[1]!;
  const groups = groupsOf(deny, pattern.name);
  const whole = firstFitting(groups, (rule) => isPlain(rule) && deniesPort(rule, port));
  if (whole || !path) return whole?.rule;
  const isEvery = (rule: Compiled) =>
    (methods ?? [undefined]).every((method) => deniesRequest(rule, port, { method, path }));
  return firstFitting(groups, isEvery)?.rule;
};

/**
 * What decides about a connection to a name, or to an address that somebody spelt out. Deny wins; no rule means no. A
 * rule about requests that allows some of them opens the connection, and one that denies some leaves it open.
 */
export const decide = (rules: Rules, name: string, port: number): Decision => {
  const destination = readDestination(name);
  return destination === undefined
    ? { allowed: false, reason: "bad-name" }
    : decideConnection(rules, destination, port).decision;
};

/** Whether what is said to this name and port has to be looked into, because a rule about requests decides there. */
export const judgesRequests = (rules: Rules, name: string, port: number): boolean =>
  decide(rules, name, port).requests === true;

/** What decides about one request; `target` is a path, perhaps with a query, which does not count. */
export const decideRequest = (rules: Rules, name: string, port: number, method: string, target: string): Decision => {
  const destination = readDestination(name);
  if (destination === undefined) return { allowed: false, reason: "bad-name" };
  const { decision, opening } = decideConnection(rules, destination, port);
  if (!opening || !decision.requests) return decision;
  const path = readPath(target);
  if ("problem" in path) return { allowed: false, reason: "unclear-path", problem: path.problem };
  const request = { method, path };
  const denying = firstFitting(groupsOf(rules.deny, destination), (rule) => deniesRequest(rule, port, request));
  if (denying) return { allowed: false, rule: denying.rule, reason: "denied-by-rule" };
  if (isPlain(opening)) return { allowed: true, rule: opening.rule, reason: "allowed" };
  const allowing = firstFitting(groupsOf(rules.allow, destination), (rule) => allowsRequest(rule, port, request));
  if (allowing) return { allowed: true, rule: allowing.rule, reason: "allowed" };
  return { allowed: false, rule: opening.rule, reason: "other-request" };
};

/** The decision, and the rule that opens the connection, if one does. A rule for all of it comes before others. */
const decideConnection = (
  rules: Rules,
  destination: Destination,
  port: number,
): { decision: Decision; opening?: Compiled } => {
  if (!Number.isInteger(port) || port < 1 || port > 65535) return { decision: { allowed: false, reason: "bad-port" } };
  const denials = groupsOf(rules.deny, destination);
  const denying = firstFitting(denials, (rule) => isPlain(rule) && deniesPort(rule, port));
  if (denying) return { decision: { allowed: false, rule: denying.rule, reason: "denied-by-rule" } };
  const groups = groupsOf(rules.allow, destination);
  const opening =
    firstFitting(groups, (rule) => isPlain(rule) && isMeantFor(rule, port)) ??
    firstFitting(groups, (rule) => isMeantFor(rule, port));
  if (!opening) {
    const near = groups.flat()[0];
    const decision: Decision = near
      ? { allowed: false, rule: near.rule, reason: "bad-port" }
      : { allowed: false, reason: "no-rule" };
    return { decision };
  }
  const requests = !isPlain(opening) || denials.flat().some((rule) => !isPlain(rule) && isMeantFor(rule, port));
  return { decision: { allowed: true, rule: opening.rule, reason: "allowed", ...(requests && { requests }) }, opening };
};

/** A denial of a host without a port closes every port. */
const deniesPort = ({ pattern }: Compiled, port: number): boolean =>
  pattern.port === undefined || pattern.port === port;

/** Without a method: any of them. */
type Request = { method: string | undefined; path: RequestPath };

const allowsRequest = (rule: Compiled, port: number, { method, path }: Request): boolean =>
  rule.pattern.path !== undefined &&
  isMeantFor(rule, port) &&
  holdsFor(rule.pattern, method) &&
  allowsPath(rule.pattern.path, path);

const deniesRequest = (rule: Compiled, port: number, { method, path }: Request): boolean =>
  rule.pattern.path !== undefined &&
  isMeantFor(rule, port) &&
  // Methods differ by the case of their letters (RFC 9110, 9.1), and not every server knows that.
  holdsFor(rule.pattern, method?.toUpperCase()) &&
  deniesPath(rule.pattern.path, path);

const holdsFor = ({ methods }: Pattern, method: string | undefined): boolean => {
  if (methods === undefined) return true;
  return method !== undefined && (methods.includes(method) || (method === "HEAD" && methods.includes("GET")));
};

/** Allowed when a connection to any port of this name would be: only then is the name resolved. */
export const mayResolve = (rules: Rules, name: string): Decision => {
  const destination = readDestination(name);
  if (typeof destination !== "string") return { allowed: false, reason: "bad-name" };
  const ports = groupsOf(rules.allow, destination)
    .flat()
    .flatMap(({ pattern }) => portsOfPattern(pattern));
  const decisions = [...new Set(ports)].map((port) => decideConnection(rules, destination, port).decision);
  return (
    decisions.find(({ allowed }) => allowed) ??
    decisions[0] ??
    decideConnection(rules, destination, defaultPorts[1]!).decision
  );
};

/** Every port that some rule allows, ascending: where the gateway listens. */
export const portsOf = ({ allow }: Rules): number[] => {
  const patterns = patternsOf(allow).filter(({ kind }) => kind !== "range");
  return [...new Set(patterns.flatMap(portsOfPattern))].sort((a, b) => a - b);
};

/** The IPv4 addresses that rules spell out; they are put on the sandbox's loopback. */
export const literalsOf = ({ allow }: Rules): string[] => {
  const addresses = patternsOf(allow).flatMap((pattern) =>
    pattern.kind === "address" && pattern.address.length === 4 ? [formatAddress(pattern.address)] : [],
  );
  return [...new Set(addresses)];
};

/**
 * The rule by which `name` may lead to this address although it is not public. Loopback and addresses of no machine
 * never; metadata and link-local only when spelt out. With a port, a rule for another port does not count. A rule about
 * requests counts for the address itself alone: with any other name, its requests are decided by the rules of the name.
 */
export const namesAddress = (rules: Rules, ip: string, port?: number, name?: string): Rule | undefined => {
  const parsed = parseAddress(ip);
  const address = parsed && unmapped(parsed);
  if (!address || deniesAddress(rules, ip, port, name)) return undefined;
  const kind = classOf(address);
  if (kind === "loopback" || kind === "unspecified" || kind === "multicast") return undefined;
  const isPrecise = kind === "metadata" || kind === "link-local";
  const isLiteral = isSpelt(ip, name);
  return groupsOf(rules.allow, address)
    .flat()
    .filter((rule) => isPlain(rule) || (isLiteral && (port === undefined || isMeantFor(rule, port))))
    .find(({ pattern }) => (!isPrecise || pattern.kind === "address") && isForPort(pattern, port))?.rule;
};

/** The deny rule that holds an address, whatever name led to it. One about requests closes it for other names only. */
export const deniesAddress = (rules: Rules, ip: string, port?: number, name?: string): Rule | undefined => {
  const address = readDestination(ip);
  if (address === undefined || typeof address === "string") return undefined;
  const isLiteral = isSpelt(ip, name);
  return groupsOf(rules.deny, address)
    .flat()
    .find((rule) => (isPlain(rule) || !isLiteral) && isForPort(rule.pattern, port))?.rule;
};

const isForPort = (pattern: Pattern, port: number | undefined): boolean =>
  pattern.port === undefined || port === undefined || pattern.port === port;

/** True when the destination is the address itself, and not a name that leads there. */
const isSpelt = (ip: string, name: string | undefined): boolean => {
  const [address, own] = [parseAddress(ip), parseAddress(name ?? "")];
  return address !== undefined && own !== undefined && isSameAddress(unmapped(address), unmapped(own));
};
