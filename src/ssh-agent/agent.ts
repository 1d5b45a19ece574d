import { createOutbox } from "../outbox.ts";
import { cutMessage, frame } from "./protocol.ts";

/** A connection to the host's own agent: one question at a time. */
export type HostAgent = {
  /** Rejects when the agent hangs up or does not keep to the protocol. No time limit: a person may have to confirm. */
  ask(message: Uint8Array): Promise<Uint8Array>;
  close(): void;
};

/** Rejects when nothing listens there. */
export const connectAgent = async (socketPath: string): Promise<HostAgent> => {
  let held: Uint8Array = new Uint8Array();
  let waiting: PromiseWithResolvers<Uint8Array> | undefined;
  let isOver = false;
  const fail = (): void => {
    isOver = true;
    waiting?.reject(new Error("the ssh-agent hung up"));
    waiting = undefined;
  };
  const socket = await Bun.connect({
    unix: socketPath,
    socket: {
      data(socket, bytes) {
        held = Buffer.concat([held, bytes]);
        const cut = cutMessage(held);
        if (cut === undefined) return;
        // An answer to no question, or two to one: from here on nothing is sure.
        if (cut === "bad" || cut.rest.length > 0 || !waiting) return socket.terminate();
        held = cut.rest;
        waiting.resolve(Uint8Array.from(cut.message));
        waiting = undefined;
      },
      drain: () => outbox.flush(),
      close: fail,
      error: fail,
    },
  });
  const outbox = createOutbox(socket);
  return {
    ask(message) {
      if (isOver) return Promise.reject(new Error("the ssh-agent hung up"));
      waiting = Promise.withResolvers();
      const { promise } = waiting;
      outbox.send(frame(message));
      return promise;
    },
    close: () => socket.terminate(),
  };
};
