import type { Endpoint } from "../../egress/base-url.ts";
import { defaultPorts } from "../../egress/egress.ts";
import { createRules, decide } from "../../egress/rules.ts";
import type { Policy } from "../../policy.ts";
import type { Agent } from "../agent.ts";
import type { Settings } from "../settings/text.ts";
import { endpointOfServer } from "./secrets.ts";
import { readServers } from "./servers.ts";

/** A settings file of the project: somebody else's word, which opens nothing. `label` is its path in the project. */
export type ProjectSettings = { label: string; value: Settings };

/**
 * One sentence about the addresses of the project's MCP servers that the user's rules do not reach, with the options
 * that reach them. Undefined when there is none. What a rule of the user's denies is settled, and not brought up.
 */
export const noteProjectServers = (
  agent: Agent,
  files: readonly ProjectSettings[],
  { network }: Policy,
): string | undefined => {
  const { mcp: dialect } = agent;
  if (!dialect || network.mode !== "filtered") return undefined;
  const rules = createRules(network);
  const isOpen = (endpoint: Endpoint): boolean => {
    if (endpoint.kind === "host-port") return network.hostPorts.some(({ value }) => value === endpoint.port);
    const { name, port } = splitPort(endpoint.value);
    const { allowed, reason } = decide(rules, name, port);
    return allowed || reason === "denied-by-rule";
  };
  const closed = files.flatMap(({ label, value }) =>
    readServers(value, { dialect }, { origin: label, scope: "project", env: {} }).flatMap((server) => {
      const endpoint = server.kind === "http" ? endpointOfServer(server.url) : undefined;
      return endpoint && !isOpen(endpoint) ? [{ label, way: wayTo(endpoint) }] : [];
    }),
  );
  if (closed.length === 0) return undefined;
  const labels = [...new Set(closed.map(({ label }) => label))];
  const ways = [...new Set(closed.map(({ way }) => way))];
  const more = ways.length > mostWays ? ` and ${ways.length - mostWays} more` : "";
  return `${labels.join(", ")} of this project names MCP servers that cannot be reached: ${ways.slice(0, mostWays).join(", ")}${more}`;
};

const mostWays = 5;

const wayTo = (endpoint: Endpoint): string => {
  if (endpoint.kind === "host-port")
    return `port ${endpoint.port} of this machine (\`--host-port ${endpoint.port}\` opens it)`;
  const { name, port } = splitPort(endpoint.value);
  const rule = defaultPorts.includes(port) ? name : endpoint.value;
  return `${endpoint.value} (\`cordon allow ${rule}\`)`;
};

const splitPort = (value: string): { name: string; port: number } => {
  const colon = value.lastIndexOf(":");
  return { name: value.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(value.slice(colon + 1)) };
};
