/** Byte strings that are looked for all at once, with the tables that make this fast. */
export type Needles = {
  all: readonly Uint8Array[];
  longest: number;
  /** How many bytes of every needle the search goes by: the length of the shortest one, at most 256. */
  window: number;
  /** By two bytes: how far the window may move when it ends with them. At 0 it may lie on a needle. */
  skips: Uint8Array;
  /** By two bytes: the needles whose part in the window ends with them. */
  endingWith: ReadonlyMap<number, readonly Uint8Array[]>;
  /** By a byte: the needles that begin with it. */
  startingWith: readonly (readonly Uint8Array[])[];
};

/** Less hides nothing, and every answer would be full of stars. */
const leastBytes = 4;
/** Below it the other encodings are so short that they stand in harmless text. */
const leastEncodedBytes = 8;

/**
 * What to look for so that none of `secrets` passes: each as it is, and as a server may encode what it repeats. Secrets
 * of less than 4 bytes are not looked for, those of less than 8 only as they are.
 */
export const createNeedles = (secrets: readonly string[]): Needles => {
  const texts = new Set(secrets.flatMap(formsOf));
  const all = [...texts].map((text) => Buffer.from(text));
  const window = Math.min(256, ...all.map(({ length }) => length));
  const endingWith = new Map<number, Uint8Array[]>();
  const skips = new Uint8Array(1 << 16).fill(window - 1);
  const startingWith = Array.from({ length: 256 }, (): Uint8Array[] => []);
  for (const needle of all) {
    for (let at = 1; at < window; at += 1) {
      const pair = pairAt(needle, at);
      skips[pair] = Math.min(skips[pair]!, window - 1 - at);
    }
    const last = pairAt(needle, window - 1);
    endingWith.set(last, [...(endingWith.get(last) ?? []), needle]);
    startingWith[needle[0]!]!.push(needle);
  }
  return { all, longest: Math.max(0, ...all.map(({ length }) => length)), window, skips, endingWith, startingWith };
};

/** The byte before `at` and the one there, as one number. */
export const pairAt = (bytes: Uint8Array, at: number): number => (bytes[at - 1]! << 8) | bytes[at]!;

const formsOf = (secret: string): string[] => {
  const bytes = Buffer.from(secret);
  if (bytes.length < leastBytes) return [];
  // As it is on the wire: without halves of surrogate pairs, which could not be encoded either.
  const text = bytes.toString();
  if (bytes.length < leastEncodedBytes) return [text];
  const percent = encodeURIComponent(text);
  const json = JSON.stringify(text).slice(1, -1);
  const hex = bytes.toString("hex");
  return [
    ...[text, json, json.replaceAll("/", "\\/"), hex, hex.toUpperCase()],
    ...[percent, percent.replace(/%../g, (byte) => byte.toLowerCase())],
    ...base64FormsOf(bytes).flatMap((form) => [form, form.replaceAll("+", "-").replaceAll("/", "_")]),
  ];
};

/** In base64 of a longer text: for each place in a group of three bytes the part that depends on nothing around it. */
const base64FormsOf = (bytes: Uint8Array): string[] =>
  [0, 1, 2].map((before) => {
    const length = before + bytes.length;
    const text = Buffer.concat([new Uint8Array(before), bytes]).toString("base64");
    return text.slice(Math.ceil((before * 4) / 3), Math.floor((length * 4) / 3));
  });
