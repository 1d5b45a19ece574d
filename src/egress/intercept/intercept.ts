import type { Injection, LiveCredential, LiveCredentials } from "../../credentials/credential.ts";
import { type Checkpoint, cross, open, refuse, type Way } from "../checkpoint.ts";
import { isLiteral, type Target } from "../dialler.ts";
import { canonicalName } from "../name.ts";
import type { Joint } from "../relay.ts";
import type { Wire } from "../wire.ts";
import type { CertificateAuthority } from "./certificate-authority.ts";
import { createExchange } from "./exchange.ts";
import { createH1Relay } from "./h1.ts";
import { createH2Relay } from "./h2.ts";
import type { Passed, Relay } from "./head.ts";
import { type Authority, acceptTls, type Opened, openTlsOver, type Protocol } from "./terminate.ts";

/** What looking into the traffic of one sandbox takes. */
export type Interception = {
  authority: CertificateAuthority;
  injections: readonly Injection[];
  credentials: LiveCredentials;
  /** Whom the host trusts. */
  trusted(): Promise<readonly Authority[]>;
  /** Whether a server speaks HTTP/2, by `NAME:PORT`. */
  speaksH2: Map<string, boolean>;
};

/** Stands between a client and a server that both speak TLS. The connections are open and nothing has been said yet. */
export const interceptTls = async (
  checkpoint: Checkpoint,
  client: Wire,
  server: Wire,
  target: Target,
  way: Way,
): Promise<void> => {
  try {
    const { inner, outer } = await openBoth(checkpoint, client, server, target, way);
    crossJudged(checkpoint, inner.wire, outer.wire, target, way, inner.protocol);
  } catch (error) {
    const where = { host: target.name, port: target.port };
    const reason = `${target.name}:${target.port} was cut off: ${(error as Error).message}`;
    checkpoint.audit.record({ event: "failed", ...where, via: way.via, reason });
    client.terminate();
    server.terminate();
  }
};

type Both = { inner: Opened; outer: Opened };

/**
 * Client and server must speak the same HTTP. What the server can is learnt with the first connection; from then on the
 * client chooses first and the server is offered just that.
 */
const openBoth = async (
  checkpoint: Checkpoint,
  client: Wire,
  server: Wire,
  target: Target,
  { via }: Way,
): Promise<Both> => {
  const { authority, speaksH2, trusted } = checkpoint.interception;
  const { name, port } = target;
  const key = `${name}:${port}`;
  const outwards = async (wire: Wire, offered: readonly Protocol[]) =>
    openTlsOver(wire, name, await trusted(), offered);
  const first = speaksH2.has(key) ? undefined : await outwards(server, ["h2", "http/1.1"]);
  if (first) speaksH2.set(key, first.protocol === "h2");
  const offered: Protocol[] = speaksH2.get(key) ? ["h2", "http/1.1"] : ["http/1.1"];
  const inner = await acceptTls(client, await authority.issue(name), offered);
  checkName(inner, name);
  if (first?.protocol === inner.protocol) return { inner, outer: first };
  let wire = server;
  if (first) {
    first.wire.terminate();
    const again = await open(checkpoint, client, target, via);
    if (!again.ok) throw new Error(again.sentence);
    wire = again.wire;
  }
  const outer = await outwards(wire, [inner.protocol]);
  if (outer.protocol === inner.protocol) return { inner, outer };
  speaksH2.delete(key);
  throw new Error("it no longer speaks HTTP/2");
};

const checkName = ({ serverName }: Opened, name: string): void => {
  if (serverName === undefined && isLiteral(name)) return;
  if (serverName === undefined) throw new Error("its TLS names no host");
  if (canonicalName(serverName) !== name) throw new Error("its TLS names another host");
};

/** Of refusals and of frames of the gateway's own, for somebody who does not read them and goes on asking for more. */
const mostWaitingBytes = 2 ** 22;

/** Lets the two talk, each request judged, and held while a credential is renewed. */
export const crossJudged = (
  checkpoint: Checkpoint,
  client: Wire,
  server: Wire,
  target: Target,
  way: Way,
  protocol: Protocol,
): void => {
  target.isJudged = true;
  const exchange = createExchange(checkpoint, target, way.via);
  const relay: Relay = (protocol === "h2" ? createH2Relay : createH1Relay)(exchange);
  const complain = (reason: string): undefined =>
    void refuse(checkpoint, target, way.via, `${target.name}:${target.port} was cut off: ${reason}`);
  const up = (chunk: Uint8Array, joint: Joint): Uint8Array | undefined => {
    const passed = relay.up(chunk);
    if ("problem" in passed) return complain(passed.problem);
    joint.answer(passed.back);
    endAfter(passed, joint);
    return passed.forward;
  };
  const held = holding(client, exchange.credentials, up);
  cross(checkpoint, client, server, target, {
    ...way,
    ...held,
    mostWaitingBytes,
    down(chunk, joint) {
      const passed = relay.down(chunk);
      if ("problem" in passed) return complain(passed.problem);
      joint.inject(passed.back);
      endAfter(passed, joint);
      return passed.forward;
    },
    last: () => relay.finish(),
  });
};

/** Behind the bytes that are being returned. */
const endAfter = (passed: Passed, joint: Joint): void => {
  if ("ends" in passed && passed.ends) queueMicrotask(() => joint.end());
};

type Upwards = (chunk: Uint8Array, joint: Joint) => Uint8Array | undefined;

/** Keeps what the client says until its credentials are good. */
const holding = (client: Wire, credentials: readonly LiveCredential[], pass: Upwards) => {
  const kept: Uint8Array[] = [];
  const freshen = (): Promise<unknown> | undefined => {
    const pending = credentials.flatMap((credential) => credential.freshen() ?? []);
    return pending.length > 0 ? Promise.all(pending) : undefined;
  };
  const letGo = (joint: Joint): void => {
    for (let chunk = kept[0]; chunk; chunk = kept[0]) {
      const passed = pass(chunk, joint);
      if (!passed) return void client.terminate();
      joint.inject(passed);
      kept.shift();
    }
    client.resume();
    if (client.data.ended) joint.finish();
  };
  const up: Upwards = (chunk, joint) => {
    const pending = kept.length > 0 ? undefined : freshen();
    if (!pending && kept.length === 0) return pass(chunk, joint);
    kept.push(chunk);
    client.pause();
    // Nobody else hears of an error here, and it would end the run.
    pending?.then(() => letGo(joint)).catch(() => client.terminate());
    return new Uint8Array();
  };
  return { up, isHeld: () => kept.length > 0 };
};
