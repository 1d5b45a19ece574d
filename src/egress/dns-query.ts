/** One question as it was asked. */
export type Query = {
  kind: "query";
  /** The bytes of the question: name, type and class. */
  question: Uint8Array;
  /** Without the last dot; undefined when a label holds a dot or anything but printable ASCII. */
  name: string | undefined;
  type: number;
  /** False for the classes beside IN. */
  internet: boolean;
  /** Present when the client speaks EDNS. */
  edns: { version: number } | undefined;
};

/** `none` is to be dropped, `unknown` is another operation than a question, `malformed` cannot be read. */
type Reading = Query | { kind: "none" } | { kind: "unknown" } | { kind: "malformed" };

const headerLength = 12;
const malformed = { kind: "malformed" } as const;

/** Reads a DNS message (RFC 1035, 4.1) with exactly one question and at most an OPT record (RFC 6891) behind it. */
export const readQuery = (message: Uint8Array): Reading => {
  if (message.length < headerLength || message[2]! & 0x80) return { kind: "none" };
  if (message[2]! & 0x78) return { kind: "unknown" };
  const [questions, answers, authorities, additional] = [4, 6, 8, 10].map((at) => u16(message, at));
  if (questions !== 1 || answers !== 0 || authorities !== 0 || additional! > 1) return malformed;
  const found = readName(message, headerLength);
  if (!found || message.length < found.end + 4) return malformed;
  const behind = found.end + 4;
  const edns = additional === 1 ? readOpt(message, behind) : undefined;
  if (additional === 1 ? !edns : message.length !== behind) return malformed;
  return {
    kind: "query",
    question: message.subarray(headerLength, behind),
    name: found.name,
    type: u16(message, found.end),
    internet: u16(message, found.end + 2) === 1,
    edns,
  };
};

/** Labels up to the root's. A pointer has nothing to point to in front of the first name, so it is malformed. */
const readName = (message: Uint8Array, start: number): { name: string | undefined; end: number } | undefined => {
  const labels: string[] = [];
  let printable = true;
  let at = start;
  while (at < message.length) {
    const length = message[at]!;
    at += 1;
    if (at + length - start > 255) return undefined;
    if (length === 0) return { name: printable ? labels.join(".") : undefined, end: at };
    if (length > 63 || at + length > message.length) return undefined;
    const label = message.subarray(at, at + length);
    printable &&= label.every((byte) => byte > 0x20 && byte < 0x7f && byte !== 0x2e);
    labels.push(String.fromCharCode(...label));
    at += length;
  }
  return undefined;
};

/** An OPT record that ends the message. Its options are the client's wishes and may all be ignored. */
const readOpt = (message: Uint8Array, at: number): { version: number } | undefined => {
  if (message.length < at + 11 || message[at] !== 0 || u16(message, at + 1) !== 41) return undefined;
  return message.length === at + 11 + u16(message, at + 9) ? { version: message[at + 6]! } : undefined;
};

const u16 = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;
