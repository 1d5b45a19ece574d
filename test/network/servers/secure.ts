import fs from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import type { Server } from "node:net";
import type { Duplex } from "node:stream";
import type { Authority } from "./authority.ts";

/** A request as it came. The names of its headers are in lower case. */
export type Arrival = {
  /** As the client wrote it: the Host field or `:authority`. */
  host: string;
  method: string;
  target: string;
  version: string;
  headers: http.IncomingHttpHeaders;
};

export type Answer = (request: http.IncomingMessage, response: http.ServerResponse) => unknown;
export type Upgrade = (request: http.IncomingMessage, socket: Duplex, first: Buffer) => void;

export type Service = {
  arrivals: Arrival[];
  /** How many connections came, whether or not they asked for anything. */
  connections: () => number;
  close(): void;
};

export type Serving = {
  /** Without one the service speaks plain HTTP. */
  authority?: Authority;
  addresses: readonly string[];
  port: number;
  answer: Answer;
  upgrade?: Upgrade;
};

/** HTTP/1.1 and, over TLS, HTTP/2 as the client prefers (ALPN); the same answers at every address. */
export const startService = async (serving: Serving): Promise<Service> => {
  const { authority, addresses, port, answer, upgrade } = serving;
  const arrivals: Arrival[] = [];
  let connections = 0;
  const sockets = new Set<Duplex>();
  const note = (request: http.IncomingMessage): void => {
    const { headers, method = "", url = "", httpVersion: version } = request;
    arrivals.push({ host: String(headers.host ?? headers[":authority"]), method, target: url, version, headers });
  };
  const onRequest = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    note(request);
    request.on("error", () => {});
    response.on("error", () => {});
    Promise.resolve(answer(request, response)).catch((cause: Error) => response.destroy(cause));
  };
  const credentials = authority && { cert: fs.readFileSync(authority.cert), key: fs.readFileSync(authority.key) };
  const servers = addresses.map((): Server => {
    const server = credentials
      ? http2.createSecureServer({ ...credentials, allowHTTP1: true }, onRequest as never)
      : http.createServer(onRequest);
    server.on("upgrade", (request: http.IncomingMessage, socket: Duplex, first: Buffer) => {
      note(request);
      socket.on("error", () => {});
      if (upgrade) upgrade(request, socket, first);
      else socket.end("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
    server.on(credentials ? "secureConnection" : "connection", (socket: Duplex) => {
      connections++;
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => sockets.delete(socket));
    });
    // A client that goes away in the middle is no matter of the server's.
    for (const event of ["sessionError", "tlsClientError", "clientError"]) server.on(event, () => {});
    return server as Server;
  });
  await Promise.all(servers.map((server, index) => listen(server, addresses[index]!, port)));
  const close = (): void => {
    for (const server of servers) server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { arrivals, connections: () => connections, close };
};

const listen = (server: Server, address: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, resolve);
  });

/** The whole body of a request. */
export const readBody = async (request: http.IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

export const sendJson = (response: http.ServerResponse, value: unknown, status = 200): void => {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
};
