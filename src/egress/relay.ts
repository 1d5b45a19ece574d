import type { Socket, SocketHandler } from "bun";

/** What a connection does with its events for the time being. A connection without a stage keeps them. */
export type Stage = {
  data(chunk: Uint8Array): void;
  /** The peer has sent its last byte; it may still read. */
  end?(): void;
  drain?(): void;
  /** With an error: cut off, not finished. */
  close?(error: Error | undefined): void;
};

/** The state of one connection: its stage, and what came while it had none. */
export type Link = {
  stage: Stage | undefined;
  held: Uint8Array[];
  ended: boolean;
  closed: { error: Error | undefined } | undefined;
  /** Bun has taken TLS off it, and cannot do so a second time. */
  isTls?: true;
};

/** A connection of the gateway. Its events go through `data`: `reload()` would change every connection of a listener. */
export type Wire = Socket<Link>;

/** A new, empty link: what `Bun.connect` and `Bun.listen` are given as `data`. */
export const createLink = (): Link => ({ stage: undefined, held: [], ended: false, closed: undefined });

/**
 * The handlers of every socket of the gateway, for `Bun.listen` and `Bun.connect`, which both also need
 * `allowHalfOpen: true`. A connection starts paused and keeps what comes until `attach` gives it a stage.
 */
export const wireHandlers: SocketHandler<Link> = {
  open(wire) {
    wire.data = createLink();
    wire.pause();
  },
  data({ data: link }, chunk) {
    // A reset delivers what the kernel still has, also to a paused socket.
    if (link.stage) link.stage.data(chunk);
    else link.held.push(chunk);
  },
  end({ data: link }) {
    link.ended = true;
    link.stage?.end?.();
  },
  drain({ data: link }) {
    link.stage?.drain?.();
  },
  close({ data: link }, error) {
    link.closed = { error };
    link.stage?.close?.(error);
  },
  // Without it the error is printed on the user's terminal. A stage that throws costs its own connection only.
  error(wire) {
    wire.terminate();
  },
};

/** How a listener treats its connections: `arrive` gets each one, paused; `leave` hears of its end first. */
export const receiving = (arrive: (wire: Wire) => void, leave?: (wire: Wire) => void) => ({
  allowHalfOpen: true,
  data: createLink(),
  socket: {
    ...wireHandlers,
    open(wire: Wire) {
      wireHandlers.open!(wire);
      arrive(wire);
    },
    close(wire: Wire, error?: Error) {
      leave?.(wire);
      wireHandlers.close!(wire, error);
    },
  },
});

/** Gives a connection its next stage, first with what came before it, and lets it read. */
export const attach = (wire: Wire, stage: Stage): void => {
  const link = wire.data;
  link.stage = stage;
  // Before anything else: the stage may pause again because of what it is given.
  wire.resume();
  while (link.stage === stage && link.held.length > 0) stage.data(link.held.shift()!);
  if (link.stage === stage && link.ended) stage.end?.();
  if (link.stage === stage && link.closed) stage.close?.(link.closed.error);
};

/** Takes the stage away: the connection is paused and keeps what comes, `unread` before it. */
export const detach = (wire: Wire, unread?: Uint8Array): void => {
  wire.pause();
  wire.data.stage = undefined;
  if (unread && unread.length > 0) wire.data.held.unshift(unread);
};

/** What went through: bytes from the first connection to the second, bytes back, and the time. */
export type Traffic = { up: number; down: number; ms: number };

/** Sees what comes in one direction and says what goes on instead; undefined cuts both sides off. */
export type Filter = (chunk: Uint8Array, joint: Joint) => Uint8Array | undefined;

export type RelayOptions = {
  /** Goes to the second connection ahead of everything, and past the filter. */
  first?: Uint8Array;
  up?: Filter;
  down?: Filter;
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
    end: () => finish(incoming),
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
