import { createHash } from "node:crypto";
import type { Duplex } from "node:stream";
import { constants, deflateRawSync, gzipSync } from "node:zlib";
import type { Answer, Upgrade } from "./secure.ts";
import { readBody } from "./secure.ts";

/** A server without manners: it says back what it heard, in every way there is. */
export const answerEcho: Answer = async (request, response) => {
  const url = new URL(request.url ?? "/", "https://any.test");
  const said = JSON.stringify({ method: request.method, target: request.url, headers: request.headers });
  const credential = `${request.headers.authorization ?? request.headers["x-api-key"] ?? ""}`;
  const body = await readBody(request);
  switch (url.pathname) {
    case "/body":
      return void response.end(body);
    case "/length":
      return void response.end(`${body.length} ${createHash("sha256").update(body).digest("hex")}`);
    case "/large":
      return void response.end(Buffer.alloc(Number(url.searchParams.get("bytes")), "x"));
    case "/in-headers":
      response.writeHead(200, { "x-echo": credential, "set-cookie": `seen=${encodeURIComponent(credential)}` });
      return void response.end("in the headers\n");
    case "/redirect":
      response.writeHead(302, { location: `https://other.test/taken?token=${encodeURIComponent(credential)}` });
      return void response.end(`moved to ${credential}\n`);
    case "/chunked":
      // Every piece ends within what was said.
      for (const character of said) response.write(character);
      return void response.end();
    case "/split":
      for (const half of [said.slice(0, said.length / 2), said.slice(said.length / 2)]) {
        response.write(half);
        await Bun.sleep(20);
      }
      return void response.end();
    case "/gzip":
      response.writeHead(200, { "content-encoding": "gzip", "content-type": "application/json" });
      return void response.end(gzipSync(said));
    case "/base64":
      return void response.end(Buffer.from(said).toString("base64"));
    case "/error":
      response.writeHead(401, { "www-authenticate": `Bearer error="${credential.replaceAll('"', "")}"` });
      return void response.end(`no good: ${credential}\n`);
    case "/alternative":
      response.writeHead(200, { "alt-svc": 'h3=":443"; ma=86400' });
      return void response.end("here\n");
    default:
      response.writeHead(200, { "content-type": "application/json" });
      return void response.end(said);
  }
};

/** Server-sent events, each of them only sent when `next` is called: whoever waits for more than one waits for ever. */
export const createEvents = () => {
  let go = (): void => {};
  const answer: Answer = async (request, response) => {
    request.resume();
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    for (const number of [1, 2, 3]) {
      response.write(`data: event ${number}\n\n`);
      await new Promise<void>((resolve) => {
        go = resolve;
      });
    }
    response.end("data: end\n\n");
  };
  return { answer, next: () => go() };
};

const magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * A WebSocket (RFC 6455) that says back each short frame, and before them the credential of its request; compressed for
 * whoever offers that (RFC 7692).
 */
export const upgradeEcho: Upgrade = (request, socket, first) => {
  const key = `${request.headers["sec-websocket-key"]}${magic}`;
  const accept = createHash("sha1").update(key).digest("base64");
  const isPacked = `${request.headers["sec-websocket-extensions"]}`.includes("permessage-deflate");
  const extension = isPacked
    ? "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"
    : "";
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${extension}Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  const sendText = (text: string): void => send(socket, isPacked, text);
  sendText(`welcome ${request.headers.authorization ?? "stranger"}`);
  let pending = Buffer.alloc(0);
  const read = (chunk: Buffer): void => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 6) {
      const length = pending[1]! & 0x7f;
      if (length > 125) return void socket.destroy();
      if (pending.length < 6 + length) return;
      const mask = pending.subarray(2, 6);
      const text = pending.subarray(6, 6 + length).map((byte, index) => byte ^ mask[index % 4]!);
      if ((pending[0]! & 0xf) === 8) return void socket.end();
      sendText(Buffer.from(text).toString());
      pending = pending.subarray(6 + length);
    }
  };
  socket.on("data", read);
  socket.on("end", () => socket.end());
  if (first.length > 0) read(first);
};

const send = (socket: Duplex, isPacked: boolean, text: string): void => {
  const plain = Buffer.from(text);
  // RFC 7692, 7.2.1: without the empty block at the end.
  const packed = () => deflateRawSync(plain, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  const bytes = isPacked ? packed() : plain;
  const first = isPacked ? 0xc1 : 0x81;
  const head = bytes.length < 126 ? [first, bytes.length] : [first, 126, bytes.length >> 8, bytes.length & 0xff];
  socket.write(Buffer.concat([Buffer.from(head), bytes]));
};
