/** Random input that is the same in every run, so that what it breaks can be broken again. */
export type Noise = {
  /** An integer from 0 to `end`, without it. */
  below: (end: number) => number;
  bytes: (length: number) => Uint8Array;
  /** The bytes with a few of them changed, inserted, removed, repeated or cut off. */
  mutate: (bytes: Uint8Array) => Uint8Array;
  /** The bytes in pieces that are cut anywhere. */
  split: (bytes: Uint8Array) => Uint8Array[];
};

/** A xorshift generator (Marsaglia, 2003). `seed` is not 0. */
export const createNoise = (seed: number): Noise => {
  let state = seed;
  const below = (end: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % end;
  };
  const bytes = (length: number) => Uint8Array.from({ length }, () => below(256));

  const changeOnce = (given: Uint8Array): Uint8Array => {
    const at = below(given.length + 1);
    const [front, back] = [given.subarray(0, at), given.subarray(at)];
    const special = [0, 9, 10, 13, 32, 44, 48, 58, 59, 0x7f, 0x80, 0xc0, 0xff];
    const byte = Uint8Array.of(below(2) ? special[below(special.length)]! : below(256));
    const ways = [
      () => [front, byte, back.subarray(1)],
      () => [front, byte, back],
      () => [front, back.subarray(1 + below(4))],
      () => [front, front.subarray(Math.max(0, at - 1 - below(16))), back],
      () => [front],
    ];
    return Buffer.concat(ways[below(ways.length)]!());
  };
  const mutate = (given: Uint8Array): Uint8Array => {
    let changed = given;
    for (let times = 1 + below(3); times > 0; times -= 1) changed = changeOnce(changed);
    return changed;
  };

  const split = (whole: Uint8Array): Uint8Array[] => {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < whole.length; ) {
      const piece = whole.subarray(at, at + 1 + below(below(2) ? 4 : 200));
      pieces.push(piece);
      at += piece.length;
    }
    return pieces;
  };
  return { below, bytes, mutate, split };
};
