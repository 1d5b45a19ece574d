import { classify } from "../egress/address.ts";
import { type AskedFor, describeAsked, describeDenial } from "../egress/denial.ts";
import { isLocalhost } from "../egress/name.ts";
import { createRules, type Decision, decide, decideRequest } from "../egress/rules.ts";
import type { Host } from "../host.ts";
import type { Policy, Rule } from "../policy.ts";
import { isSteering, type Variable } from "./environment.ts";
import { type Mount, mountAt, type Plan } from "./plan.ts";

/** What decides about one path, host or variable, and where that was said. */
export type Explanation = { subject: string; verdict: string; origin: string };

export const explainPath = ({ mounts }: Plan, target: string): Explanation => {
  const mount = mountAt(mounts, target);
  if (!mount) return { subject: target, verdict: "does not exist inside", origin: "nothing shows it" };
  return { subject: target, verdict: verdictOf(mount, target), origin: mount.origin };
};

const verdictOf = (mount: Mount, target: string): string => {
  switch (mount.kind) {
    case "workspace":
    case "bind":
      return mount.mode === "rw" ? "read and write" : "read only";
    case "overlay":
      return mount.mode === "rw" ? "read and write, in the session only" : "read only, as the session left it";
    case "tmpfs":
      return mount.target === target ? "private and empty at the start" : "does not exist inside; private space";
    case "mask":
      return "hidden";
    case "bytes":
      return "read only, made by cordon";
    case "symlink":
      return `link to ${mount.link}`;
    case "dev":
    case "proc":
      return "private";
  }
};

export const explainVariable = ({ variables }: { variables: Variable[] }, host: Host, name: string): Explanation => {
  const found = variables.find((variable) => variable.name === name);
  if (found) return { subject: name, verdict: "set inside", origin: found.origin };
  if (isSteering(name)) return { subject: name, verdict: "never passed", origin: "it steers the loader or a runtime" };
  const verdict = host.env[name] === undefined ? "not set outside either" : "not passed";
  return { subject: name, verdict, origin: `default; \`--env ${name}=…\` or env.pass brings it in` };
};

/**
 * `HOST` or `HOST:PORT`, without a port about HTTPS, or one request to it. Asks what the gateway asks. Of a URL the
 * query is not said again.
 */
export const explainHost = ({ network }: Policy, word: string, asked?: AskedFor): Explanation => {
  const { name, port } = splitPort(word);
  const origin = `network ${network.mode}, ${network.origin}`;
  if (network.mode !== "filtered") {
    const subject = asked ? describeAsked(name, port, asked) : word;
    return { subject, verdict: network.mode === "open" ? "reachable" : "unreachable", origin };
  }
  if (isLocalhost(name) || classify(name) === "loopback") return explainLoopback(network, `${name}:${port}`, port);
  const rules = createRules(network);
  const decision = asked ? decideRequest(rules, name, port, asked.method, asked.target) : decide(rules, name, port);
  const subject = asked ? describeAsked(name, port, asked) : `${name}:${port}`;
  const isSaid = decision.rule && (decision.allowed || decision.reason === "denied-by-rule");
  const sentence = () => describeDenial(decision, name, port, asked);
  return { subject, verdict: verdictOn(decision), origin: isSaid ? describeRule(decision.rule!) : sentence() };
};

const verdictOn = ({ allowed, reason, requests }: Decision): string => {
  if (allowed) return requests ? "allowed, and each request is judged" : "allowed";
  return reason === "denied-by-rule" ? "denied" : "not allowed";
};

/** `[METHOD ]URL`, or a rule about requests such as `GET example.com/path`; undefined for anything else. */
export const readRequest = (word: string): (AskedFor & { host: string }) | undefined => {
  const [, method, scheme, host = "", target = ""] =
    /^(?:([A-Z]+) )?(https?:\/\/)?([^/?#\s]+)([^\s#]*)(?:#\S*)?$/.exec(word) ?? [];
  if (host === "" || (method === undefined && scheme === undefined)) return undefined;
  // Who signs in is not asked, nor said again.
  const place = host.slice(host.lastIndexOf("@") + 1);
  const withPort = scheme === "http://" && !/:[0-9]+$/.test(place) ? `${place}:80` : place;
  return { method: method ?? "GET", host: withPort, target: target.startsWith("/") ? target : `/${target}` };
};

const explainLoopback = ({ hostPorts }: Policy["network"], subject: string, port: number): Explanation => {
  const found = hostPorts.find(({ value }) => value === port);
  return found
    ? { subject, verdict: "this machine's port, inside as well", origin: found.origin }
    : { subject, verdict: "the sandbox's own loopback", origin: `\`--host-port ${port}\` reaches this machine's` };
};

const describeRule = ({ value, origin }: Rule): string => `rule ${value}, ${origin}`;

const splitPort = (word: string): { name: string; port: number } => {
  const [, bracketed, host = word, digits] = /^(?:\[([^\]]*)\]|([^:]*))(?::([0-9]+))?$/.exec(word) ?? [];
  return { name: bracketed ?? host, port: digits === undefined ? 443 : Number(digits) };
};
