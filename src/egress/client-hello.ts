import { type ByteReader, readBytes } from "./byte-reader.ts";

/** What a client says before anything is encrypted, as far as the gateway needs it. */
export type Hello = {
  state: "hello";
  /** As it was sent, one character a byte: not yet checked to be a name. */
  serverName?: string;
  alpn: string[];
  /** The client sent an encrypted hello too, or made one up to look the same: the true name may be another. */
  encryptedHello: boolean;
};
export type HelloReading = { state: "incomplete" } | { state: "not-tls" } | { state: "bad"; reason: string } | Hello;

/** With the four bytes in front of it. On the wire the records' headers come to it, so what is incomplete is bounded. */
const mostBytes = 65_536;
const mostRecords = 16;
/** RFC 8446, 5.1: the most that a record that is not encrypted may hold. */
const mostInRecord = 16_384;

/** Record types and message types: RFC 8446, B.1 and B.3; extensions: RFC 6066, RFC 7301 and RFC 9849. */
const handshake = 0x16;
const clientHello = 1;
const extensions = { serverName: 0, alpn: 16, encryptedHello: 0xfe0d };

const bad = (reason: string) => ({ state: "bad" as const, reason });

/**
 * Reads the TLS hello at the start of a client's stream. It is called again with everything once more has come; nothing
 * is copied before the hello is whole. What follows the hello is not looked at, but for a second handshake message.
 */
export const readClientHello = (bytes: Uint8Array): HelloReading => {
  if (bytes.length > 0 && bytes[0] !== handshake) return { state: "not-tls" };
  if (bytes.length > 1 && bytes[1] !== 3) return { state: "not-tls" };
  const records: Uint8Array[] = [];
  const header: number[] = [];
  let gathered = 0;
  let at = 0;
  while (bytes.length - at >= 5) {
    if (bytes[at] !== handshake || bytes[at + 1] !== 3) return bad("another record interrupts the hello");
    const length = (bytes[at + 3]! << 8) | bytes[at + 4]!;
    if (length === 0 || length > mostInRecord) return bad("a record has a forbidden length");
    if (records.length === mostRecords) return bad("the hello is spread over too many records");
    const record = bytes.subarray(at + 5, at + 5 + length);
    records.push(record);
    gathered += record.length;
    at += 5 + length;
    if (header.length < 4) header.push(...record.subarray(0, 4 - header.length));
    if (header.length > 0 && header[0] !== clientHello) return bad("the first message is not a client's hello");
    if (header.length < 4) continue;
    const wanted = 4 + ((header[1]! << 16) | (header[2]! << 8) | header[3]!);
    if (wanted > mostBytes) return bad("the hello is too long");
    if (gathered > wanted || (gathered === wanted && (record.length < length || bytes[at] === handshake)))
      return bad("something follows the hello that does not belong there");
    if (gathered === wanted) return readHello(Buffer.concat(records).subarray(4));
  }
  return { state: "incomplete" };
};

/** RFC 8446, 4.1.2. A hello without extensions is an old one and has no name. */
const readHello = (body: Uint8Array): HelloReading => {
  const reader = readBytes(body);
  reader.take(2 + 32);
  const session = reader.nested(1).left();
  const suites = reader.nested(2).left();
  const compressions = reader.nested(1).left();
  if (reader.failed || session > 32 || suites < 2 || suites % 2 !== 0 || compressions < 1)
    return bad("the hello's lengths do not fit");
  const hello: Hello = { state: "hello", alpn: [], encryptedHello: false };
  if (reader.left() === 0) return hello;
  const list = reader.nested(2);
  if (reader.failed || reader.left() > 0) return bad("the extensions' length does not fit");
  const seen = new Set<number>();
  while (list.left() > 0) {
    const type = list.u16();
    const extension = list.nested(2);
    if (list.failed) return bad("an extension's length does not fit");
    if (seen.has(type)) return bad("an extension is there twice");
    seen.add(type);
    const reason = readExtension(type, extension, hello);
    if (reason) return bad(reason);
  }
  return hello;
};

/** Takes what an extension says into the hello; gives the reason when it cannot be read. */
const readExtension = (type: number, extension: ByteReader, hello: Hello): string | undefined => {
  if (type === extensions.serverName) return readServerName(extension, hello);
  if (type === extensions.alpn) {
    const list = extension.nested(2);
    while (list.left() > 0) hello.alpn.push(latin1(list.nested(1)));
    if (extension.failed || extension.left() > 0 || list.failed || hello.alpn.length === 0 || hello.alpn.includes(""))
      return "the list of protocols cannot be read";
  }
  if (type === extensions.encryptedHello) {
    hello.encryptedHello = extension.u8() === 0;
    if (extension.failed) return "the encrypted hello cannot be read";
  }
  return undefined;
};

/** RFC 6066, 3: a list that may hold one name of each kind, and there is only one kind. */
const readServerName = (extension: ByteReader, hello: Hello): string | undefined => {
  const list = extension.nested(2);
  const kind = list.u8();
  const name = latin1(list.nested(2));
  if (extension.failed || extension.left() > 0 || list.failed || kind !== 0 || name === "")
    return "the server name cannot be read";
  if (list.left() > 0) return "there are several server names";
  hello.serverName = name;
  return undefined;
};

const latin1 = (reader: ByteReader): string => Buffer.from(reader.take(reader.left())).toString("latin1");
