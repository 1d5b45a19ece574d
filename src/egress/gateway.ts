import type { LiveCredentials } from "../credentials/credential.ts";
import type { Places } from "../places.ts";
import type { Rule } from "../policy.ts";
import type { Answer, Request, RuleRequest } from "../run/control.ts";
import type { Run } from "../run/record.ts";
import { createAddresses } from "./addresses.ts";
import { auditFile, openAudit } from "./audit.ts";
import { connectionCapacity } from "./capacity.ts";
import { type Checkpoint, enforce, refuse } from "./checkpoint.ts";
import { describeDenial } from "./denial.ts";
import { dialLoopback, trustedFiles } from "./dialler.ts";
import type { Resolution } from "./dns.ts";
import { openDoors } from "./doors.ts";
import { dnsAddress, dnsPort, type Egress, type Notify, proxyAddress, proxyPort } from "./egress.ts";
import type { CertificateAuthority } from "./intercept/certificate-authority.ts";
import type { Interception } from "./intercept/intercept.ts";
import { isIntercepted } from "./intercept/needed.ts";
import { canonicalName } from "./name.ts";
import { answerStream, serveDatagrams } from "./name-server.ts";
import { prepareEntry } from "./namespace.ts";
import { serveProxy } from "./proxy.ts";
import { createPublisher } from "./publish.ts";
import { relay } from "./relay.ts";
import { addRule, createRules, type Decision, denialOf, literalsOf, mayResolve, portsOf, removeRule } from "./rules.ts";
import { lookInto, serve } from "./stream.ts";
import { upstreamOf } from "./upstream.ts";
import type { Wire } from "./wire.ts";

/** The only way out of one sandbox: it lives in cordon's own process and ends with it. */
export type Gateway = {
  /** Carries out what `cordon allow`, `deny` and `publish` ask for. */
  answer(request: Request): Promise<Answer>;
  close(): void;
};

export type Surroundings = {
  /** A private directory that is removed with the run. */
  directory: string;
  run: Run;
  places: Places;
  /** The environment outside, which may name a proxy. */
  hostEnv: Record<string, string>;
  authority: CertificateAuthority;
  /** The values of what the egress injects. */
  credentials: LiveCredentials;
  notify: Notify;
  /** Told when no connection has ended for a while: what only traffic needed can be given back. */
  onQuiet: () => void;
};

const quietMs = 1_000;

/**
 * Takes its place behind the network of a sandbox before anything runs there. `firstProcess` waits until there is one
 * and gives its pid. Throws errors of the catalogue.
 */
export const openGateway = async (
  egress: Egress,
  firstProcess: () => number,
  surroundings: Surroundings,
): Promise<Gateway> => {
  const { directory, run, places, notify, onQuiet } = surroundings;
  const enterNetwork = prepareEntry(directory);
  const onTrouble = (problem: string): void => notify(`the audit file is incomplete: ${problem}`);
  const checkpoint: Checkpoint = {
    rules: createRules(egress),
    addresses: createAddresses(),
    audit: openAudit({ file: auditFile(places), run: run.id, project: run.project, agent: run.agent, onTrouble }),
    upstream: upstreamOf(surroundings.hostEnv),
    interception: interceptionOf(egress, surroundings),
    notify,
    connections: new Map(),
    outer: new Map(),
    told: new Set(),
  };
  const entrance: Entrance = { hostPorts: new Set(egress.hostPorts), capacity: connectionCapacity() };
  let quiet: Timer | undefined;
  const pid = firstProcess();
  const network = enterNetwork(pid);
  const doors = openDoors(network, {
    arrive: (wire) => arrive(checkpoint, entrance, wire),
    leave: (wire) => {
      checkpoint.connections.delete(wire);
      clearTimeout(quiet);
      quiet = setTimeout(onQuiet, quietMs).unref();
    },
  });
  const update = (): number[] =>
    doors.ensure(portsOf(checkpoint.rules), egress.hostPorts, literalsOf(checkpoint.rules));
  update();
  const resolve = (name: string): Resolution => resolveName(checkpoint, name);
  const servers = await Promise.all(doors.datagrams.map((fd) => serveDatagrams(fd, resolve)));
  const publisher = createPublisher(network, pid, doors, checkpoint.audit, egress, notify);
  return {
    answer: async (request) => {
      if (request.verb === "publish") return await publisher.publish(request);
      if (request.verb === "stop") return { ok: false, problem: "unknown request" };
      return changeRules(checkpoint, update, request);
    },
    close() {
      clearTimeout(quiet);
      publisher.close();
      doors.close();
      for (const server of servers) server.close();
      for (const wires of [checkpoint.connections, checkpoint.outer]) for (const wire of wires.keys()) wire.terminate();
      network.close();
      checkpoint.audit.close();
    },
  };
};

const interceptionOf = ({ inject }: Egress, { authority, credentials, hostEnv }: Surroundings): Interception => {
  const named = [hostEnv["SSL_CERT_FILE"], hostEnv["NODE_EXTRA_CA_CERTS"]].filter((file) => file !== undefined);
  let trusted: ReturnType<typeof trustedFiles> | undefined;
  return {
    ...{ authority, credentials, injections: inject, speaksH2: new Map() },
    trusted() {
      trusted ??= trustedFiles(named);
      return trusted;
    },
  };
};

type Entrance = { hostPorts: ReadonlySet<number>; capacity: number };

/** Who comes to which door means what: the address says the name, the port the service. */
const arrive = (checkpoint: Checkpoint, { hostPorts, capacity }: Entrance, wire: Wire): void => {
  const { connections } = checkpoint;
  const isFull = connections.size >= capacity;
  connections.set(wire, undefined);
  const { localAddress: address, localPort: port } = wire;
  const isLoopback = address === "127.0.0.1" || address === "::1";
  if (isFull) wire.terminate();
  else if (address === proxyAddress && port === proxyPort) serveProxy(checkpoint, wire);
  else if (address === dnsAddress && port === dnsPort) answerStream(wire, (asked) => resolveName(checkpoint, asked));
  else if (isLoopback && hostPorts.has(port)) void serveHostPort(checkpoint, wire, port);
  else serveAddress(checkpoint, wire, address, port);
};

/** An address stands for the name that it was given out for, or for itself where a rule spells it out. */
const serveAddress = (checkpoint: Checkpoint, wire: Wire, address: string, port: number): void => {
  const { addresses, rules } = checkpoint;
  const name = addresses.nameOf(address) ?? literalsOf(rules).find((literal) => literal === address);
  if (name === undefined) wire.terminate();
  else void serve(checkpoint, wire, { name, port });
};

const resolveName = (checkpoint: Checkpoint, asked: string): Resolution => {
  const decision = mayResolve(checkpoint.rules, asked);
  const name = canonicalName(asked);
  if (!decision.allowed || name === undefined) {
    refuse(checkpoint, { name: name ?? asked }, "dns", describeDenial(decision, asked, 443), decision);
    return { kind: "denied" };
  }
  const bytes = checkpoint.addresses.addressOf(name);
  return bytes ? { kind: "address", bytes } : { kind: "exhausted" };
};

const serveHostPort = async (checkpoint: Checkpoint, client: Wire, port: number): Promise<void> => {
  const { audit } = checkpoint;
  const where = { host: "localhost", port, via: "host-port" } as const;
  const dialled = await dialLoopback(port);
  if (!dialled.ok) {
    audit.record({ event: "failed", ...where, reason: `nothing answers at port ${port} of the host` });
    return client.terminate();
  }
  const target = { name: where.host, port };
  if (isIntercepted(checkpoint, target)) {
    const decision: Decision = { allowed: true, reason: "allowed" };
    return lookInto(checkpoint, client, dialled.wire, target, { via: where.via, decision });
  }
  relay(client, dialled.wire, { onClose: ({ up, down }) => audit.record({ event: "allowed", ...where, up, down }) });
};

/** Rules of the configuration stay: only what commands have said is taken back by commands. */
const isSpoken = ({ origin }: Rule): boolean => origin.startsWith("cordon ");

const changeRules = (checkpoint: Checkpoint, update: () => number[], request: RuleRequest): Answer => {
  const { verb, pattern, remove = false, origin } = request;
  const { rules, audit } = checkpoint;
  const rule: Rule = { value: pattern, origin };
  const wasThere = removeRule(rules, verb, pattern, isSpoken);
  if (remove && !wasThere) return { ok: false, problem: `no command has said \`cordon ${verb} ${pattern}\`` };
  if (!remove) {
    // The last word counts.
    removeRule(rules, verb === "allow" ? "deny" : "allow", pattern, isSpoken);
    addRule(rules, verb, rule);
  }
  audit.record({ event: "rule", host: pattern, rule, reason: remove ? `${verb} removed` : verb });
  // What was denied once is told again after a change.
  checkpoint.told.clear();
  enforce(checkpoint);
  const taken = update();
  const standing = verb === "allow" && !remove ? denialOf(rules, pattern) : undefined;
  if (standing) return { ok: true, message: `still denied by the rule ${standing.value} of ${standing.origin}` };
  return taken.length === 0
    ? { ok: true }
    : { ok: true, message: `a program inside listens on port ${taken.join(", ")}: there only the proxy leads out` };
};
