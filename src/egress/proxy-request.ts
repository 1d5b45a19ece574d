import { type Authority, kindOfHost } from "./authority.ts";
import type { RequestHead } from "./http-head.ts";

/** What a client of the proxy speaks. `socks4` is refused: it names addresses, not hosts. */
export type Greeting = { kind: "incomplete" | "socks5" | "socks4" | "http" | "bad" };

/** Tells by the first byte, which is a version for SOCKS and begins a method for HTTP. */
export const readProxyGreeting = (bytes: Uint8Array): Greeting => {
  const [first] = bytes;
  if (first === undefined) return { kind: "incomplete" };
  if (first === 5) return { kind: "socks5" };
  if (first === 4) return { kind: "socks4" };
  return { kind: /[!#$%&'*+.^_`|~0-9A-Za-z-]/.test(String.fromCharCode(first)) ? "http" : "bad" };
};

/** Where a tunnel is asked to. An address is handed out too: a rule may name it. */
export type Destination = { kind: "connect"; port: number } & Pick<Authority, "host"> & { hostKind: Authority["kind"] };

/** The destination of a CONNECT, which must say `host:port` and have no body; else why not. Its status is 400. */
export const readConnect = (head: RequestHead): Destination | { kind: "bad"; reason: string } => {
  if (head.form !== "authority") return { kind: "bad", reason: "not a CONNECT" };
  if (!head.authority) return { kind: "bad", reason: "the target cannot be read" };
  if (head.authority.port === undefined) return { kind: "bad", reason: "the target has no port" };
  // Some clients say that there is nothing.
  if (head.bodyKind !== "none" && head.contentLength !== 0) return { kind: "bad", reason: "a CONNECT with a body" };
  if (head.upgrade !== undefined) return { kind: "bad", reason: "a CONNECT with an upgrade" };
  const { host, port, kind: hostKind } = head.authority;
  return { kind: "connect", host, port, hostKind };
};

/** The first message of a SOCKS5 client, with the bytes that answer it; `used` counts those that were read. */
export type SocksMethods = { state: "incomplete" } | { state: "bad" } | SocksOffer;
type SocksOffer = { state: "methods"; accepted: boolean; reply: Uint8Array; used: number };

/** RFC 1928, 3. Only a client that offers to go without authentication is accepted: there is nobody to tell apart. */
export const readSocksMethods = (bytes: Uint8Array): SocksMethods => {
  const [version = 5, count] = bytes;
  if (version !== 5 || count === 0) return { state: "bad" };
  if (count === undefined || bytes.length < 2 + count) return { state: "incomplete" };
  const accepted = bytes.subarray(2, 2 + count).includes(0);
  return { state: "methods", accepted, reply: Uint8Array.of(5, accepted ? 0 : 0xff), used: 2 + count };
};

/** Reply codes: RFC 1928, 6. */
export const socksCodes = {
  succeeded: 0,
  failure: 1,
  notAllowed: 2,
  networkUnreachable: 3,
  hostUnreachable: 4,
  refused: 5,
  expired: 6,
  unknownCommand: 7,
  unknownAddress: 8,
} as const;

/** The second message of a SOCKS5 client. `code` is what a refused one is answered with. */
export type SocksRequest =
  | { state: "incomplete" }
  | { state: "refused"; code: number; reason: string }
  | { state: "request"; destination: Destination; used: number };

const addressTypes = { ipv4: 1, name: 3, ipv6: 4 };

/** RFC 1928, 4: CONNECT to a name or an IPv4 address. Names go out as they came, checked as those of HTTP are. */
export const readSocksRequest = (bytes: Uint8Array): SocksRequest => {
  const refuse = (code: number, reason: string) => ({ state: "refused" as const, code, reason });
  const [version = 5, command = 1, reserved = 0, type, length] = bytes;
  if (version !== 5 || reserved !== 0) return refuse(socksCodes.failure, "not a SOCKS5 request");
  if (command !== 1) return refuse(socksCodes.unknownCommand, "only CONNECT is known");
  if (type === undefined) return { state: "incomplete" };
  if (type === addressTypes.ipv6) return refuse(socksCodes.unknownAddress, "an IPv6 address");
  if (type !== addressTypes.ipv4 && type !== addressTypes.name) return refuse(socksCodes.unknownAddress, "no address");
  if (length === undefined) return { state: "incomplete" };
  const start = type === addressTypes.name ? 5 : 4;
  const end = type === addressTypes.name ? 5 + length : 8;
  if (bytes.length < end + 2) return { state: "incomplete" };
  const raw = bytes.subarray(start, end);
  const host = type === addressTypes.name ? String.fromCharCode(...raw) : raw.join(".");
  const hostKind = kindOfHost(host);
  const port = (bytes[end]! << 8) | bytes[end + 1]!;
  if (hostKind === undefined) return refuse(socksCodes.notAllowed, "the name cannot be read");
  if (port === 0) return refuse(socksCodes.notAllowed, "the port is 0");
  return { state: "request", destination: { kind: "connect", host, port, hostKind }, used: end + 2 };
};

/** The answer to a request. The bound address is left out, as clients have no use for it. */
export const socksReply = (code: number): Uint8Array => Uint8Array.of(5, code, 0, 1, 0, 0, 0, 0, 0, 0);
