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
