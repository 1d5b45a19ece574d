import { describe, expect, test } from "bun:test";
import { type Joint, relay } from "../../src/egress/relay.ts";
import { bytesAt, closeOf, connectTo, mega, readStream, startGateway, startPeer, until } from "./relay-lab.ts";

describe("filters", () => {
  test("see and change one direction; what is injected follows what went before", async () => {
    const said: string[] = [];
    const gateway = startGateway(
      await startPeer((socket) => {
        socket.on("data", (chunk) => said.push(String(chunk)));
        socket.write("secret");
      }),
      (a, b, options) => {
        const upper = (chunk: Uint8Array) => Buffer.from(String(chunk).toUpperCase());
        const joint = relay(a, b, {
          ...options,
          first: Buffer.from("first;"),
          up: upper,
          down: () => Buffer.from("***"),
        });
        joint.inject(Buffer.from("injected;"));
      },
    );
    const client = await connectTo(gateway.port);
    let heard = "";
    client.on("data", (chunk) => {
      heard += chunk;
    });
    await until(() => said.join("") === "first;injected;");
    client.write("word;");
    await until(() => said.join("") === "first;injected;WORD;" && heard === "***");
  });

  test("one that gives nothing cuts both sides off", async () => {
    const { promise: isReset, resolve } = Promise.withResolvers<string | undefined>();
    const gateway = startGateway(
      await startPeer((socket) => void socket.on("error", ({ code }: NodeJS.ErrnoException) => resolve(code)).resume()),
      (a, b, options) => relay(a, b, { ...options, up: () => undefined }),
    );
    const client = await connectTo(gateway.port);
    client.resume();
    client.write("x");
    await closeOf(client);
    expect(await isReset).toBe("ECONNRESET");
    await until(() => gateway.traffic.length === 1);
    expect(gateway.traffic[0]).toMatchObject({ up: 0, down: 0 });
  });

  test("who goes on asking for answers that it does not read is cut off", async () => {
    const gateway = startGateway(await startPeer(() => {}), (a, b, options) => {
      const up = (_: Uint8Array, joint: Joint) => {
        joint.answer(Buffer.alloc(mega));
        return new Uint8Array();
      };
      relay(a, b, { ...options, up, mostWaitingBytes: 4 * mega });
    });
    const client = await connectTo(gateway.port);
    client.pause();
    const isClosed = closeOf(client);
    const timer = setInterval(() => client.write("more"), 1);
    await isClosed;
    clearInterval(timer);
  }, 20_000);

  test("what is held back and injected all at once waits for a slow reader without loss", async () => {
    const size = 20 * mega;
    const { promise: read, resolve } = Promise.withResolvers<number>();
    const parts = [0, 1, 2, 3].map((part) => {
      const bytes = Buffer.alloc(size / 4);
      for (let at = 0; at < bytes.length; at += 65_521) bytesAt(part * bytes.length + at, 65_521).copy(bytes, at);
      return bytes;
    });
    const gateway = startGateway(
      await startPeer((socket) => void readStream(socket, 1).then(resolve)),
      (a, b, options) => {
        const joint = relay(a, b, { ...options, first: parts[0]! });
        for (const part of parts.slice(1)) joint.inject(part);
      },
    );
    const client = await connectTo(gateway.port);
    client.end();
    expect(await read).toBe(size);
  }, 20_000);
});
