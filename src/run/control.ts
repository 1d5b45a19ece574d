import type { Socket } from "bun";
import { peerIsTrusted } from "./peer.ts";

/** One request a connection, one answer, each a line of JSON. The socket is mounted in no sandbox. */
export type Request = { verb: "stop" } | RuleRequest | PublishRequest;
/** `pattern` is in its canonical spelling; `origin` is where a person can go and change the rule. */
export type RuleRequest = { verb: "allow" | "deny"; pattern: string; remove?: boolean; origin: string };
/** Ports; without `outside` the same number, or another one when that is taken. */
export type PublishRequest = { verb: "publish"; inside: number; outside?: number };

/** `problem` says why not; `message` is what the person should know besides; `address` is where a port is published. */
export type Answer = { ok: boolean; problem?: string; message?: string; address?: string };
type Answering = (request: Request) => Answer | Promise<Answer>;

const maxRequestBytes = 64 * 1024;
/** Who has not finished a request by then never will. */
const idleSeconds = 10;
const maxTextLength = 2048;

/**
 * Listens until closed, without keeping the process alive. A peer of another user or user namespace gets no answer.
 * Bun's own sockets, because `node:net` would be the heaviest module of the start-up path.
 */
export const serveControl = (socketPath: string, answer: Answering): { close(): void } => {
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
          // The answer may take its time.
          socket.timeout(0);
          answerTo(data.text, answer).then((found) => socket.end(`${JSON.stringify(found)}\n`));
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

const answerTo = async (text: string, answer: Answering): Promise<Answer> => {
  try {
    const request = readRequest(JSON.parse(text.slice(0, text.indexOf("\n"))));
    return request ? await answer(request) : { ok: false, problem: "unknown request" };
  } catch (cause) {
    return { ok: false, problem: (cause as Error).message };
  }
};

/** Only what the protocol knows, part by part; undefined for everything else. */
const readRequest = (value: unknown): Request | undefined => {
  if (typeof value !== "object" || value === null) return undefined;
  const { verb, pattern, remove = false, origin, inside, outside } = value as Record<string, unknown>;
  if (verb === "stop") return { verb };
  if (verb === "allow" || verb === "deny")
    return isText(pattern) && isText(origin) && typeof remove === "boolean"
      ? { verb, pattern, remove, origin }
      : undefined;
  if (verb !== "publish" || !isPort(inside)) return undefined;
  if (outside === undefined) return { verb, inside };
  return isPort(outside) ? { verb, inside, outside } : undefined;
};

const isText = (value: unknown): value is string =>
  typeof value === "string" && /^[ -~]+$/.test(value) && value.length <= maxTextLength;

const isPort = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) > 0 && Number(value) < 65536;
