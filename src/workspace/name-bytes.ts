import { isUtf8 } from "node:buffer";

/**
 * File names as text without loss. A name is bytes; nearly all are UTF-8 and become that text. A byte that is none
 * becomes a lone surrogate, U+DC00 plus the byte (PEP 383), which no UTF-8 name can hold, so both ways are exact.
 */
const foreign = /(?<![\ud800-\udbff])[\udc80-\udcff]/;

/** The text of a name or path. */
export const decodeName = (bytes: Uint8Array): string => {
  if (isUtf8(bytes)) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const sequence = bytes.subarray(at, at + sequenceLength(bytes[at]!));
    const isWhole = isUtf8(sequence);
    text += isWhole ? new TextDecoder("utf-8", { ignoreBOM: true }).decode(sequence) : foreignByte(bytes[at]!);
    at += isWhole ? sequence.length : 1;
  }
  return text;
};

const foreignByte = (byte: number): string => String.fromCharCode(0xdc00 + byte);

const sequenceLength = (lead: number): number => (lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4);

/** True when a name holds bytes that are no UTF-8: as a string it names nothing, and no mount can name it. */
export const isForeign = (name: string): boolean => foreign.test(name);

/** What the file system is asked for: the text itself, or the bytes when it is no UTF-8. */
export const encodeName = (name: string): string | Buffer => {
  if (!isForeign(name)) return name;
  const parts = name.split(new RegExp(`(${foreign.source})`));
  return Buffer.concat(
    parts.map((part) =>
      part.length === 1 && foreign.test(part) ? Buffer.from([part.charCodeAt(0) - 0xdc00]) : Buffer.from(part),
    ),
  );
};
