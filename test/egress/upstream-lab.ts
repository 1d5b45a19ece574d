import { afterEach, jest } from "bun:test";
import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import type { Dialled } from "../../src/egress/dialler.ts";
import { createRules } from "../../src/egress/rules.ts";
import type { UpstreamProxy } from "../../src/egress/upstream.ts";
import { attach } from "../../src/egress/wire.ts";

export const cleanups: (() => void)[] = [];
afterEach(() => {
  jest.useRealTimers();
  for (const clean of cleanups.splice(0)) clean();
});

export const rulesOf = (...allow: string[]) =>
  createRules({ allow: allow.map((value) => ({ value, origin: "test" })), deny: [] });
export const anyRules = rulesOf("*");
export const target = { name: "far.test", port: 443 };

/** A proxy that does what the test says with each connection, and what it was told. */
export const startProxy = async (
  serve: (socket: net.Socket) => void,
  options: Partial<UpstreamProxy> = {},
  secure?: tls.TlsOptions,
) => {
  const seen: string[] = [];
  const sockets = new Set<net.Socket>();
  const accept = (socket: net.Socket): void => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (chunk) => seen.push(chunk.toString("latin1")));
    serve(socket);
  };
  const server = secure ? tls.createServer(secure, accept) : net.createServer(accept);
  await once(server.listen(0, "127.0.0.1"), "listening");
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as net.AddressInfo;
  const proxy: UpstreamProxy = {
    ...{ protocol: "http", host: "127.0.0.1", port, login: undefined, certificates: [] },
    ...options,
  };
  return { proxy, seen };
};

/** All that the connection gives until `length` characters are there. */
export const hear = (dialled: Dialled, length: number): Promise<string> =>
  new Promise((resolve, reject) => {
    if (!dialled.ok) return reject(new Error(JSON.stringify(dialled.failure)));
    let heard = "";
    cleanups.push(() => dialled.wire.terminate());
    attach(dialled.wire, {
      data(chunk) {
        heard += chunk;
        if (heard.length >= length) resolve(heard);
      },
    });
  });

export const failureOf = (dialled: Dialled) => (dialled.ok ? "connected" : dialled.failure);
export const nonsense = { kind: "unreachable", detail: "the upstream proxy gave no proper answer" } as const;
