import { afterAll, expect } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import path from "node:path";
import { createInterface } from "node:readline";
import { flag, frameType, writeBlock, writeFrame } from "../../../src/egress/intercept/frames.ts";
import type { RelayOptions } from "../../../src/egress/intercept/h1.ts";
import { createH2Relay } from "../../../src/egress/intercept/h2.ts";
import type { Field, Passed } from "../../../src/egress/intercept/head.ts";
import { createDecoder, createEncoder } from "../../../src/egress/intercept/hpack.ts";
import { createNeedles, createScrubber } from "../../../src/egress/intercept/scrub.ts";

export const secret = "sk-real-0123456789";
export const placeholder = "sk-placeholder";
export const nothing = new Uint8Array(0);
export const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** Swaps the placeholder, refuses `/refused`, drops Alt-Svc and scrubs the secret. */
export const options: RelayOptions = {
  judge: ({ target, fields }) =>
    target.startsWith("/refused")
      ? { ok: false, status: 403, sentence: "not here" }
      : { ok: true, fields: fields.map(([name, value]): Field => [name, value.replace(placeholder, secret)]) },
  clean: (_, fields) =>
    fields.filter(([name]) => name !== "alt-svc").map(([name, value]): Field => [name, value.replace(secret, "***")]),
  createScrubber: () => createScrubber(createNeedles([secret])),
};
export const withoutScrubber: RelayOptions = { ...options, createScrubber: () => undefined };

export type Seen = { type: number; flags: number; stream: number; payload: Buffer };

/** The frames of a stretch that begins and ends with whole ones. */
export const split = (bytes: Uint8Array): Seen[] => {
  const all = Buffer.from(bytes);
  const frames: Seen[] = [];
  for (let at = 0; at < all.length; ) {
    const end = at + 9 + all.readUIntBE(at, 3);
    expect(end).toBeLessThanOrEqual(all.length);
    const [type, flags] = [all[at + 3]!, all[at + 4]!];
    frames.push({ type, flags, stream: all.readUInt32BE(at + 5), payload: all.subarray(at + 9, end) });
    at = end;
  }
  return frames;
};

export const number = (value: number): Buffer => Buffer.from([value >>> 24, value >>> 16, value >>> 8, value]);
export const settings = (...pairs: [id: number, value: number][]): Buffer =>
  writeFrame(
    frameType.settings,
    0,
    0,
    Buffer.concat(pairs.map(([id, value]) => Buffer.concat([Buffer.from([id >> 8, id]), number(value)]))),
  );
export const data = (stream: number, text: string | Uint8Array, isEnd = false): Buffer =>
  writeFrame(frameType.data, isEnd ? flag.endStream : 0, stream, Buffer.from(text as string));
export const paddedData = (stream: number, text: string, padding: number, isEnd = false): Buffer =>
  writeFrame(
    frameType.data,
    flag.padded | (isEnd ? flag.endStream : 0),
    stream,
    Buffer.concat([Buffer.from([padding]), Buffer.from(text), Buffer.alloc(padding)]),
  );
export const credit = (stream: number, bytes: number): Buffer =>
  writeFrame(frameType.windowUpdate, 0, stream, number(bytes));
export const reset = (stream: number, code = 8): Buffer => writeFrame(frameType.rstStream, 0, stream, number(code));

/** What a request consists of, unless a test says otherwise. */
export const requestFields = (path = "/", ...more: Field[]): Field[] => [
  [":method", "GET"],
  [":scheme", "https"],
  [":authority", "a.example"],
  [":path", path],
  ...more,
];

/** A relay whose two sides have said their settings, and both of them, to say and see single frames. */
export const openRelay = (chosen: RelayOptions = options) => {
  const relay = createH2Relay(chosen);
  const encoders = { up: createEncoder(), down: createEncoder() };
  const toServer = createDecoder();
  const toClient = createDecoder();
  const passed = (result: Passed) => {
    if ("problem" in result) throw new Error(result.problem);
    return result;
  };
  const up = (...frames: Uint8Array[]) => {
    const { forward, back } = passed(relay.up(Buffer.concat(frames)));
    return { server: split(forward), client: split(back) };
  };
  const down = (...frames: Uint8Array[]) => {
    const { forward, back } = passed(relay.down(Buffer.concat(frames)));
    return { server: split(back), client: split(forward) };
  };
  passed(relay.up(Buffer.concat([preface, settings()])));
  down(settings());
  return {
    ...{ relay, up, down },
    head: (stream: number, fields: Field[], isEnd = true) => writeBlock(stream, encoders.up(fields), isEnd),
    answer: (stream: number, fields: Field[], isEnd = false) => writeBlock(stream, encoders.down(fields), isEnd),
    readForServer: (seen: Seen | undefined) => toServer(seen!.payload)!.fields,
    readForClient: (seen: Seen | undefined) => toClient(seen!.payload)!.fields,
  };
};

export const cleanups: (() => void)[] = [];
afterAll(() => {
  for (const clean of cleanups.splice(0)) clean();
});

/** A relay on loopback in front of a port, and why it has cut off connections. */
export const startRelay = async (serverPort: number, chosen: RelayOptions = options) => {
  const problems: string[] = [];
  const listener = net.createServer((client) => {
    const server = net.connect(serverPort, "127.0.0.1");
    const relay = createH2Relay(chosen);
    const join = (from: net.Socket, to: net.Socket, take: (chunk: Uint8Array) => Passed) => {
      from.on("data", (chunk: Buffer) => {
        const result = take(chunk);
        if ("problem" in result) {
          problems.push(result.problem);
          client.destroy();
          server.destroy();
          return;
        }
        if (result.back.length > 0) from.write(result.back);
        if (result.forward.length > 0 && !to.write(result.forward)) {
          from.pause();
          to.once("drain", () => from.resume());
        }
      });
      from.on("end", () => to.end());
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
      cleanups.push(() => from.destroy());
    };
    join(client, server, relay.up);
    join(server, client, relay.down);
  });
  await once(listener.listen(0, "127.0.0.1"), "listening");
  cleanups.push(() => listener.close());
  return { port: (listener.address() as net.AddressInfo).port, problems };
};

/** Client and server of Node: gives the server's port, and what the client finds when it is told the relay's. */
export const startPeers = async () => {
  const script = path.join(import.meta.dirname, "h2-peers.mjs");
  const peers = spawn("node", [script], { stdio: ["pipe", "pipe", "inherit"] });
  cleanups.push(() => peers.kill());
  const lines = createInterface({ input: peers.stdout })[Symbol.asyncIterator]();
  const read = async (): Promise<string> => String((await lines.next()).value);
  const tell = (port: number): Promise<string> => {
    peers.stdin.write(`${port}\n`);
    return read();
  };
  return { port: Number(await read()), tell };
};
