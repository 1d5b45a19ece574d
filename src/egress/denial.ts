import type { AddressClass } from "./address.ts";
import { defaultPorts } from "./egress.ts";
import { canonicalName } from "./name.ts";
import { requestPorts } from "./pattern.ts";
import { readPath } from "./request-path.ts";
import type { Decision } from "./rules.ts";

/** What was asked for; `target` with its query, of which nothing is said: there may be a secret in it. */
export type AskedFor = { method: string; target: string };

/** What a request is called, and the rule that would allow just it, where there is a plain one. */
type Naming = { subject: string; rule: string | undefined };

/** A sentence stays readable; a rule that is cut off would be another one. */
const longestPath = 150;

/**
 * Why a connection or a request is refused, in the one sentence that person, agent and log read. Printable ASCII without
 * line breaks, whatever the name holds: it also stands in HTTP reason phrases.
 */
export const describeDenial = (decision: Decision, name: string, port: number, asked?: AskedFor): string => {
  const { reason, rule, problem } = decision;
  const host = canonicalName(name) ?? name;
  const { subject, rule: own } = asked ? nameRequest(host, port, asked) : nameConnection(host, port, reason);
  const way = own === undefined ? "" : `; allow it with: cordon allow ${own}`;
  const refused = (detail: string) => printable(`${subject} is not allowed (${detail})${way}`);
  switch (reason) {
    case "allowed":
      return printable(`${subject} is allowed`);
    case "bad-name":
      return printable(`"${name.slice(0, 100)}" is not a host name`);
    case "denied-by-rule":
      return printable(`${subject} is denied by the rule ${rule?.value} of ${rule?.origin}`);
    case "no-rule":
      return refused("no rule names it");
    case "bad-port":
      return rule
        ? refused(`the rule ${rule.value} is for other ports`)
        : printable(`${subject} is not allowed (there is no such port)`);
    case "other-request":
      return refused(`the rule ${rule?.value} of ${rule?.origin} is for other requests`);
    case "unclear-path":
      return printable(`${subject} is not let through: ${problem}`);
  }
};

/** A request as a rule would name it, fit to be printed. */
export const describeAsked = (name: string, port: number, asked: AskedFor): string =>
  printable(nameRequest(canonicalName(name) ?? name, port, asked).subject);

/** The status by which HTTP says so. */
export const statusOfDenial = ({ reason }: Decision): 400 | 403 => (reason === "unclear-path" ? 400 : 403);

const nameConnection = (host: string, port: number, reason: Decision["reason"]): Naming => {
  const isUsual = reason !== "bad-port" && defaultPorts.includes(port);
  return { subject: `${host}:${port}`, rule: isUsual ? host : `${host}:${port}` };
};

/** What a shell or a rule would take for more than it is stands in no command: the agent chooses it. */
const nameRequest = (host: string, port: number, { method, target }: AskedFor): Naming => {
  const path = readPath(target);
  const text = "text" in path ? path.text : target.split(/[?#]/, 1)[0]!;
  const place = `${method.slice(0, 32)} ${host}${requestPorts.includes(port) ? "" : `:${port}`}`;
  const isRule = "text" in path && text.length <= longestPath && /^[A-Z]{1,20}$/.test(method);
  const shown = text.length <= longestPath ? text : `${text.slice(0, longestPath)}...`;
  return { subject: `${place}${shown}`, rule: isRule ? `"${place}${text}"` : undefined };
};

/** Why a name that is allowed is not dialled: where it leads. */
export const describeRefusedAddress = (name: string, port: number, address: string, kind: AddressClass): string => {
  const fact = `${canonicalName(name) ?? name}:${port} leads to the ${kind} address ${address}`;
  if (kind === "loopback") return printable(`${fact}; a port of this machine is opened with: --host-port ${port}`);
  const isNever = kind === "unspecified" || kind === "multicast";
  return printable(isNever ? `${fact}, which is never dialled` : `${fact}; allow it with: cordon allow ${address}`);
};

const printable = (text: string): string => text.replace(/[^ -~]/g, "?");
