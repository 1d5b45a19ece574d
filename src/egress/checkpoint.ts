import type { Rule } from "../policy.ts";
import type { Addresses } from "./addresses.ts";
import type { Audit, AuditVia } from "./audit.ts";
import { describeDenial } from "./denial.ts";
import { type Dialled, dial, type Failure, guardOf, type Target } from "./dialler.ts";
import type { Interception } from "./intercept/intercept.ts";
import { isLocalhost } from "./name.ts";
import { type Joint, type RelayOptions, relay, type Traffic } from "./relay.ts";
import { type Decision, decide, judgesRequests, type Rules } from "./rules.ts";
import { dialThrough, proxyFor, type Upstream } from "./upstream.ts";
import type { Wire } from "./wire.ts";

/** What every stream of one sandbox passes: the rules, and the books. */
export type Checkpoint = {
  rules: Rules;
  addresses: Addresses;
  audit: Audit;
  upstream: Upstream | undefined;
  interception: Interception;
  /** Told once for every host and port that was denied, in the sentence for people. */
  notify: (sentence: string) => void;
  /** The clients' open connections, each with where it leads as soon as it has said so. */
  connections: Map<Wire, Target | undefined>;
  /** The outer halves of joined connections: one can outlive its inner half, with bytes that its server does not take. */
  outer: Map<Wire, Target>;
  told: Set<string>;
};

const mostTold = 200;

/** A way out, or the sentence why there is none and the status by which HTTP says so. */
export type Opened = { ok: true; wire: Wire; decision: Decision } | { ok: false; status: number; sentence: string };

/** Asks the rules for a client, then dials. What does not come about stands in the books. */
export const open = async (checkpoint: Checkpoint, client: Wire, target: Target, via: AuditVia): Promise<Opened> => {
  // From here on a change of the rules ends it, also while it is being dialled or has not begun to speak.
  if (!client.data.closed) checkpoint.connections.set(client, target);
  const decision = decide(checkpoint.rules, target.name, target.port);
  if (!decision.allowed) {
    const sentence = describeDenial(decision, target.name, target.port);
    refuse(checkpoint, target, via, sentence, decision);
    return { ok: false, status: 403, sentence };
  }
  const proxy = proxyFor(checkpoint.upstream, target);
  const dialled: Dialled = proxy
    ? await dialThrough(proxy, target, checkpoint.rules)
    : await dial(target, guardOf(checkpoint.rules, target));
  if (!dialled.ok) return fail(checkpoint, target, via, dialled.failure);
  if (!client.data.closed) return { ok: true, wire: dialled.wire, decision };
  dialled.wire.terminate();
  return { ok: false, status: 502, sentence: "the client has left" };
};

/** What else is known of a denial. */
type Denied = { rule?: Rule; method?: string; path?: string };

/** Writes a denial down and tells the person, once for each host and port. */
export const refuse = (
  { audit, notify, told }: Checkpoint,
  { name, port }: { name: string; port?: number },
  via: AuditVia,
  sentence: string,
  { rule, method, path }: Denied = {},
): void => {
  const where = { host: name, via, ...(port && { port }), ...(method && { method }), ...(path && { path }) };
  audit.record({ event: "denied", ...where, reason: sentence, ...(rule && { rule }) });
  const key = `${name} ${path ?? ""}`;
  if (told.has(key) || told.size >= mostTold) return;
  told.add(key);
  notify(sentence);
};

const fail = (checkpoint: Checkpoint, target: Target, via: AuditVia, failure: Failure): Opened => {
  const where = `${target.name}:${target.port}`;
  if (failure.kind === "refused-address") {
    refuse(checkpoint, target, via, failure.reason);
    return { ok: false, status: 403, sentence: failure.reason };
  }
  const sentence =
    failure.kind === "unresolved"
      ? `${where} cannot be reached: its name is unknown`
      : failure.kind === "proxy-refused"
        ? `${where} cannot be reached: the upstream proxy answered ${failure.status}`
        : `${where} cannot be reached: ${failure.detail}`;
  checkpoint.audit.record({ event: "failed", host: target.name, port: target.port, via, reason: sentence });
  return { ok: false, status: 502, sentence };
};

/** How a client came, and what let it through. */
export type Way = { via: AuditVia; decision: Decision };
type Crossing = Way & Omit<RelayOptions, "onClose">;

/** Joins a client to where it may go, and writes down what went through. */
export const cross = (
  checkpoint: Checkpoint,
  client: Wire,
  server: Wire,
  target: Target,
  { via, decision, ...options }: Crossing,
): Joint => {
  checkpoint.outer.set(server, target);
  const onClose = ({ up, down }: Traffic): void => {
    checkpoint.outer.delete(server);
    const { rule } = decision;
    const where = { host: target.name, port: target.port };
    checkpoint.audit.record({ event: "allowed", ...where, via, up, down, ...(rule && { rule }) });
  };
  return relay(client, server, { onClose, ...options });
};

/** After a change of the rules: ends what they no longer allow. */
export const enforce = ({ rules, connections, outer }: Checkpoint): void => {
  for (const [wire, target] of [...connections, ...outer]) if (target && !isStillRight(rules, target)) wire.terminate();
};

/** A connection that nobody looks into may not go on when a rule about requests has come. */
const isStillRight = (rules: Rules, { name, port, isJudged }: Target): boolean =>
  isLocalhost(name) || (decide(rules, name, port).allowed && (isJudged || !judgesRequests(rules, name, port)));
