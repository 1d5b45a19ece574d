import { answerHttp, finishWith } from "./answer.ts";
import type { AuditVia } from "./audit.ts";
import { type Checkpoint, open, refuse } from "./checkpoint.ts";
import type { Target } from "./dialler.ts";
import { crossHttp } from "./http.ts";
import { createRequestReader, originForm, type RequestEvent, type RequestHead } from "./http-request.ts";
import { isIntercepted } from "./intercept/needed.ts";
import { canonicalName } from "./name.ts";
import {
  type Destination,
  readConnect,
  readProxyGreeting,
  readSocksMethods,
  readSocksRequest,
  socksCodes,
  socksReply,
} from "./proxy-request.ts";
import { join, lookInto } from "./stream.ts";
import { attach, detach, type Wire } from "./wire.ts";

const greetingMs = 30_000;
const established = "HTTP/1.1 200 Connection established\r\n\r\n";

/** A connection to the proxy inside: HTTP CONNECT, HTTP with absolute targets, or SOCKS5. */
export const serveProxy = (checkpoint: Checkpoint, client: Wire): void => {
  const timer = setTimeout(() => client.terminate(), greetingMs);
  const over = (): void => clearTimeout(timer);
  attach(client, {
    data(chunk) {
      const { kind } = readProxyGreeting(chunk);
      over();
      if (kind === "http") readHttp(checkpoint, client, chunk);
      else if (kind === "socks5") readSocks(checkpoint, client, chunk);
      else client.terminate();
    },
    end: () => client.end(),
    close: over,
  });
};

const readHttp = (checkpoint: Checkpoint, client: Wire, first: Uint8Array): void => {
  const reader = createRequestReader();
  const timer = setTimeout(() => client.terminate(), greetingMs);
  const read = (chunk: Uint8Array): void => {
    const events = reader.push(chunk);
    const [event] = events;
    if (!event) return;
    clearTimeout(timer);
    detach(client);
    if (event.kind === "head") void forwardHttp(checkpoint, client, event.head, events, reader);
    else if (event.kind === "error") answerHttp(client, event.status, event.reason);
    else client.terminate();
  };
  attach(client, { data: read, end: () => client.end(), close: () => clearTimeout(timer) });
  read(first);
};

type Reader = ReturnType<typeof createRequestReader>;

const forwardHttp = async (
  checkpoint: Checkpoint,
  client: Wire,
  head: RequestHead,
  events: RequestEvent[],
  reader: Reader,
): Promise<void> => {
  if (head.method === "CONNECT") return connect(checkpoint, client, head, reader);
  const { authority } = head;
  if (head.form !== "absolute" || !authority || authority.kind === "ipv6")
    return answerHttp(client, 400, "this is a proxy: the target must be an http:// address of a named host");
  if (head.upgrade !== undefined) return answerHttp(client, 501, "an upgrade needs a CONNECT");
  const target = targetOf({ host: authority.host, port: authority.port ?? 80 });
  const opened = await open(checkpoint, client, target, "http");
  if (!opened.ok) return answerHttp(client, opened.status, opened.sentence);
  const way = { via: "http", decision: opened.decision } as const;
  if (isIntercepted(checkpoint, target)) {
    // As if the client had asked the server itself.
    const bodies = events.flatMap((event) => (event.kind === "body" ? [event.bytes] : []));
    detach(client, Buffer.concat([originForm(head), ...bodies]));
    return lookInto(checkpoint, client, opened.wire, target, way);
  }
  crossHttp(checkpoint, client, opened.wire, {
    ...{ ...way, target, reader, proxied: events },
  });
};

const connect = async (checkpoint: Checkpoint, client: Wire, head: RequestHead, reader: Reader): Promise<void> => {
  const destination = readConnect(head);
  if (destination.kind === "bad") return answerHttp(client, 400, destination.reason);
  const target = targetOf(destination);
  const opened = await open(checkpoint, client, target, "proxy");
  if (!opened.ok) return answerHttp(client, opened.status, opened.sentence);
  client.write(established);
  // What the client did not want to wait with.
  detach(client, reader.release());
  join(checkpoint, client, opened.wire, target, { via: "proxy", decision: opened.decision });
};

/** RFC 1928: methods, then the request, whatever pieces they come in. */
const readSocks = (checkpoint: Checkpoint, client: Wire, first: Uint8Array): void => {
  let held: Uint8Array = new Uint8Array();
  let isGreeted = false;
  const timer = setTimeout(() => client.terminate(), greetingMs);
  const greet = (): boolean => {
    const methods = readSocksMethods(held);
    if (methods.state === "bad") client.terminate();
    if (methods.state !== "methods") return false;
    held = held.subarray(methods.used);
    if (methods.accepted) client.write(methods.reply);
    else finishWith(client, methods.reply);
    return methods.accepted;
  };
  const read = (chunk: Uint8Array): void => {
    held = Buffer.concat([held, chunk]);
    isGreeted ||= greet();
    if (!isGreeted || held.length === 0) return;
    const request = readSocksRequest(held);
    if (request.state === "incomplete") return;
    clearTimeout(timer);
    if (request.state === "refused") {
      refuse(checkpoint, { name: "-" }, "socks", request.reason);
      finishWith(client, socksReply(request.code));
      return;
    }
    detach(client, held.subarray(request.used));
    void forwardSocks(checkpoint, client, request.destination);
  };
  attach(client, { data: read, end: () => client.end(), close: () => clearTimeout(timer) });
  read(first);
};

const forwardSocks = async (checkpoint: Checkpoint, client: Wire, destination: Destination): Promise<void> => {
  const target = targetOf(destination);
  const via: AuditVia = "socks";
  const opened = await open(checkpoint, client, target, via);
  if (!opened.ok)
    return finishWith(client, socksReply(opened.status === 502 ? socksCodes.hostUnreachable : socksCodes.notAllowed));
  client.write(socksReply(socksCodes.succeeded));
  join(checkpoint, client, opened.wire, target, { via, decision: opened.decision });
};

/** Names are compared, dialled and logged in their canonical spelling; what is no name stays for the rules to refuse. */
const targetOf = ({ host, port }: { host: string; port: number }): Target => ({
  name: canonicalName(host) ?? host,
  port,
});
