/** Collects one line, or one section of lines up to and with an empty one, from chunks that are cut anywhere. */
export type LineCollector = {
  /**
   * Takes bytes from `chunk` from `at` on. `done` is all of it with its line ends, a slice of the chunk where it can be;
   * the collector then starts anew. `bad` is a line end that is not CRLF or a control character that is not a tab.
   */
  take: (chunk: Uint8Array, at: number) => { at: number; done?: Uint8Array; fault?: "bad" | "long" };
  /** Whether the section's first line has ended. */
  inFirstLine: () => boolean;
};

const [tab, lf, cr, space, del] = [9, 10, 13, 32, 127];

/** Every byte is looked at once and at most `limit` bytes are held, however they come. */
export const createLineCollector = (until: "line" | "section", limit: number): LineCollector => {
  let stored = new Uint8Array(0);
  let size = 0;
  let lineLength = 0;
  let lines = 0;
  let afterCr = false;

  const store = (bytes: Uint8Array) => {
    if (stored.length < size + bytes.length) {
      const larger = new Uint8Array(Math.min(limit, Math.max(2 * stored.length, size + bytes.length, 256)));
      larger.set(stored.subarray(0, size));
      stored = larger;
    }
    stored.set(bytes, size);
    size += bytes.length;
  };

  const finish = (piece: Uint8Array): Uint8Array => {
    if (size > 0) store(piece);
    const done = size > 0 ? stored.subarray(0, size) : piece;
    stored = new Uint8Array(0);
    size = 0;
    lines = 0;
    return done;
  };

  const take: LineCollector["take"] = (chunk, at) => {
    const end = Math.min(chunk.length, at + limit - size);
    for (let here = at; here < end; here += 1) {
      const byte = chunk[here]!;
      if (afterCr !== (byte === lf) || (byte < space && byte !== tab && byte !== cr && byte !== lf) || byte === del)
        return { at: here, fault: "bad" };
      afterCr = byte === cr;
      if (byte === lf) {
        if (until === "line" || lineLength === 0) return { at: here + 1, done: finish(chunk.subarray(at, here + 1)) };
        lines += 1;
        lineLength = 0;
      } else if (!afterCr) lineLength += 1;
    }
    store(chunk.subarray(at, end));
    return size === limit ? { at: end, fault: "long" } : { at: end };
  };

  return { take, inFirstLine: () => lines === 0 };
};
