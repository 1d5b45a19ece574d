import fs from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import type { AddressInfo, Server } from "node:net";
import type { Authority } from "./authority.ts";
import { answerGit } from "./git.ts";
import type { Page } from "./registry.ts";

export type Web = { http: number; https: number; close(): void };

/** The same pages over HTTP and over HTTPS, where HTTP/2 is spoken too. Ports of `address`. */
export const startWeb = async (
  address: string,
  authority: Authority,
  pages: ReadonlyMap<string, Page>,
  repositories: string,
): Promise<Web> => {
  const answer = (scheme: string) => (request: http.IncomingMessage, response: http.ServerResponse) => {
    const host = request.headers.host ?? request.headers[":authority"];
    const { pathname } = new URL(request.url!, "https://any.test");
    if (pathname.startsWith("/git/")) return answerGit(repositories, request, response);
    const page = pages.get(pathname);
    const isDocument = !/\.(tgz|whl|zip)$/.test(pathname);
    response.statusCode = page ? 200 : 404;
    response.setHeader("content-type", isDocument ? typeOf(pathname) : "application/octet-stream");
    response.setHeader("cache-control", "no-store");
    request.resume();
    response.end(page?.(`${scheme}://${host}`) ?? "not here\n");
  };
  const credentials = { cert: fs.readFileSync(authority.cert), key: fs.readFileSync(authority.key) };
  const plain = http.createServer(answer("http"));
  const secure = http2.createSecureServer({ ...credentials, allowHTTP1: true }, answer("https") as never);
  const ports = await Promise.all([plain, secure as unknown as Server].map((server) => listen(server, address)));
  return {
    http: ports[0]!,
    https: ports[1]!,
    close() {
      plain.close();
      secure.close();
    },
  };
};

const typeOf = (pathname: string): string =>
  pathname.startsWith("/npm/") || pathname.startsWith("/api/") ? "application/json" : "text/html";

const listen = async (server: Server, address: string): Promise<number> => {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, address, resolve);
  });
  return (server.address() as AddressInfo).port;
};
