import type { BunFile } from "bun";
import { classify, parseAddress } from "./address.ts";
import { describeDenial, describeRefusedAddress } from "./denial.ts";
import { type Resolve, resolveHost } from "./resolver.ts";
import { decide, deniesAddress, namesAddress, type Rules } from "./rules.ts";
import { createLink, type Wire, wireHandlers } from "./wire.ts";

/** Where a connection shall lead: a canonical name or an address literal. */
export type Target = {
  name: string;
  port: number;
  /** Somebody looks into each request of the connection. */
  isJudged?: true;
};

/** Whether an address may be connected to; the reason is the sentence for person, agent and log. */
export type Verdict = { ok: true } | { ok: false; reason: string };
export type Guard = (address: string) => Verdict;

/** Why there is no connection. `detail` is for a person to read and holds nothing that the other side sent. */
export type Failure =
  | { kind: "refused-address"; reason: string; address: string }
  | { kind: "unresolved" }
  | { kind: "unreachable"; detail: string }
  | { kind: "proxy-refused"; status: number };

/** An open connection, paused until `attach` or `relay`, and the address (or proxy) that it leads to. */
export type Dialled = { ok: true; wire: Wire; address: string } | { ok: false; failure: Failure };

/** Opens one connection to an address; rejects with the error of the system. */
export type Open = (address: string, port: number) => Promise<Wire>;

const staggerMs = 250;
const timeoutMs = 10_000;
const maxAddresses = 8;
// A connection that is being opened cannot be called back in Bun 1.4: one that nobody answers lives on in the kernel
// for about two minutes. This bounds the descriptors of a sandbox that dials such addresses over and over.
const maxOpening = 512;
let opening = 0;

/**
 * Connects to the first address of the name that answers: resolved once, each address checked, and the checked
 * address is what is dialled. Never rejects.
 */
export const dial = async (target: Target, guard: Guard, resolve: Resolve = resolveHost): Promise<Dialled> => {
  const found = isLiteral(target.name) ? [target.name] : await resolve(target.name);
  if (found.length === 0) return { ok: false, failure: { kind: "unresolved" } };
  const verdicts = found.map((address) => ({ address, verdict: guard(address) }));
  const allowed = verdicts.filter(({ verdict }) => verdict.ok).map(({ address }) => address);
  if (allowed.length > 0) return connect(allowed, target.port);
  const { address, verdict } = verdicts[0]!;
  return { ok: false, failure: { kind: "refused-address", address, reason: verdict.ok ? "" : verdict.reason } };
};

/** Connects to a service on the host's own loopback. */
export const dialLoopback = (port: number): Promise<Dialled> => connect(["127.0.0.1", "::1"], port);

/** Connects to one of these addresses: alternating families, a new one every 250 ms or when the last one failed. */
export const connect = (addresses: string[], port: number, open: Open = openPlain): Promise<Dialled> => {
  const { promise, resolve } = Promise.withResolvers<Dialled>();
  const untried = alternate(addresses).slice(0, maxAddresses);
  let running = 0;
  let over = false;
  let problem: string | undefined;
  let stagger: Timer | undefined;

  const finish = (dialled: Dialled): void => {
    over = true;
    clearTimeout(deadline);
    clearTimeout(stagger);
    resolve(dialled);
  };
  const tryNext = (): void => {
    clearTimeout(stagger);
    const address = untried.shift();
    if (over || (!address && running > 0)) return;
    if (address) start(address);
    else finish(unreachable(problem ?? "no address"));
  };
  const start = (address: string): void => {
    running += 1;
    if (untried.length > 0) stagger = setTimeout(tryNext, staggerMs);
    openCounted(open, address, port).then(
      (wire) => {
        if (over) wire.terminate();
        else finish({ ok: true, wire, address });
      },
      (error: unknown) => {
        running -= 1;
        problem ??= describe(error);
        tryNext();
      },
    );
  };
  const deadline = setTimeout(() => finish(unreachable(problem ?? "timed out")), timeoutMs);
  tryNext();
  return promise;
};

/** IPv6 and IPv4 in turn, beginning with the family that the resolver put first. */
export const alternate = (addresses: string[]): string[] => {
  const isV6 = (address: string) => address.includes(":");
  const unique = [...new Set(addresses)];
  const first = unique.filter((address) => isV6(address) === isV6(unique[0]!));
  const second = unique.filter((address) => !first.includes(address));
  return first.flatMap((address, at) => [address, ...second.slice(at, at + 1)]).concat(second.slice(first.length));
};

/** True for an address, in a spelling that no name has. */
export const isLiteral = (name: string): boolean => parseAddress(name) !== undefined;

/**
 * What keeps a name from leading where its rule did not mean (DNS rebinding): only public addresses and those that a rule
 * itself names, or for a rule of the user's own settings a private one; never loopback, and never what a rule denies.
 */
export const guardOf =
  (rules: Rules, { name, port }: Target): Guard =>
  (address) => {
    const rule = deniesAddress(rules, address, port, name);
    if (rule)
      return { ok: false, reason: describeDenial({ allowed: false, rule, reason: "denied-by-rule" }, name, port) };
    const kind = classify(address);
    if (kind === "public" || namesAddress(rules, address, port, name)) return { ok: true };
    const { allowed, rule: own } = decide(rules, name, port);
    if (allowed && own?.mayBePrivate && (kind === "private" || kind === "reserved")) return { ok: true };
    return { ok: false, reason: describeRefusedAddress(name, port, address, kind) };
  };

const openPlain: Open = (hostname, port) =>
  Bun.connect({ hostname, port, allowHalfOpen: true, data: createLink(), socket: wireHandlers });

/** Where the systems keep the bundle of all trusted certificates: Debian, Fedora, SUSE, Alpine and macOS. */
const systemBundles = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** Of the system's bundles and these files, those that exist. */
export const trustedFiles = async (certificates: readonly string[]): Promise<BunFile[]> => {
  const files = [...systemBundles, ...certificates].map((file) => Bun.file(file));
  const present = await Promise.all(files.map((file) => file.exists()));
  return files.filter((_, at) => present[at]);
};

/** TLS with a server whose certificate must be good for that name, by the system's authorities or those in the files. */
export const openTls = async (serverName: string, certificates: readonly string[]): Promise<Open> => {
  const ca = await trustedFiles(certificates);
  const tls = { serverName, ...(ca.length > 0 && { ca }) };
  return (hostname, port) => {
    const { promise, resolve, reject } = Promise.withResolvers<Wire>();
    const socket: typeof wireHandlers = {
      ...wireHandlers,
      // Not paused yet: the handshake must be read.
      open(wire) {
        wire.data = { ...createLink(), isTls: true };
        const deadline = setTimeout(() => wire.terminate(), timeoutMs);
        promise.finally(() => clearTimeout(deadline)).catch(() => {});
      },
      handshake(wire, isTrusted) {
        if (!isTrusted) return reject(new Error("its certificate is not trusted"));
        wire.pause();
        resolve(wire);
      },
      close(wire, error) {
        wireHandlers.close?.(wire, error);
        reject(error ?? new Error("no TLS connection"));
      },
    };
    Bun.connect({ hostname, port, tls, allowHalfOpen: true, data: createLink(), socket }).catch(reject);
    return promise;
  };
};

const openCounted = async (open: Open, address: string, port: number): Promise<Wire> => {
  if (opening >= maxOpening) throw new Error("too many connections are being opened");
  opening += 1;
  try {
    return await open(address, port);
  } finally {
    opening -= 1;
  }
};

const problems: Record<string, string> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "no route to its network",
  ETIMEDOUT: "timed out",
};

const describe = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  return problems[code ?? ""] ?? code ?? message;
};

const unreachable = (detail: string): Dialled => ({ ok: false, failure: { kind: "unreachable", detail } });
