import { type Address, classOf, formatAddress, parseAddress, parseRange, type Range, unmapped } from "./address.ts";
import { defaultPorts } from "./egress.ts";
import { isLocalhost, nameOfRule } from "./name.ts";
import { type RequestPath, readRulePath } from "./request-path.ts";

/** What one rule says, taken apart. */
export type Pattern = (
  | { kind: "any" }
  | { kind: "host"; name: string }
  /** The sub-domains of a name, not the name itself. */
  | { kind: "subdomains"; of: string }
  | { kind: "address"; address: Address }
  | { kind: "range"; range: Range }
) & {
  port?: number;
  /** A rule about requests, not about connections. */
  path?: RequestPath;
  /** Upper case; absent means every method. */
  methods?: string[];
};

/** Why a text is no rule, and what to write. */
export type Problem = { problem: string; hint: string };

export const grammarHint =
  "a rule is HOST, *.HOST or *, each with or without :PORT, an address, a range such as 10.0.0.0/8, or [METHODS ]HOST/PATH";

const longestRule = 1024;

/** Reads `[METHODS ]HOST[:PORT][/PATH]`, where HOST is `*`, a name, `*.NAME` or an address, or a range of addresses. */
export const parsePattern = (text: string): Pattern | Problem => {
  if (text.length > longestRule || /[\u0000-\u001f\u007f]/.test(text)) return unreadable(text);
  // Without the URL itself: there may be a password in it.
  if (/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(text))
    return { problem: "a URL is no rule", hint: "write its host alone, and `:PORT` where that matters" };
  const [, methods, place = text] = /^([A-Z,]+) (\S+)$/.exec(text) ?? [];
  const slash = place.indexOf("/");
  if (methods !== undefined && slash < 0)
    return { problem: `\`${text}\` names methods without a path`, hint: `write \`${methods} ${place}/\`` };
  if (slash < 0) return readTarget(place);
  if (methods === undefined && /^[0-9]+$/.test(place.slice(slash + 1))) {
    const range = readRange(place, place.slice(0, slash));
    if (range) return range;
  }
  return withRequest(readTarget(place.slice(0, slash)), place.slice(slash), methods, text);
};

export const isProblem = (result: Pattern | Problem): result is Problem => "problem" in result;

/** True for a rule about requests: it holds only where traffic is looked into. */
export const isRequestRule = (text: string): boolean => {
  const pattern = parsePattern(text);
  return !isProblem(pattern) && pattern.path !== undefined;
};

const unreadable = (text: string): Problem => ({
  problem: `\`${text.slice(0, 100)}\` is neither a host name nor an address`,
  hint: grammarHint,
});

const withRequest = (
  target: Pattern | Problem,
  path: string,
  methods: string | undefined,
  text: string,
): Pattern | Problem => {
  if ("problem" in target) return target;
  const names = methods && [...new Set(methods.split(","))];
  if (names && !names.every((name) => /^[A-Z]{1,20}$/.test(name))) return unreadable(text);
  const read = readRulePath(path);
  if ("problem" in read) return { problem: `\`${text.slice(0, 100)}\`: ${read.problem}`, hint: grammarHint };
  return { ...target, path: read, ...(names && { methods: names }) };
};

const readRange = (text: string, host: string): Pattern | Problem | undefined => {
  const address = parseAddress(host);
  if (!address) return undefined;
  const range = parseRange(text);
  if (!range)
    return { problem: `\`${text}\` is no range`, hint: "write the first address of the range, as 10.0.0.0/8" };
  return range.bits === address.length * 8 ? readAddress(address, undefined, text) : { kind: "range", range };
};

const readTarget = (text: string): Pattern | Problem => {
  const bare = parseAddress(text);
  if (bare) return readAddress(bare, undefined, text);
  const parts = /^(\[[^\]]*\]|[^:]*)(?::([0-9]*))?$/.exec(text);
  if (!parts) return unreadable(text);
  const [, host = "", digits] = parts;
  const port = digits === undefined ? undefined : parsePort(digits);
  if (digits !== undefined && port === undefined)
    return { problem: `\`${text}\`: \`${digits}\` is no port`, hint: "a port is a number from 1 to 65535" };
  const withPort = port === undefined ? {} : { port };
  if (host === "*") return { kind: "any", ...withPort };
  const address = parseAddress(host.startsWith("[") ? host.slice(1, -1) : host);
  if (address) return readAddress(address, port, text);
  const name = nameOfRule(host.startsWith("*.") ? host.slice(2) : host);
  if (name === undefined) return unreadable(text);
  if (isLocalhost(name)) return loopback(text, port);
  return host.startsWith("*.") ? { kind: "subdomains", of: name, ...withPort } : { kind: "host", name, ...withPort };
};

const readAddress = (given: Address, port: number | undefined, text: string): Pattern | Problem => {
  const address = unmapped(given);
  const kind = classOf(address);
  if (kind === "loopback") return loopback(text, port);
  if (kind === "unspecified" || kind === "multicast")
    return { problem: `\`${text}\` is no address of one machine`, hint: grammarHint };
  return { kind: "address", address, ...(port !== undefined && { port }) };
};

/** Inside, loopback is the sandbox's own. */
const loopback = (text: string, port: number | undefined): Problem => ({
  problem: `\`${text}\` is the sandbox's own loopback`,
  hint: `\`--host-port ${port ?? "PORT"}\` (network.host-ports) reaches a port of this machine`,
});

/** A port from 1 to 65535 in plain digits. */
export const parsePort = (text: string): number | undefined => {
  const port = /^[1-9][0-9]{0,4}$/.test(text) ? Number(text) : Number.NaN;
  return port <= 65535 ? port : undefined;
};

/** Where requests are expected when a rule about them names no port: HTTP and HTTPS. */
export const requestPorts: readonly number[] = [80, 443];

/** The ports for which an allowance is meant. */
export const portsOfPattern = ({ port, path }: Pattern): readonly number[] => {
  if (port !== undefined) return [port];
  return path === undefined ? defaultPorts : requestPorts;
};

/** A rule in its one spelling, by which rules are compared and kept. */
export const formatPattern = (pattern: Pattern): string => {
  const { port, path, methods } = pattern;
  const host = formatTarget(pattern);
  const bracketed = port !== undefined && host.includes(":") ? `[${host}]` : host;
  return `${methods ? `${methods.join(",")} ` : ""}${bracketed}${port === undefined ? "" : `:${port}`}${path?.text ?? ""}`;
};

const formatTarget = (pattern: Pattern): string => {
  switch (pattern.kind) {
    case "any":
      return "*";
    case "host":
      return pattern.name;
    case "subdomains":
      return `*.${pattern.of}`;
    case "address":
      return formatAddress(pattern.address);
    case "range":
      return `${formatAddress(pattern.range.network)}/${pattern.range.bits}`;
  }
};
