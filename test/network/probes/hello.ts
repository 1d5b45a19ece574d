const u16 = (value: number): number[] => [value >> 8, value & 0xff];
const prefixed = (bytes: number[]): number[] => [...u16(bytes.length), ...bytes];

const extension = (type: number, body: number[]): number[] => [...u16(type), ...prefixed(body)];

const serverNames = (names: readonly string[]): number[] =>
  extension(0, prefixed(names.flatMap((name) => [0, ...prefixed([...Buffer.from(name, "latin1")])])));

type HelloOptions = {
  /** Each list is a server name extension of its own. */
  names?: readonly (readonly string[])[];
  /** Bytes of a padding extension. */
  padding?: number;
  /** Most bytes of the message in one record. */
  recordBytes?: number;
};

/** A TLS ClientHello (RFC 8446, 4.1.2), whole enough for a server to answer, in its records. */
export const clientHello = ({ names = [], padding = 0, recordBytes = 16_384 }: HelloOptions): Buffer => {
  const extensions = [
    ...names.flatMap(serverNames),
    ...extension(43, [2, 3, 4]),
    ...(padding > 0
      ? extension(
          21,
          Array.from({ length: padding }, () => 0),
        )
      : []),
  ];
  const suites = prefixed([0x13, 0x01]);
  const body = [3, 3, ...Array.from({ length: 32 }, () => 7), 0, ...suites, 1, 0, ...prefixed(extensions)];
  const message = Buffer.from([1, body.length >> 16, ...u16(body.length & 0xffff), ...body]);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += recordBytes) {
    const part = message.subarray(at, at + recordBytes);
    records.push(Buffer.from([0x16, 3, 1, ...u16(part.length)]), part);
  }
  return Buffer.concat(records);
};

export const helloFor = (...names: string[]): Buffer => clientHello({ names: [names] });
