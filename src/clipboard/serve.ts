import type { Socket } from "bun";
import type { Notify } from "../egress/egress.ts";
import { captureBytes } from "../exec.ts";
import { createOutbox, type Outbox } from "../outbox.ts";
import { type ClipboardRequest, type ImageType, maxImageBytes, readRequest } from "./clipboard.ts";
import { isImage } from "./image.ts";
import { type Tool, type ToolName, tools } from "./tool.ts";

export type ClipboardService = {
  kind: "clipboard";
  tool: ToolName;
  /** The program, found on the host, and the variables that lead it to the display. */
  program: string;
  env: Record<string, string>;
};

const maxClients = 4;
const maxLineBytes = 64;
const idleSeconds = 30;
const readMs = 10_000;
const minuteMs = 60_000;
/** In a minute. An agent asks a few times for one image, by several programs. */
const most = { requests: 60, images: 10 };

type Client = { line: string; isAnswered: boolean; outbox: Outbox };
type Answer = Uint8Array | { refusal: string };

/** Hands out images of the host's clipboard, and nothing else of it. `notify` tells the person of each one. */
export const serveClipboard = (socketPath: string, service: ClipboardService, notify: Notify): { close(): void } => {
  const take = { request: createAllowance(most.requests), image: createAllowance(most.images) };
  let clients = 0;
  const answer = async (request: ClipboardRequest | undefined): Promise<Answer> => {
    if (request === undefined) return { refusal: "only images are handed out" };
    if (!take.request()) return { refusal: "too many requests in a minute" };
    if (request === "types") return await listTypes(service);
    if (!take.image()) return { refusal: "too many images in a minute" };
    const image = await readImage(service, request);
    if (image instanceof Uint8Array)
      notify(
        `an image was handed over from the clipboard (${request}, ${Math.ceil(image.length / 1024)} KiB)`,
        "image",
      );
    return image;
  };
  const server = Bun.listen<Client>({
    unix: socketPath,
    socket: {
      open(socket) {
        socket.data = { line: "", isAnswered: false, outbox: createOutbox(socket) };
        socket.timeout(idleSeconds);
        if (++clients > maxClients) socket.terminate();
      },
      data(socket, bytes) {
        void hear(socket, bytes, answer);
      },
      drain: ({ data }) => data.outbox.flush(),
      close: () => void clients--,
      timeout: (socket) => socket.terminate(),
      // A peer that hangs up in the middle is its own business.
      error() {},
    },
  });
  server.unref();
  return { close: () => server.stop(true) };
};

const hear = async (
  socket: Socket<Client>,
  bytes: Buffer,
  answer: (request: ClipboardRequest | undefined) => Promise<Answer>,
): Promise<void> => {
  const { data: client } = socket;
  if (client.isAnswered) return;
  client.line += bytes.toString("latin1");
  const end = client.line.indexOf("\n");
  if (end < 0 && client.line.length <= maxLineBytes) return;
  client.isAnswered = true;
  const found = await answer(readRequest(client.line.slice(0, end)));
  if (found instanceof Uint8Array) {
    client.outbox.send(Buffer.from(`ok ${found.length}\n`));
    client.outbox.send(found);
  } else client.outbox.send(Buffer.from(`no ${found.refusal}\n`));
  client.outbox.finish();
};

const listTypes = async ({ tool, program, env }: ClipboardService): Promise<Answer> => {
  const found: Tool = tools[tool];
  const printed = await captureBytes(program, found.list, { env, timeoutMs: readMs, maxBytes: maxLineBytes * 1024 });
  const types = printed ? found.typesIn(printed) : [];
  return types.length > 0 ? Buffer.from(types.map((type) => `${type}\n`).join("")) : { refusal: "no image is there" };
};

const readImage = async ({ tool, program, env }: ClipboardService, type: ImageType): Promise<Answer> => {
  const found: Tool = tools[tool];
  // Some print it as text, at two letters a byte.
  const maxBytes = 2 * maxImageBytes + maxLineBytes;
  const printed = await captureBytes(program, found.read(type), { env, timeoutMs: readMs, maxBytes });
  const image = printed && found.imageIn(printed);
  if (!image || !isImage(image, type)) return { refusal: "no image of this type is there" };
  return image.length <= maxImageBytes ? image : { refusal: "the image is larger than 20 MiB" };
};

/** Gives true so many times in any minute. */
const createAllowance = (most: number): (() => boolean) => {
  const taken: number[] = [];
  return () => {
    const now = performance.now();
    while (taken.length > 0 && now - taken[0]! > minuteMs) taken.shift();
    return taken.length < most && taken.push(now) > 0;
  };
};
