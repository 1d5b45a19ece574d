/** What a socket of Bun's takes of some bytes, and how it hangs up. */
type Sink = { write(bytes: Uint8Array): number; end(): void };

/** Holds what a socket of Bun's did not take at once. Its `drain` handler must call `flush`. */
export type Outbox = {
  send(bytes: Uint8Array): void;
  flush(): void;
  /** Hangs up when everything is out. */
  finish(): void;
  /** How many bytes wait. */
  waiting(): number;
};

export const createOutbox = (socket: Sink): Outbox => {
  let held: Uint8Array = new Uint8Array();
  let isFinishing = false;
  const flush = (): void => {
    // -1 when the other end is gone: its `close` handler clears up.
    if (held.length > 0) held = held.subarray(Math.max(0, socket.write(held)));
    if (isFinishing && held.length === 0) socket.end();
  };
  return {
    send(bytes) {
      const isWaiting = held.length > 0;
      held = isWaiting ? Buffer.concat([held, bytes]) : bytes;
      if (!isWaiting) flush();
    },
    flush,
    finish() {
      isFinishing = true;
      flush();
    },
    waiting: () => held.length,
  };
};
