import { attach, type Stage, type Wire } from "./wire.ts";

/** What went through: bytes from the first connection to the second, bytes back, and the time. */
export type Traffic = { up: number; down: number; ms: number };

/** Sees what comes in one direction and says what goes on instead; undefined cuts both sides off. */
export type Filter = (chunk: Uint8Array, joint: Joint) => Uint8Array | undefined;

export type RelayOptions = {
  /** Goes to the second connection ahead of everything, and past the filter. */
  first?: Uint8Array;
  up?: Filter;
  down?: Filter;
  /** While this is true, the filter keeps what the first connection has said; its end waits for `finish`. */
  isHeld?: () => boolean;
  /** What the first connection still gets behind the last byte of the second one; undefined cuts both off. */
  last?: () => Uint8Array | undefined;
  /** Who does not take what is injected or answered is cut off at more than this: what makes it come is not paused. */
  mostWaitingBytes?: number;
  /** Told once, when both connections are closed. */
  onClose?: (traffic: Traffic) => void;
};

/**
 * Two joined connections. `inject` sends bytes to the second one and `answer` to the first, behind what is on its way and
 * past the filter; `finish` tells the second one, behind the same, that nothing more comes, and `end` tells both.
 */
export type Joint = {
  inject(bytes: Uint8Array): void;
  answer(bytes: Uint8Array): void;
  finish(): void;
  end(): void;
};

/**
 * One direction. One chunk (512 KB, what Bun reads at once) waits, and meanwhile the source is not read.
 * `ended`: the source has said its last; `shut`: so has the destination been told.
 */
type Flow = {
  from: Wire;
  to: Wire;
  mostWaitingBytes: number;
  filter: ((chunk: Uint8Array) => Uint8Array | undefined) | undefined;
  last: (() => Uint8Array | undefined) | undefined;
  waiting: Uint8Array | undefined;
  bytes: number;
  ended: boolean;
  shut: boolean;
};

// As with undici, and below the idle limit of common NAT devices. Bun then probes each second, ten times.
const keepAliveMs = 60_000;

/** Who has been told that it is over gets this long to read it. */
const lingerMs = 2_000;

/**
 * Joins two connections until both are closed, without a limit of time. The end of one direction is passed on alone; a
 * connection that is cut off, by its peer or by `terminate`, takes the other one with it.
 */
export const relay = (a: Wire, b: Wire, options: RelayOptions = {}): Joint => {
  const { first, up, down, last, onClose, mostWaitingBytes = Number.POSITIVE_INFINITY } = options;
  const started = performance.now();
  const joint: Joint = {
    inject: (bytes) => push(upward, bytes),
    answer: (bytes) => push(downward, bytes),
    finish: () => finish(upward),
    end() {
      finish(downward);
      finish(upward);
      setTimeout(() => {
        for (const wire of [a, b]) wire.terminate();
      }, lingerMs).unref();
    },
  };
  const bind = (filter: Filter | undefined) => filter && ((chunk: Uint8Array) => filter(chunk, joint));
  const upward = createFlow({ from: a, to: b, filter: bind(up), last: undefined, mostWaitingBytes });
  const downward = createFlow({ from: b, to: a, filter: bind(down), last, mostWaitingBytes });
  let open = 2;
  const stageOf = (incoming: Flow, outgoing: Flow): Stage => ({
    data: (chunk) => filterInto(incoming, chunk),
    end() {
      if (incoming !== upward || !options.isHeld?.()) finish(incoming);
    },
    drain: () => drain(outgoing),
    close: (error) => {
      // First: the other side, when it is cut off, closes at once, inside of this close.
      open -= 1;
      const isLast = open === 0;
      // Closed in both directions, and the end of the incoming one was not announced.
      if (!error && outgoing.shut) finish(incoming);
      else cutOff(incoming, outgoing);
      if (isLast) onClose?.({ up: upward.bytes, down: downward.bytes, ms: performance.now() - started });
    },
  });
  for (const wire of [a, b]) wire.setKeepAlive(true, keepAliveMs);
  if (first) push(upward, first);
  attach(a, stageOf(upward, downward));
  attach(b, stageOf(downward, upward));
  // Attaching let both read.
  for (const { from, waiting } of [upward, downward]) if (waiting) from.pause();
  return joint;
};

const createFlow = (given: Pick<Flow, "from" | "to" | "filter" | "last" | "mostWaitingBytes">): Flow => ({
  ...given,
  ...{ waiting: undefined, bytes: 0, ended: false, shut: false },
});

const filterInto = (flow: Flow, chunk: Uint8Array): void => {
  const passed = flow.filter ? flow.filter(chunk) : chunk;
  if (passed) push(flow, passed);
  else flow.from.terminate();
};

const push = (flow: Flow, chunk: Uint8Array): void => {
  if (!flow.waiting) {
    if (chunk.length > 0 && !send(flow, chunk)) flow.from.pause();
    return;
  }
  flow.waiting = Buffer.concat([flow.waiting, chunk]);
  if (flow.waiting.length > flow.mostWaitingBytes) flow.to.terminate();
};

/** Writes what the kernel takes and keeps the rest; true when there is none. */
const send = (flow: Flow, chunk: Uint8Array): boolean => {
  const written = flow.to.write(chunk);
  // Closed, and its own close does the rest.
  if (written < 0) return true;
  flow.bytes += written;
  flow.waiting = written < chunk.length ? chunk.subarray(written) : undefined;
  return flow.waiting === undefined;
};

/** Every pause() of Bun 1.4 is followed by a `drain` that means nothing; then nothing waits. */
const drain = (flow: Flow): void => {
  if (!flow.waiting || !send(flow, flow.waiting)) return;
  if (flow.ended) shut(flow);
  else flow.from.resume();
};

const finish = (flow: Flow): void => {
  if (flow.last && !flow.ended) {
    const rest = flow.last();
    if (!rest) return void flow.from.terminate();
    push(flow, rest);
  }
  flow.ended = true;
  if (!flow.waiting) shut(flow);
};

/** Only `shutdown` leaves the other direction open; `end` closes both, and loses what the peer still sends. */
const shut = (flow: Flow): void => {
  if (flow.shut) return;
  flow.shut = true;
  flow.to.shutdown();
};

const cutOff = (incoming: Flow, outgoing: Flow): void => {
  outgoing.waiting = undefined;
  incoming.to.terminate();
};
