import type { LiveCredential } from "../../credentials/credential.ts";
import type { AuditVia } from "../audit.ts";
import { readAuthority } from "../authority.ts";
import { type Checkpoint, refuse } from "../checkpoint.ts";
import { describeDenial, statusOfDenial } from "../denial.ts";
import type { Target } from "../dialler.ts";
import { canonicalName, isLocalhost } from "../name.ts";
import { decideRequest, judgesRequests } from "../rules.ts";
import type { Clean, Field, Head, Judge, Verdict } from "./head.ts";
import { inject, injectionsFor, isHarmless, plainNameOf } from "./inject.ts";
import { createNeedles, createScrubber, scrubText } from "./scrub.ts";

/** What is done to the requests and answers of one connection, whatever version of HTTP carries them. */
export type Exchange = {
  /** Those that may go to this target. */
  credentials: LiveCredential[];
  judge: Judge;
  clean: Clean;
  createScrubber: () => ReturnType<typeof createScrubber> | undefined;
};

export const createExchange = (checkpoint: Checkpoint, target: Target, via: AuditVia): Exchange => {
  const { interception, audit } = checkpoint;
  const injections = injectionsFor(interception.injections, target.name, target.port);
  const credentials = injections.flatMap(({ credential }) => interception.credentials.get(credential) ?? []);
  const where = { host: target.name, port: target.port, via };
  /** What the requests on the way carry. */
  const sent = new Map<LiveCredential, string>();
  const needles = createNeedlesOf(credentials);
  const judge = (head: Head): Verdict => {
    const verdict = judgeHead(checkpoint, target, head) ?? signIn(head);
    const path = pathOf(head);
    if (verdict.ok) audit.record({ event: "allowed", ...where, method: head.method, path });
    else refuse(checkpoint, target, via, verdict.sentence, { method: head.method, path });
    return verdict;
  };
  const signIn = (head: Head): Verdict => {
    if (injections.length === 0) return { ok: true, fields: head.fields };
    const injected = inject(head.target, head.fields, injections, (name) => {
      const credential = interception.credentials.get(name);
      const value = credential?.value();
      if (credential && value !== undefined) sent.set(credential, value);
      return value;
    });
    if (injected.ok) return injected;
    return { ok: false, status: 403, sentence: `${target.name}:${target.port} was not asked: ${injected.sentence}` };
  };
  const clean: Clean = (status, fields) => {
    if (status === 401) for (const [credential, value] of sent) credential.reject(value);
    const kept = fields.filter(([name]) => name.toLowerCase() !== "alt-svc");
    if (credentials.length === 0) return kept;
    if (fields.some(isPacked)) {
      const sentence = "its answer is compressed, although nobody asked for that";
      return void refuse(checkpoint, target, via, `${target.name}:${target.port} was cut off: ${sentence}`);
    }
    const looked = needles();
    return kept.filter(isWelcome).map(([name, value]): Field => [name, scrubText(value, looked)]);
  };
  return {
    credentials,
    judge,
    clean,
    createScrubber: () => (credentials.length === 0 ? undefined : createScrubber(needles())),
  };
};

/** What is looked for, built anew when there is a new value. */
const createNeedlesOf = (credentials: readonly LiveCredential[]) => {
  let secrets: string[] = [];
  let needles = createNeedles(secrets);
  return (): typeof needles => {
    const now = credentials.flatMap((credential) => credential.secrets());
    if (now.length !== secrets.length || now.some((secret, at) => secret !== secrets[at])) {
      secrets = now;
      needles = createNeedles(secrets);
    }
    return needles;
  };
};

/** Nobody has asked for it, and no real value would be seen in it. */
const isPacked = ([name, value]: Field): boolean =>
  name.toLowerCase() === "content-encoding" && value.toLowerCase() !== "identity";

/** A session would be a fresh credential inside. No request could hold it anyway. */
const isWelcome = ([name, value]: Field): boolean =>
  name.toLowerCase() !== "set-cookie" || isHarmless(value.split(";", 1)[0]!);

/** Without the query, in which anything may stand. */
const pathOf = ({ target }: Head): string => target.split("?", 1)[0]!;

/** Fields by which some servers take another method or path than the ones that were judged. */
const rewritingFields = new Set([
  ...["x-http-method-override", "x-http-method", "x-method-override"],
  ...["x-original-url", "x-rewrite-url"],
]);

const judgeHead = ({ rules }: Checkpoint, { name, port }: Target, head: Head): Verdict | undefined => {
  const { authority, method } = head;
  if (authority !== undefined && !isFor(authority, name, port))
    return { ok: false, status: 421, sentence: `a request for another host than ${name}:${port}` };
  const other = head.fields.find(([field]) => rewritingFields.has(plainNameOf(field)));
  if (other) return { ok: false, status: 403, sentence: `${other[0]} makes another request of this one` };
  if (/^(trace|connect)$/i.test(method)) return { ok: false, status: 405, sentence: `${method} is not forwarded` };
  if (!judgesRequests(rules, name, port)) return undefined;
  const decision = decideRequest(rules, name, port, method, head.target);
  if (decision.allowed) return undefined;
  const sentence = describeDenial(decision, name, port, { method, target: head.target });
  return { ok: false, status: statusOfDenial(decision), sentence };
};

/** Left out where the scheme says it. */
const schemePorts = [80, 443];

const isFor = (authority: string, name: string, port: number): boolean => {
  const read = readAuthority(authority);
  if (!read) return false;
  const asked = canonicalName(read.host) ?? read.host;
  const isNamed = asked === name || (isLocalhost(name) && ["127.0.0.1", "::1"].includes(asked));
  return isNamed && (read.port === undefined ? schemePorts.includes(port) : read.port === port);
};
