import type { AuditVia } from "./audit.ts";
import { type Checkpoint, cross, refuse } from "./checkpoint.ts";
import type { Target } from "./dialler.ts";
import { originForm, type RequestEvent, type RequestHead, type RequestReader } from "./http-request.ts";
import { canonicalName } from "./name.ts";
import type { Filter, Joint } from "./relay.ts";
import type { Decision } from "./rules.ts";
import type { Wire } from "./wire.ts";

type Requests = {
  target: Target;
  via: AuditVia;
  decision: Decision;
  reader: RequestReader;
  /** What a proxy's client has said so far: then its request is the only one of the connection, and is rewritten. */
  proxied?: RequestEvent[];
};

const httpPort = 80;

/**
 * Plain HTTP: every request must be for the host that the connection leads to, and is one that no two servers read
 * differently. Answers pass as they are.
 */
export const crossHttp = (checkpoint: Checkpoint, client: Wire, server: Wire, requests: Requests): void => {
  const { target, via, decision, reader, proxied } = requests;
  let joint: Joint | undefined;
  const complain = (reason: string): void =>
    refuse(checkpoint, target, via, `${target.name}:${target.port} was cut off: ${reason}`);
  // A server that keeps the connection open although it was told to close would leave a client's next request unanswered.
  const finish = (): void => queueMicrotask(() => joint?.finish());
  const check = createCheck(target, proxied !== undefined, { complain, finish });
  const first = proxied && check(proxied);
  if (proxied && !first) {
    client.terminate();
    server.terminate();
    return;
  }
  let isOther = false;
  let isSpent = false;
  joint = cross(checkpoint, client, server, target, {
    ...{ via, decision, ...(first && { first }) },
    up: (chunk) => (isOther ? chunk : isSpent ? undefined : check(reader.push(chunk))),
    down: watchUpgrade(reader, (protocol) => {
      isOther = protocol !== undefined;
      isSpent = protocol === undefined;
      if (protocol && protocol.length > 0) joint?.inject(protocol);
    }),
  });
};

/** The bytes to send on for what was read, or undefined for a stream that has to end. */
type Check = (events: readonly RequestEvent[]) => Uint8Array | undefined;

/** What a check has to say besides: why it cuts off, and that nothing more may follow (after the bytes that it gives). */
type Verdicts = { complain: (reason: string) => void; finish: () => void };

const createCheck = (target: Target, isSingle: boolean, { complain, finish }: Verdicts): Check => {
  let heads = 0;
  return (events) => {
    const parts: Uint8Array[] = [];
    for (const event of events) {
      if (event.kind === "head") heads += 1;
      // What comes behind the first is nobody's. Its answer may still be on the way.
      if (isSingle && heads > 1) {
        finish();
        break;
      }
      const problem =
        event.kind === "error" ? event.reason : event.kind === "head" && problemOf(event.head, target, heads, isSingle);
      if (problem) {
        complain(problem);
        return undefined;
      }
      if (event.kind === "head") parts.push(isSingle ? originForm(event.head) : event.head.raw);
      if (event.kind === "body") parts.push(event.bytes);
    }
    return parts.length === 1 ? parts[0] : Buffer.concat(parts);
  };
};

const problemOf = (head: RequestHead, target: Target, count: number, isSingle: boolean): string | undefined => {
  if (isSingle) return undefined;
  if (head.form !== "origin" && head.form !== "asterisk") return "a request for a proxy";
  if (head.upgrade !== undefined && (head.upgrade !== "websocket" || count > 1)) return "another protocol";
  if (head.host !== undefined && !isFor(head.host, target)) return "a request for another host";
  return undefined;
};

const isFor = (host: string, { name, port }: Target): boolean => {
  const [, spelt = "", digits] = /^([^:]*)(?::(\d+))?$/.exec(host) ?? [];
  return (canonicalName(spelt) ?? spelt) === name && Number(digits ?? httpPort) === port;
};

const statusLine = /^HTTP\/1\.1 (\d{3})/;
const statusLength = 12;

/**
 * Whether the server changes to another protocol stands in the first line of its answer: then what the client has said in
 * it already is handed on. After any other answer the client may not go on here: it opens a new connection.
 */
const watchUpgrade = (reader: RequestReader, settle: (protocol: Uint8Array | undefined) => void): Filter => {
  let line = "";
  let isSettled = false;
  return (chunk) => {
    if (isSettled || !reader.isHeld()) return chunk;
    line += Buffer.from(chunk.subarray(0, statusLength - line.length)).toString("latin1");
    if (line.length < statusLength) return chunk;
    isSettled = true;
    settle(statusLine.exec(line)?.[1] === "101" ? reader.release() : undefined);
    return chunk;
  };
};
