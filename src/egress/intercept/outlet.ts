/** What one side is sent by both: bytes that are passed through, and frames of the relay's own between whole frames. */
export type Outlet = {
  /** Passes bytes on; `isWhole` when a frame ends with them. Without a copy where it can be. */
  pass(bytes: Uint8Array, isWhole: boolean): void;
  /** Adds whole frames as soon as no other is under way. */
  insert(frames: Uint8Array): void;
  /** All that can be sent now. */
  take(): Uint8Array;
  /** Bytes that wait for the end of a frame. */
  waiting(): number;
  /** Bytes that can be sent now. */
  ready(): number;
};

/** Nothing is inserted before the first frame has passed: it has to be that side's own SETTINGS. */
export const createOutlet = (): Outlet => {
  let parts: Uint8Array[] = [];
  let readyBytes = 0;
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let isBetween = false;

  const add = (bytes: Uint8Array): void => {
    readyBytes += bytes.length;
    const last = parts.at(-1);
    if (last && last.buffer === bytes.buffer && last.byteOffset + last.length === bytes.byteOffset)
      parts[parts.length - 1] = new Uint8Array(last.buffer, last.byteOffset, last.length + bytes.length);
    else parts.push(bytes);
  };

  return {
    pass: (bytes, isWhole) => {
      if (bytes.length > 0) add(bytes);
      isBetween = isWhole;
      if (!isWhole || heldBytes === 0) return;
      for (const frames of held) add(frames);
      held = [];
      heldBytes = 0;
    },
    insert: (frames) => {
      if (isBetween) return add(frames);
      held.push(frames);
      heldBytes += frames.length;
    },
    take: () => {
      const [first] = parts;
      const all = parts.length === 1 ? first! : Buffer.concat(parts);
      parts = [];
      readyBytes = 0;
      return all;
    },
    waiting: () => heldBytes,
    ready: () => readyBytes,
  };
};
