import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";

/**
 * A pack of two objects (gitformat-pack(5)): a blob of zeros, and a delta that copies it so many times. A few kilobytes
 * on disk, and as large as one likes in memory, because git resolves a delta in one piece.
 */
export const packBomb = (baseBytes: number, copies: number): { pack: Buffer; blob: string } => {
  const base = Buffer.alloc(baseBytes);
  const whole = baseBytes * copies;
  // Copy from offset 0 with size 0, which means 0x10000.
  const copy = Buffer.from([0x80]);
  const delta = Buffer.concat([size(baseBytes), size(whole), ...Array.from({ length: copies }, () => copy)]);
  const body = Buffer.concat([
    ...[Buffer.from("PACK"), word(2), word(2)],
    ...[head(3, baseBytes), deflateSync(base)],
    ...[head(7, delta.length), Buffer.from(idOf(base, 1), "hex"), deflateSync(delta)],
  ]);
  return { pack: Buffer.concat([body, createHash("sha1").update(body).digest()]), blob: idOf(base, copies) };
};

const idOf = (part: Buffer, copies: number): string => {
  const hash = createHash("sha1").update(`blob ${part.length * copies}\0`);
  for (let index = 0; index < copies; index++) hash.update(part);
  return hash.digest("hex");
};

const word = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** Seven bits a byte, the low ones first. */
const size = (value: number): Buffer => {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) | 0x80);
  }
};

/** The kind of an object and its size: four bits in the first byte, then as above. */
const head = (kind: number, value: number): Buffer => {
  const rest = Math.floor(value / 16);
  const first = (kind << 4) | (value % 16);
  return rest === 0 ? Buffer.from([first]) : Buffer.concat([Buffer.from([first | 0x80]), size(rest)]);
};
