import net from "node:net";

export type Door = { readonly connections: number; close(): void };

/**
 * Leads a public address to a server that may not listen there itself, and counts who came. A server that cannot say
 * how many connections it saw is judged by its door.
 */
export const openDoor = async (
  address: string,
  port: number,
  server: { host: string; port: number },
): Promise<Door> => {
  let connections = 0;
  const sockets = new Set<net.Socket>();
  const door = net.createServer((client) => {
    connections++;
    const upstream = net.connect(server.port, server.host);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => sockets.delete(socket));
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve, reject) => {
    door.once("error", reject);
    door.listen(port, address, resolve);
  });
  return {
    get connections() {
      return connections;
    },
    close() {
      door.close();
      for (const socket of sockets) socket.destroy();
    },
  };
};

/** Waits until something listens there. Throws when nothing does for a long time. */
export const awaitServer = async (host: string, port: number): Promise<void> => {
  for (const end = Date.now() + 30_000; ; await Bun.sleep(10)) {
    if (await isListening(host, port)) return;
    if (Date.now() > end) throw new Error(`nothing listens on ${host}:${port}`);
  }
};

const isListening = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = net.connect(port, host);
    const settle = (answer: boolean) => (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.on("connect", settle(true)).on("error", settle(false));
  });
