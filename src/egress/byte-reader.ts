/** A cursor over bytes. Past the end it gives zeros and empty slices and `failed` becomes and stays true. */
export type ByteReader = {
  u8: () => number;
  u16: () => number;
  take: (length: number) => Uint8Array;
  /** A reader of the next bytes, as many as the length in front of them says: one byte wide, or two. */
  nested: (width: 1 | 2) => ByteReader;
  left: () => number;
  readonly failed: boolean;
};

/** Lets a parser of nested lengths read in order and ask once at the end whether everything was there. */
export const readBytes = (bytes: Uint8Array): ByteReader => {
  let at = 0;
  let failed = false;
  const take = (length: number): Uint8Array => {
    if (bytes.length - at < length) {
      failed = true;
      at = bytes.length;
      return bytes.subarray(at);
    }
    at += length;
    return bytes.subarray(at - length, at);
  };
  const u8 = () => take(1)[0] ?? 0;
  const u16 = () => {
    const [high = 0, low = 0] = take(2);
    return (high << 8) | low;
  };
  return {
    u8,
    u16,
    take,
    nested: (width) => readBytes(take(width === 1 ? u8() : u16())),
    left: () => bytes.length - at,
    get failed() {
      return failed;
    },
  };
};
