/** One encoded value. */
export type Der = Uint8Array<ArrayBuffer>;

/** The few DER values that a certificate is made of (ITU-T X.690 §8, §10). */
export const encode = (tag: number, ...contents: Uint8Array[]): Der => {
  const length = contents.reduce((sum, { byteLength }) => sum + byteLength, 0);
  return Buffer.concat([Uint8Array.of(tag, ...lengthOf(length)), ...contents]);
};

const lengthOf = (length: number): number[] => {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
};

export const sequence = (...values: Uint8Array[]): Der => encode(0x30, ...values);
export const set = (...values: Uint8Array[]): Der => encode(0x31, ...values);
export const octets = (...contents: Uint8Array[]): Der => encode(0x04, ...contents);
export const text = (value: string): Der => encode(0x0c, Buffer.from(value));
export const yes = (): Der => encode(0x01, Uint8Array.of(0xff));

/** A number that is not negative, from its bytes, the most significant first. */
export const integer = (bytes: Uint8Array): Der => {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
  const digits = bytes.subarray(start);
  return digits[0]! < 0x80 ? encode(0x02, digits) : encode(0x02, Uint8Array.of(0), digits);
};

export const bits = (bytes: Uint8Array, unused = 0): Der => encode(0x03, Uint8Array.of(unused), bytes);

/** A value in a context-specific tag; `constructed` when it wraps another value. */
export const tagged = (number: number, constructed: boolean, ...contents: Uint8Array[]): Der =>
  encode((constructed ? 0xa0 : 0x80) | number, ...contents);

/** From its packed bytes (X.690 §8.19): taking them from dotted numbers costs a start more than all the rest. */
export const objectId = (...packed: number[]): Der => encode(0x06, Uint8Array.from(packed));

/** Seconds, in UTC; the form with two digits for the year ends with 2049 (RFC 5280 §4.1.2.5). */
export const time = (date: Date): Der => {
  const digits = `${date.toISOString().slice(0, 19).replace(/[-:T]/g, "")}Z`;
  return date.getUTCFullYear() < 2050 ? encode(0x17, Buffer.from(digits.slice(2))) : encode(0x18, Buffer.from(digits));
};
