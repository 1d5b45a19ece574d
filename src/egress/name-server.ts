import { answerQuery, frameMessage, type Resolution, splitFrames } from "./dns.ts";
import { attach, type Wire } from "./wire.ts";

type Resolve = (name: string) => Resolution;

/** Who has not asked by then has no question. */
const idleMs = 10_000;

/** Answers queries on a datagram socket inside, whose descriptor it takes over. */
export const serveDatagrams = async (fd: number, resolve: Resolve): Promise<{ close(): void }> =>
  await Bun.udpSocket({
    // Not in the types of Bun 1.4; `node:dgram` uses it.
    ...({ fd } as object),
    socket: {
      data(socket, query, port, address) {
        const answer = answerQuery(query, resolve);
        if (answer) socket.send(answer, port, address);
      },
      // A client that did not wait for its answer.
      error() {},
    },
  });

/** The same over TCP (RFC 7766), one connection after the other as they come. */
export const answerStream = (wire: Wire, resolve: Resolve): void => {
  let held: Uint8Array = new Uint8Array();
  const timer = setTimeout(() => wire.terminate(), idleMs);
  attach(wire, {
    data(chunk) {
      const { frames, rest } = splitFrames(Buffer.concat([held, chunk]));
      held = rest;
      for (const frame of frames) {
        const answer = answerQuery(frame, resolve);
        if (!answer) continue;
        const framed = frameMessage(answer);
        // Somebody who asks and never reads.
        if (wire.write(framed) < framed.length) return wire.terminate();
      }
    },
    end: () => wire.end(),
    close: () => clearTimeout(timer),
  });
};
