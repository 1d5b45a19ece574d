import type { Socket } from "bun";
import { peerIsTrusted } from "./peer.ts";

/** One request a connection, one answer, each a line of JSON. The socket is mounted in no sandbox. */
export type Request = { verb: "stop" };
export type Answer = { ok: boolean; problem?: string };

const maxRequestBytes = 64 * 1024;

/**
 * Listens until closed, without keeping the process alive. A peer of another user or user namespace gets no answer.
 * Bun's own sockets, because `node:net` would be the heaviest module of the start-up path.
 */
export const serveControl = (socketPath: string, answer: (request: Request) => Answer): { close(): void } => {
  const server = Bun.listen<{ text: string }>({
    unix: socketPath,
    socket: {
      open(socket) {
        socket.data = { text: "" };
        if (!peerIsTrusted((socket as unknown as { fd: number }).fd)) socket.terminate();
      },
      data(socket, bytes) {
        socket.data.text += bytes.toString("utf8");
        if (socket.data.text.length > maxRequestBytes) socket.terminate();
        else if (socket.data.text.includes("\n")) socket.end(`${JSON.stringify(answerTo(socket.data.text, answer))}\n`);
      },
    },
  });
  server.unref();
  return { close: () => server.stop(true) };
};

/** Asks a running sandbox. Rejects when nothing listens, it does not answer within `timeoutMs`, or it hangs up. */
export const askControl = async (socketPath: string, request: Request, timeoutMs: number): Promise<Answer> => {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  let text = "";
  const failed = () => reject(new Error("no answer"));
  const timer = setTimeout(failed, timeoutMs);
  const socket: Socket = await Bun.connect({
    unix: socketPath,
    socket: {
      data(_socket, bytes) {
        text += bytes.toString("utf8");
      },
      close() {
        try {
          resolve(JSON.parse(text) as Answer);
        } catch {
          failed();
        }
      },
      error: failed,
    },
  });
  socket.write(`${JSON.stringify(request)}\n`);
  return await promise.finally(() => {
    clearTimeout(timer);
    socket.terminate();
  });
};

const answerTo = (text: string, answer: (request: Request) => Answer): Answer => {
  try {
    return answer(JSON.parse(text.slice(0, text.indexOf("\n"))) as Request);
  } catch (cause) {
    return { ok: false, problem: (cause as Error).message };
  }
};
