import type { Ipv4 } from "./addresses.ts";
import { readQuery } from "./dns-query.ts";

/** What the policy says of a name. */
export type Resolution = { kind: "address"; bytes: Ipv4 } | { kind: "denied" } | { kind: "exhausted" };

/** Return codes: RFC 1035, 4.1.1; BADVERS: RFC 6891, 9. */
const rcodes = { none: 0, formerr: 1, servfail: 2, nxdomain: 3, notimp: 4, badvers: 16 };

const types = { a: 1, opt: 41 };

/** Seconds. An address stays with its name for the whole run, so the answer may be kept for a while. */
const ttlSeconds = 30;

const loopback: Ipv4 = [127, 0, 0, 1];

/**
 * The answer to one DNS message, or undefined when it deserves none (too short, or itself an answer). `resolve` gets
 * the name as it was asked, without the last dot, in printable ASCII and in any case; names that hold other bytes are
 * denied without asking it. RFC 1035; the case of the question is kept for clients that check it.
 */
export const answerQuery = (message: Uint8Array, resolve: (name: string) => Resolution): Uint8Array | undefined => {
  const query = readQuery(message);
  if (query.kind === "none") return undefined;
  if (query.kind === "unknown") return writeAnswer(message, rcodes.notimp);
  if (query.kind === "malformed") return writeAnswer(message, rcodes.formerr);
  const { question, name, type, edns } = query;
  const answer = (rcode: number, address?: Ipv4) => writeAnswer(message, rcode, { question, address, edns });
  if (edns && edns.version !== 0) return answer(rcodes.badvers);
  if (!query.internet) return answer(rcodes.notimp);
  // The root exists: a client that is told otherwise may take every name for missing.
  if (name === "") return answer(rcodes.none);
  const resolution = name === undefined ? { kind: "denied" as const } : resolveName(name, resolve);
  if (resolution.kind === "denied") return answer(rcodes.nxdomain);
  if (resolution.kind === "exhausted") return answer(rcodes.servfail);
  return answer(rcodes.none, type === types.a ? resolution.bytes : undefined);
};

/** RFC 6761, 6.3: `localhost` and all below it are the loopback address, and nobody else is asked. */
const resolveName = (name: string, resolve: (name: string) => Resolution): Resolution =>
  /^(.+\.)?localhost$/i.test(name) ? { kind: "address", bytes: loopback } : resolve(name);

type Parts = { question: Uint8Array; address?: Ipv4 | undefined; edns?: object | undefined };

const writeAnswer = (message: Uint8Array, rcode: number, parts?: Parts): Uint8Array => {
  const records = [
    // The name is a pointer to the question's, which always stands behind the header.
    parts?.address ? [0xc0, 12, ...u16(types.a), ...u16(1), ...u32(ttlSeconds), ...u16(4), ...parts.address] : [],
    // The payload that RFC 6891 recommends, though answers are shorter; the high bits of the code stand in the record.
    parts?.edns ? [0, ...u16(types.opt), ...u16(1232), rcode >> 4, 0, ...u16(0), ...u16(0)] : [],
  ];
  // Only the client's RD and CD bits are repeated; RA is set: what can be known is known here.
  const flags = [0x80 | (message[2]! & 0x79), 0x80 | (message[3]! & 0x10) | (rcode & 0xf)];
  const counts = [parts ? 1 : 0, parts?.address ? 1 : 0, 0, parts?.edns ? 1 : 0].flatMap(u16);
  return Uint8Array.from([
    message[0]!,
    message[1]!,
    ...flags,
    ...counts,
    ...(parts?.question ?? []),
    ...records.flat(),
  ]);
};

const u16 = (value: number): number[] => [value >> 8, value & 0xff];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)];

/**
 * The whole messages at the start of a TCP stream and what is left of it, which is shorter than 64 KiB and two bytes.
 * RFC 1035, 4.2.2: each has its length in front.
 */
export const splitFrames = (buffer: Uint8Array): { frames: Uint8Array[]; rest: Uint8Array } => {
  const frames: Uint8Array[] = [];
  let at = 0;
  while (buffer.length - at >= 2) {
    const end = at + 2 + ((buffer[at]! << 8) | buffer[at + 1]!);
    if (end > buffer.length) break;
    frames.push(buffer.subarray(at + 2, end));
    at = end;
  }
  return { frames, rest: buffer.subarray(at) };
};

/** A message of at most 65535 bytes as it goes over TCP. */
export const frameMessage = (message: Uint8Array): Uint8Array => {
  const framed = new Uint8Array(message.length + 2);
  framed.set(u16(message.length));
  framed.set(message, 2);
  return framed;
};
