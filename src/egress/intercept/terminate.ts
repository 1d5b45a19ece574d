import type { BunFile } from "bun";
import { openSocketPair } from "../../libc.ts";
import { relay } from "../relay.ts";
import { createLink, type Wire, wireHandlers } from "../wire.ts";

/** HTTP as the two ends of a TLS connection agree on it (RFC 7301). */
export type Protocol = "h2" | "http/1.1";

/** Certificates of authorities, as PEM or in a file. */
export type Authority = string | BunFile;

/** A connection with its TLS taken off, paused. `serverName` is what the client asked for, not yet checked. */
export type Opened = { wire: Wire; protocol: Protocol; serverName: string | undefined };

const handshakeMs = 10_000;

/** Answers a client as the server that it believes to reach. Rejects when there is no handshake in time. */
export const acceptTls = (
  client: Wire,
  leaf: { key: string; cert: string },
  protocols: readonly Protocol[],
): Promise<Opened> => upgrade(client, { isServer: true, tls: { ...leaf, ALPNProtocols: encode(protocols) } });

/** Speaks TLS to a server whose certificate must be good for the name. Rejects with a sentence when it is not. */
export const openTlsOver = async (
  server: Wire,
  serverName: string,
  authorities: readonly Authority[],
  protocols: readonly Protocol[],
): Promise<Opened> => {
  const ca = authorities.length > 0 ? { ca: [...authorities] } : {};
  return upgrade(server.data.isTls ? await throughPair(server) : server, {
    tls: { serverName, ...ca, ALPNProtocols: encode(protocols) },
  });
};

/** A connection through a proxy that is itself spoken to by TLS: the inner TLS goes through a pair of sockets. */
const throughPair = async (wire: Wire): Promise<Wire> => {
  const open = (fd: number) =>
    Bun.connect({ fd, allowHalfOpen: true, data: createLink(), socket: wireHandlers } as never) as Promise<Wire>;
  const [near, far] = await Promise.all(openSocketPair().map(open));
  relay(far!, wire);
  return near!;
};

/** RFC 7301, 3.1: each name behind its length. Bun takes the list as it stands on the wire. */
const encode = (protocols: readonly Protocol[]): Buffer =>
  Buffer.concat(protocols.map((name) => Buffer.from([name.length, ...Buffer.from(name)])));

type Upgrade = {
  isServer?: true;
  tls: { key?: string; cert?: string; serverName?: string; ca?: Authority[]; ALPNProtocols: Buffer };
};

/** What Bun 1.4 has and its types leave out. */
type Upgradable = {
  upgradeTLS(options: Upgrade & { data: Wire["data"]; socket: typeof wireHandlers }): [raw: Wire, tls: Wire];
};
type Negotiated = { alpnProtocol?: string | false | null; getServername?(): string | undefined };

const upgrade = (plain: Wire, options: Upgrade): Promise<Opened> => {
  const { promise, resolve, reject } = Promise.withResolvers<Opened>();
  const deadline = setTimeout(() => {
    reject(new Error("no TLS handshake in time"));
    plain.terminate();
  }, handshakeMs);
  const socket: typeof wireHandlers = {
    ...wireHandlers,
    // Not paused yet: the handshake must be read.
    open() {},
    handshake(wire, isTrusted) {
      if (!options.isServer && !isTrusted) {
        reject(new Error("its certificate is not trusted"));
        return void wire.terminate();
      }
      wire.pause();
      const { alpnProtocol, getServername } = wire as unknown as Negotiated;
      const serverName = options.isServer ? getServername?.call(wire) || undefined : undefined;
      resolve({ wire, protocol: alpnProtocol === "h2" ? "h2" : "http/1.1", serverName });
    },
    close(wire, error) {
      wireHandlers.close!(wire, error);
      reject(error ?? new Error("the connection ended before its TLS stood"));
    },
  };
  // Bun goes on telling the connection below what is encrypted: nobody needs it.
  plain.data.stage = { data() {}, close: () => reject(new Error("the connection was cut off")) };
  plain.data.held.length = 0;
  (plain as unknown as Upgradable).upgradeTLS({ ...options, data: createLink(), socket });
  plain.resume();
  return promise.finally(() => clearTimeout(deadline));
};
