import type { AddressClass } from "./address.ts";
import { defaultPorts } from "./egress.ts";
import { canonicalName } from "./name.ts";
import type { Decision } from "./rules.ts";

/**
 * Why a connection is refused, in the one sentence that person, agent and log read. Printable ASCII without line
 * breaks, whatever the name holds: it also stands in HTTP reason phrases.
 */
export const describeDenial = ({ reason, rule }: Decision, name: string, port: number): string => {
  const host = canonicalName(name) ?? name;
  switch (reason) {
    case "allowed":
      return printable(`${host}:${port} is allowed`);
    case "bad-name":
      return printable(`"${name.slice(0, 100)}" is not a host name`);
    case "denied-by-rule":
      return printable(`${host}:${port} is denied by the rule ${rule?.value} of ${rule?.origin}`);
    case "no-rule":
      return printable(`${host}:${port} is not allowed (no rule names it); allow it with: ${allowCommand(host, port)}`);
    case "bad-port": {
      if (!rule) return printable(`${host}:${port} is not allowed (there is no such port)`);
      const detail = `the rule ${rule.value} is for other ports`;
      return printable(`${host}:${port} is not allowed (${detail}); allow it with: cordon allow ${host}:${port}`);
    }
  }
};

/** Why a name that is allowed is not dialled: where it leads. */
export const describeRefusedAddress = (name: string, port: number, address: string, kind: AddressClass): string => {
  const fact = `${canonicalName(name) ?? name}:${port} leads to the ${kind} address ${address}`;
  if (kind === "loopback") return printable(`${fact}; a port of this machine is opened with: --host-port ${port}`);
  const isNever = kind === "unspecified" || kind === "multicast";
  return printable(isNever ? `${fact}, which is never dialled` : `${fact}; allow it with: cordon allow ${address}`);
};

const allowCommand = (host: string, port: number): string =>
  `cordon allow ${defaultPorts.includes(port) ? host : `${host}:${port}`}`;

const printable = (text: string): string => text.replace(/[^ -~]/g, "?");
