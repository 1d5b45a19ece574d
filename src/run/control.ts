import type { Socket } from "bun";
import { peerIsTrusted } from "./peer.ts";

/** One request a connection, one answer, each a line of JSON. The socket is mounted in no sandbox. */
export type Request = { verb: "stop" };
export type Answer = { ok: boolean; problem?: string };

const maxRequestBytes = 64 * 1024;
/** Who has not finished a request by then never will. */
const idleSeconds = 10;

/**
 * Listens until closed, without keeping the process alive. A peer of another user or user namespace gets no answer.
 * Bun's own sockets, because `node:net` would be the heaviest module of the start-up path.
 */
export const serveControl = (socketPath: string, answer: (request: Request) => Answer): { close(): void } => {
  const server = Bun.listen<{ text: string; isTrusted: boolean; isAnswered: boolean }>({
    unix: socketPath,
    socket: {
      open(socket) {
        socket.data = { text: "", isTrusted: false, isAnswered: false };
        socket.data.isTrusted = peerIsTrusted((socket as unknown as { fd: number }).fd);
        socket.timeout(idleSeconds);
        if (!socket.data.isTrusted) socket.terminate();
      },
      data(socket, bytes) {
        const { data } = socket;
        if (!data.isTrusted || data.isAnswered) return;
        data.text += bytes.toString("utf8");
        if (data.text.length > maxRequestBytes) socket.terminate();
        else if (data.text.includes("\n")) {
          data.isAnswered = true;
          socket.end(`${JSON.stringify(answerTo(data.text, answer))}\n`);
        }
      },
      timeout(socket) {
        socket.terminate();
      },
      // A peer that hangs up in the middle is its own business.
      error() {},
    },
  });
  server.unref();
  return { close: () => server.stop(true) };
};

/** Asks a running sandbox. Rejects when nothing listens, it does not answer within `timeoutMs`, or it hangs up. */
export const askControl = async (socketPath: string, request: Request, timeoutMs: number): Promise<Answer> => {
  const { promise, resolve } = Promise.withResolvers<string>();
  let text = "";
  const finish = () => resolve(text);
  const socket: Socket = await Bun.connect({
    unix: socketPath,
    socket: {
      data(_socket, bytes) {
        text += bytes.toString("utf8");
      },
      close: finish,
      error: finish,
    },
  });
  const timer = setTimeout(finish, timeoutMs);
  socket.write(`${JSON.stringify(request)}\n`);
  const answer = await promise;
  clearTimeout(timer);
  socket.terminate();
  return JSON.parse(answer) as Answer;
};

const answerTo = (text: string, answer: (request: Request) => Answer): Answer => {
  try {
    return answer(JSON.parse(text.slice(0, text.indexOf("\n"))) as Request);
  } catch (cause) {
    return { ok: false, problem: (cause as Error).message };
  }
};
