import { afterEach } from "bun:test";
import { once } from "node:events";
import net from "node:net";
import { dialLoopback } from "../../src/egress/dialler.ts";
import { type RelayOptions, relay, type Traffic } from "../../src/egress/relay.ts";
import { receiving, type Wire } from "../../src/egress/wire.ts";

export const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

/** A service on loopback that does `serve` with each connection. */
export const startPeer = async (serve: (socket: net.Socket) => void): Promise<number> => {
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    serve(socket);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as net.AddressInfo).port;
};

/** A gateway in front of a port: what is measured and tested. Gives its own port and the traffic of each connection. */
export const startGateway = (port: number, join: (a: Wire, b: Wire, options: RelayOptions) => unknown = relay) => {
  const traffic: Traffic[] = [];
  const serve = async (wire: Wire): Promise<void> => {
    const dialled = await dialLoopback(port);
    if (dialled.ok) join(wire, dialled.wire, { onClose: (seen) => traffic.push(seen) });
    else wire.terminate();
  };
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    ...receiving((wire) => void serve(wire)),
  });
  cleanups.push(() => listener.stop(true));
  return { port: listener.port, traffic };
};

export const connectTo = async (port: number): Promise<net.Socket> => {
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  cleanups.push(() => socket.destroy());
  return socket;
};

export const pattern = Buffer.from(crypto.getRandomValues(new Uint8Array(65_521)));
export const twice = Buffer.concat(Array.from({ length: 10 }, () => pattern));

/** The bytes of an endless stream in which every place is recognisable. */
export const bytesAt = (offset: number, length: number): Buffer => {
  const start = offset % pattern.length;
  return twice.subarray(start, start + Math.min(length, twice.length - pattern.length));
};

/** Sends that stream and ends its own direction. */
export const sendStream = async (socket: net.Socket, total: number): Promise<void> => {
  for (let sent = 0; sent < total; ) {
    const chunk = bytesAt(sent, total - sent);
    sent += chunk.length;
    if (!socket.write(chunk)) await once(socket, "drain");
  }
  socket.end();
};

/** Reads to the end; the number of bytes, or -1 when one was not as sent. */
export const readStream = async (socket: net.Socket, delayMs = 0): Promise<number> => {
  let read = 0;
  let isRight = true;
  const check = (chunk: Buffer): void => {
    for (let at = 0; at < chunk.length; ) {
      const expected = bytesAt(read, chunk.length - at);
      isRight &&= expected.equals(chunk.subarray(at, at + expected.length));
      at += expected.length;
      read += expected.length;
    }
  };
  socket.on("data", (chunk: Buffer) => {
    check(chunk);
    if (delayMs === 0) return;
    socket.pause();
    setTimeout(() => socket.resume(), delayMs);
  });
  await once(socket, "end");
  return isRight ? read : -1;
};

export const until = async (isTrue: () => boolean): Promise<void> => {
  while (!isTrue()) await Bun.sleep(5);
};

/** Unlike `once`, does not reject because of an error before it. */
export const closeOf = (socket: net.Socket): Promise<void> =>
  new Promise((resolve) => socket.once("close", () => resolve()));

export const mega = 1 << 20;
