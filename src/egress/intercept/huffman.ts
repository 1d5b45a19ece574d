/**
 * The length in bits of the code of every byte and, last, of the end of the string, in base 36 (RFC 7541, appendix B). The
 * codes are canonical: counted upwards, the shorter first, those of one length in the order of their bytes.
 */
const lengths = Uint8Array.from(
  [
    "dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6cad677777777777777777777",
    "77878djde6f56565666577666567655677777fbedskmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmo",
    "lmnnllmlnmnnkmmmnmmnqqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrqu",
  ].join(""),
  (digit) => Number.parseInt(digit, 36),
);
const endOfString = 256;
const longest = 30;

const symbols = [...lengths.keys()].sort((a, b) => lengths[a]! - lengths[b]! || a - b);
const counts = Array.from({ length: longest + 1 }, (_, bits) => lengths.filter((length) => length === bits).length);
/** By length: the first code of that length, and where its symbol stands in `symbols`. */
const firstCodes: number[] = [0];
const firstPlaces: number[] = [0];
for (let bits = 1; bits <= longest; bits += 1) {
  firstCodes.push((firstCodes[bits - 1]! + counts[bits - 1]!) * 2);
  firstPlaces.push(firstPlaces[bits - 1]! + counts[bits - 1]!);
}
const codes = new Uint32Array(lengths.length);
for (const [place, symbol] of symbols.entries()) {
  const bits = lengths[symbol]!;
  codes[symbol] = firstCodes[bits]! + place - firstPlaces[bits]!;
}

/** One character a byte. Undefined for what no encoder gives: the end of the string inside, or padding other than ones. */
export const decodeHuffman = (bytes: Uint8Array): string | undefined => {
  // No code is shorter than five bits.
  const decoded = Buffer.allocUnsafe(Math.floor((bytes.length * 8) / 5));
  let size = 0;
  let code = 0;
  let bits = 0;
  for (const byte of bytes) {
    for (let mask = 0x80; mask > 0; mask >>= 1) {
      code = code * 2 + (byte & mask ? 1 : 0);
      bits += 1;
      const place = code - firstCodes[bits]!;
      if (place >= counts[bits]!) continue;
      const symbol = symbols[firstPlaces[bits]! + place]!;
      if (symbol === endOfString) return undefined;
      decoded[size] = symbol;
      size += 1;
      code = 0;
      bits = 0;
    }
  }
  return bits < 8 && code === 2 ** bits - 1 ? decoded.toString("latin1", 0, size) : undefined;
};

/** How many bytes `encodeHuffman` gives for a text of one character a byte. */
export const huffmanLength = (text: string): number => {
  let bits = 0;
  for (let at = 0; at < text.length; at += 1) bits += lengths[text.charCodeAt(at)]!;
  return Math.ceil(bits / 8);
};

/** Of a text with one character a byte. */
export const encodeHuffman = (text: string): Uint8Array => {
  const encoded = new Uint8Array(huffmanLength(text));
  let size = 0;
  // Of the bits that do not make a byte yet, at most seven: with a code of thirty they are still exact as a number.
  let rest = 0;
  let bits = 0;
  for (let at = 0; at < text.length; at += 1) {
    const symbol = text.charCodeAt(at);
    rest = rest * 2 ** lengths[symbol]! + codes[symbol]!;
    bits += lengths[symbol]!;
    while (bits >= 8) {
      bits -= 8;
      encoded[size] = Math.floor(rest / 2 ** bits);
      size += 1;
      rest %= 2 ** bits;
    }
  }
  if (bits > 0) encoded[size] = (rest + 1) * 2 ** (8 - bits) - 1;
  return encoded;
};
