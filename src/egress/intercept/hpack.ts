import type { Field } from "./head.ts";
import { decodeHuffman, encodeHuffman, huffmanLength } from "./huffman.ts";

/** The fields of one block in their order, and the names that no hop may put into a table (RFC 7541, 7.1.3). */
export type Decoded = { fields: Field[]; never: ReadonlySet<string> };
/** Reads the blocks of one direction, each whole and in order. Undefined: the block, and all that follow, cannot be read. */
export type Decoder = (block: Uint8Array) => Decoded | undefined;
/** Writes the blocks of one direction; they have to be sent in this order. */
export type Encoder = (fields: readonly Field[], never?: ReadonlySet<string>) => Uint8Array;

/** The size of a table before anything was said about it (RFC 9113, 6.5.2). */
export const defaultTableBytes = 4096;
const fieldOverhead = 32;
const maxFields = 200;
/** Of one block, as tables count it: the two sides are told so (RFC 9113, 10.5.1). */
export const mostListBytes = 65_536;
/** Far more than any length in a block that is kept, and far less than a number that is not exact. */
const maxInteger = 2 ** 24;

/** RFC 7541, appendix A: `name` or `name=value`. */
const staticTable = [
  ":authority|:method=GET|:method=POST|:path=/|:path=/index.html|:scheme=http|:scheme=https|:status=200|:status=204",
  ":status=206|:status=304|:status=400|:status=404|:status=500|accept-charset|accept-encoding=gzip, deflate",
  "accept-language|accept-ranges|accept|access-control-allow-origin|age|allow|authorization|cache-control",
  "content-disposition|content-encoding|content-language|content-length|content-location|content-range|content-type",
  "cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|if-none-match|if-range|if-unmodified-since",
  "last-modified|link|location|max-forwards|proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after",
  "server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate",
]
  .flatMap((line) => line.split("|"))
  .map((entry): Field => {
    const [name = "", value = ""] = entry.split("=");
    return [name, value];
  });
const fieldIndices = new Map(staticTable.map(([name, value], at) => [`${name}\n${value}`, at + 1]));
// From the end, so that the first of several stays.
const nameIndices = new Map(staticTable.map(([name], at): [string, number] => [name, at + 1]).reverse());

/** Whether a field of this name may hold a credential. */
export const isCredential = (name: string): boolean =>
  /^(?:proxy-)?authorization$|^(?:set-)?cookie$|(?:^|-)(?:auth|key|token|secret|password|credential)s?(?:-|$)/.test(
    name,
  );

/** Thrown at the first thing that is wrong, so that reading stops there; it never leaves this file. */
class Unreadable extends Error {}
const fail = (): never => {
  throw new Unreadable();
};

type Cursor = { block: Uint8Array; at: number };

/** The table never grows beyond `tableBytes`, which is its size at first too. */
export const createDecoder = (tableBytes = defaultTableBytes): Decoder => {
  const table = createTable(tableBytes);
  return (block) => {
    try {
      return readBlock({ block, at: 0 }, table);
    } catch (error) {
      if (error instanceof Unreadable) return undefined;
      throw error;
    }
  };
};

type Table = { at(index: number): Field; add(field: Field): void; resize(bytes: number): void };

const createTable = (mostBytes: number): Table => {
  /** The newest first. */
  const entries: Field[] = [];
  let limit = mostBytes;
  let size = 0;
  const shrink = (most: number): void => {
    while (size > most && entries.length > 0) size -= sizeOf(entries.pop()!);
  };
  return {
    at: (index) => staticTable[index - 1] ?? entries[index - 1 - staticTable.length] ?? fail(),
    add: (field) => {
      shrink(limit - sizeOf(field));
      // What is larger than the table only empties it.
      if (sizeOf(field) > limit) return;
      entries.unshift(field);
      size += sizeOf(field);
    },
    resize: (bytes) => {
      if (bytes > mostBytes) fail();
      limit = bytes;
      shrink(limit);
    },
  };
};
const sizeOf = ([name, value]: Field): number => name.length + value.length + fieldOverhead;

const readBlock = (cursor: Cursor, table: Table): Decoded => {
  const fields: Field[] = [];
  const never = new Set<string>();
  let size = 0;
  const take = (field: Field): void => {
    size += sizeOf(field);
    // Each may stand for a whole entry of the table: without limits a small block would become a very large one.
    if (fields.push(field) > maxFields || size > mostListBytes) fail();
  };
  while (cursor.at < cursor.block.length) {
    const first = cursor.block[cursor.at]!;
    if ((first & 0xe0) === 0x20) {
      if (fields.length > 0) fail();
      table.resize(readInteger(cursor, 5));
      continue;
    }
    if (first & 0x80) {
      take(table.at(readInteger(cursor, 7)));
      continue;
    }
    const isAdded = (first & 0x40) !== 0;
    const index = readInteger(cursor, isAdded ? 6 : 4);
    const name = index === 0 ? readText(cursor) : table.at(index)[0];
    const field: Field = [name, readText(cursor)];
    if (isAdded) table.add(field);
    if ((first & 0xf0) === 0x10) never.add(name);
    take(field);
  }
  return { fields, never };
};

const readByte = (cursor: Cursor): number => {
  const byte = cursor.block[cursor.at];
  cursor.at += 1;
  return byte ?? fail();
};

const readInteger = (cursor: Cursor, bits: number): number => {
  const most = 2 ** bits - 1;
  let value = readByte(cursor) & most;
  if (value < most) return value;
  for (let weight = 1; ; weight *= 128) {
    const byte = readByte(cursor);
    value += (byte & 0x7f) * weight;
    if (value > maxInteger || weight > maxInteger) fail();
    if (byte < 0x80) return value;
  }
};

const readText = (cursor: Cursor): string => {
  const isHuffman = ((cursor.block[cursor.at] ?? 0) & 0x80) !== 0;
  const length = readInteger(cursor, 7);
  const { block, at } = cursor;
  if (at + length > block.length) fail();
  cursor.at += length;
  if (isHuffman) return decodeHuffman(block.subarray(at, at + length)) ?? fail();
  return Buffer.from(block.buffer, block.byteOffset + at, length).toString("latin1");
};

/** Without a table: no field can be guessed by the length of another, and what is sent needs no memory here. */
export const createEncoder = (): Encoder => {
  // A reader who allows less than the usual size waits to be told that the table is no larger.
  let prefix: number[] = [0x20];
  return (fields, never) => {
    const bytes = prefix;
    prefix = [];
    for (const field of fields) writeField(bytes, field, never?.has(field[0]) || isCredential(field[0]));
    return Uint8Array.from(bytes);
  };
};

const writeField = (bytes: number[], [name, value]: Field, isNever: boolean): void => {
  const whole = isNever ? undefined : fieldIndices.get(`${name}\n${value}`);
  if (whole !== undefined) {
    writeInteger(bytes, 0x80, 7, whole);
    return;
  }
  const index = nameIndices.get(name) ?? 0;
  writeInteger(bytes, isNever ? 0x10 : 0, 4, index);
  if (index === 0) writeText(bytes, name);
  writeText(bytes, value);
};

const writeInteger = (bytes: number[], first: number, bits: number, value: number): void => {
  const most = 2 ** bits - 1;
  bytes.push(first | Math.min(value, most));
  if (value < most) return;
  let rest = value - most;
  for (; rest > 0x7f; rest >>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
};

const writeText = (bytes: number[], text: string): void => {
  const isShorter = huffmanLength(text) < text.length;
  const encoded = isShorter ? encodeHuffman(text) : Buffer.from(text, "latin1");
  writeInteger(bytes, isShorter ? 0x80 : 0, 7, encoded.length);
  for (const byte of encoded) bytes.push(byte);
};
