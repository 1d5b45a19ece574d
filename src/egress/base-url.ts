import type { Agent } from "../agents/agent.ts";
import type { Rule } from "../policy.ts";
import { classOf, formatAddress, parseAddress, unmapped } from "./address.ts";
import { isLocalhost, nameOfRule } from "./name.ts";

/** What a URL asks of the network: a rule for its host and port, or a port of this machine's loopback. */
export type Endpoint =
  | { kind: "host"; value: string /** By HTTP without TLS. */; isPlain?: true }
  | { kind: "host-port"; port: number };

/** What somebody's own settings ask of the network, each with the place where that was said. */
export type Demands = { allow: (Rule & { isPlain?: true })[]; hostPorts: { value: number; origin: string }[] };

const schemePorts: Record<string, number> = { "http:": 80, "https:": 443, "ssh:": 22, "git:": 9418 };

/** Host and port of a URL and nothing else of it: user, password and path stay behind. Undefined when there is none. */
export const endpointOf = (text: string): Endpoint | undefined => {
  let url: URL;
  try {
    url = new URL(text.trim().replace(/^(sparse|git|registry)\+/, ""));
  } catch {
    return undefined;
  }
  const port = url.port === "" ? schemePorts[url.protocol] : Number(url.port);
  if (port === undefined || port === 0) return undefined;
  const isPlain = url.protocol === "http:";
  const written = url.hostname.replace(/^\[|\]$/g, "");
  const address = parseAddress(written);
  if (address) return marked(endpointAt(unmapped(address), port), isPlain);
  const name = nameOfRule(written);
  if (name === undefined) return undefined;
  return marked(isLocalhost(name) ? { kind: "host-port", port } : { kind: "host", value: `${name}:${port}` }, isPlain);
};

const marked = (endpoint: Endpoint | undefined, isPlain: boolean): Endpoint | undefined =>
  isPlain && endpoint?.kind === "host" ? { ...endpoint, isPlain } : endpoint;

const endpointAt = (address: readonly number[], port: number): Endpoint | undefined => {
  const kind = classOf(address);
  if (kind === "loopback") return { kind: "host-port", port };
  if (kind === "unspecified" || kind === "multicast") return undefined;
  const text = formatAddress(address);
  return { kind: "host", value: address.length === 4 ? `${text}:${port}` : `[${text}]:${port}` };
};

/** The demands of a list of URLs; what is no URL asks for nothing. */
export const demandsOf = (urls: readonly { url: string; origin: string }[]): Demands => {
  const endpoints = urls.flatMap(({ url, origin }) => {
    const endpoint = endpointOf(url);
    return endpoint ? [{ endpoint, origin }] : [];
  });
  return {
    allow: endpoints.flatMap(({ endpoint, origin }) =>
      endpoint.kind === "host"
        ? [{ value: endpoint.value, origin, mayBePrivate: true, ...(endpoint.isPlain && { isPlain: true }) } as const]
        : [],
    ),
    hostPorts: endpoints.flatMap(({ endpoint, origin }) =>
      endpoint.kind === "host-port" ? [{ value: endpoint.port, origin }] : [],
    ),
  };
};

/** The servers that an agent's users point it at, by variables inside and by the agent's own settings (their text). */
export const baseUrlDemands = (
  { baseUrls, baseUrlSettings }: Agent,
  variables: Record<string, string | undefined>,
  settings: { text: string; label: string } | undefined,
): Demands => {
  const named = baseUrls.flatMap((name) => {
    const url = variables[name];
    return url ? [{ url, origin: name }] : [];
  });
  const keys = baseUrlSettings?.keys ?? [];
  const content = variables[baseUrlSettings?.variable ?? ""];
  const texts = [settings, content === undefined ? undefined : { text: content, label: baseUrlSettings!.variable! }];
  const written = texts.flatMap((from) =>
    from ? valuesOf(from.text, keys).map(({ key, value }) => ({ url: value, origin: `${from.label} (${key})` })) : [],
  );
  return demandsOf([...named, ...written]);
};

/** Values of some keys wherever they stand in JSON, JSON with comments or TOML; whole-line comments do not count. */
export const valuesOf = (text: string, keys: readonly string[]): { key: string; value: string }[] => {
  if (keys.length === 0) return [];
  const bare = text.replace(/^[ \t]*(#|\/\/).*$/gm, "");
  const pattern = new RegExp(`(?:^|[{,])\\s*["']?(${keys.join("|")})["']?\\s*[:=]\\s*["']([^"'\\n]*)["']`, "gm");
  return [...bare.matchAll(pattern)].map(([, key, value]) => ({ key: key!, value: value! }));
};
