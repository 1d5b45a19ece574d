/**
 * Messages of the ssh agent protocol: draft-miller-ssh-agent, and OpenSSH's PROTOCOL.agent for its extensions. Pure. On
 * the wire each has its length in front, four bytes; here a message is its type and what follows.
 */

/** The most that OpenSSH's agent takes. */
export const maxMessageBytes = 256 * 1024;

export const messageType = {
  failure: 5,
  success: 6,
  requestIdentities: 11,
  identitiesAnswer: 12,
  signRequest: 13,
  signResponse: 14,
  extension: 27,
} as const;

export type Identity = { key: Uint8Array; comment: Uint8Array };

const lengthBytes = 4;

/** The first message of what has come, and the rest; undefined while it is not complete, "bad" when it can be none. */
export const cutMessage = (held: Uint8Array): { message: Uint8Array; rest: Uint8Array } | "bad" | undefined => {
  if (held.length < lengthBytes) return undefined;
  const length = viewOf(held).getUint32(0);
  if (length === 0 || length > maxMessageBytes) return "bad";
  const end = lengthBytes + length;
  return held.length < end ? undefined : { message: held.subarray(lengthBytes, end), rest: held.subarray(end) };
};

/** The message as it stands on the wire. */
export const frame = (message: Uint8Array): Uint8Array => Buffer.concat([uint32(message.length), message]);

/** A cursor over the fields of a message (RFC 4251 §5). Past the end it gives zeros and nothing, and is never `isDone`. */
export type FieldReader = {
  byte(): number;
  uint32(): number;
  string(): Uint8Array;
  text(): string;
  left(): number;
  /** Everything was there, and nothing stands behind it. */
  isDone(): boolean;
};

export const readFields = (bytes: Uint8Array): FieldReader => {
  let at = 0;
  let isShort = false;
  const take = (length: number): Uint8Array => {
    if (bytes.length - at < length) {
      isShort = true;
      at = bytes.length;
      return new Uint8Array();
    }
    at += length;
    return bytes.subarray(at - length, at);
  };
  const integer = (): number => {
    const taken = take(4);
    return taken.length === 4 ? viewOf(taken).getUint32(0) : 0;
  };
  const string = (): Uint8Array => take(integer());
  return {
    byte: () => take(1)[0] ?? 0,
    uint32: integer,
    string,
    text: () => new TextDecoder("latin1").decode(string()),
    left: () => bytes.length - at,
    isDone: () => !isShort && at === bytes.length,
  };
};

/** The keys of an answer to `requestIdentities`; undefined when it is none. */
export const readIdentities = (message: Uint8Array): Identity[] | undefined => {
  const fields = readFields(message);
  if (fields.byte() !== messageType.identitiesAnswer) return undefined;
  const count = fields.uint32();
  const identities: Identity[] = [];
  // Each needs two lengths: a count beyond that is a lie, and the loop would run for it.
  if (count > fields.left() / (2 * lengthBytes)) return undefined;
  for (let index = 0; index < count; index++) identities.push({ key: fields.string(), comment: fields.string() });
  return fields.isDone() ? identities : undefined;
};

export const writeIdentities = (identities: readonly Identity[]): Uint8Array =>
  Buffer.concat([
    Uint8Array.of(messageType.identitiesAnswer),
    uint32(identities.length),
    ...identities.flatMap(({ key, comment }) => [uint32(key.length), key, uint32(comment.length), comment]),
  ]);

const uint32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(lengthBytes);
  viewOf(bytes).setUint32(0, value);
  return bytes;
};

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
