import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import type net from "node:net";
import { relay } from "../../src/egress/relay.ts";
import { attach, detach } from "../../src/egress/wire.ts";
import { closeOf, connectTo, mega, readStream, sendStream, startGateway, startPeer, until } from "./relay-lab.ts";

describe("bytes", () => {
  test("200 MB go both ways at once, unchanged and counted", async () => {
    const size = 200 * mega;
    const reads: Promise<number>[] = [];
    const gateway = startGateway(
      await startPeer((socket) => {
        reads.push(readStream(socket));
        sendStream(socket, size);
      }),
    );
    const client = await connectTo(gateway.port);
    reads.push(readStream(client));
    await sendStream(client, size);
    await until(() => reads.length === 2);
    expect(await Promise.all(reads)).toEqual([size, size]);
    await until(() => gateway.traffic.length === 1);
    expect(gateway.traffic[0]).toMatchObject({ up: size, down: size });
    expect(gateway.traffic[0]!.ms).toBeGreaterThan(0);
  }, 60_000);

  test("what comes before the join is kept: an early banner, and bytes that were read already", async () => {
    const said: string[] = [];
    const gateway = startGateway(
      await startPeer((socket) => {
        socket.write("banner;");
        socket.on("data", (chunk) => said.push(String(chunk)));
      }),
      async (a, b, options) => {
        // Long enough for the client's bytes to be there.
        const hello = await new Promise<Uint8Array>((resolve) => {
          attach(a, {
            data(chunk) {
              detach(a, chunk.subarray(3));
              resolve(chunk.subarray(0, 3));
            },
          });
        });
        await Bun.sleep(30);
        relay(a, b, { ...options, first: hello });
      },
    );
    const client = await connectTo(gateway.port);
    client.write("one;");
    await Bun.sleep(10);
    client.end("two;");
    let heard = "";
    client.on("data", (chunk) => {
      heard += chunk;
    });
    await until(() => said.join("") === "one;two;" && heard === "banner;");
  });

  test("500 connections at once keep their own bytes", async () => {
    const gateway = startGateway(await startPeer((socket) => void socket.pipe(socket)));
    const size = 65_536;
    const work = async (index: number): Promise<boolean> => {
      const client = await connectTo(gateway.port);
      const sent = Buffer.alloc(size, `${index};`);
      client.end(sent);
      const got: Buffer[] = [];
      client.on("data", (chunk: Buffer) => got.push(chunk));
      await once(client, "end");
      return Buffer.concat(got).equals(sent);
    };
    const results = await Promise.all(Array.from({ length: 500 }, (_, index) => work(index)));
    expect(results.filter((isRight) => !isRight)).toEqual([]);
    await until(() => gateway.traffic.length === 500);
    expect(gateway.traffic.every(({ up, down }) => up === size && down === size)).toBe(true);
  }, 60_000);
});

describe("back-pressure", () => {
  test.each([
    ["", undefined],
    [", also behind bytes that were read before", Buffer.alloc(20 * mega)],
  ])(
    "a peer that never reads stops the sender; nothing piles up here%s",
    async (_, first) => {
      const gateway = startGateway(await startPeer((socket) => void socket.pause()), (a, b, options) =>
        relay(a, b, { ...options, ...(first && { first }) }),
      );
      const client = await connectTo(gateway.port);
      const before = process.memoryUsage.rss();
      let accepted = 0;
      let last = -1;
      const chunk = Buffer.alloc(mega);
      const pump = (): void => {
        while (accepted < 400 * mega && client.write(chunk)) accepted += chunk.length;
      };
      client.on("drain", () => {
        accepted += chunk.length;
        pump();
      });
      pump();
      while (accepted !== last) {
        last = accepted;
        await Bun.sleep(300);
      }
      expect(accepted).toBeLessThan(100 * mega);
      expect(process.memoryUsage.rss() - before).toBeLessThan(100 * mega);
    },
    30_000,
  );

  test("a slow reader gets everything, also when the sender has ended long before", async () => {
    const size = 40 * mega;
    const gateway = startGateway(await startPeer((socket) => void sendStream(socket, size)));
    const client = await connectTo(gateway.port);
    client.end();
    expect(await readStream(client, 3)).toBe(size);
  }, 30_000);
});

describe("the end of one direction", () => {
  const conversation = async (socket: net.Socket): Promise<string> => {
    let heard = "";
    socket.on("data", (chunk) => {
      heard += chunk;
    });
    await once(socket, "end");
    return heard;
  };

  test("the client ends first, and the answer still comes", async () => {
    const gateway = startGateway(
      await startPeer(async (socket) => {
        const asked = await conversation(socket);
        socket.end(`answer to ${asked}`);
      }),
    );
    const client = await connectTo(gateway.port);
    client.end("question");
    expect(await conversation(client)).toBe("answer to question");
    await until(() => gateway.traffic.length === 1);
  });

  test("the server ends first, and the client's bytes still arrive", async () => {
    const { promise: asked, resolve } = Promise.withResolvers<string>();
    const gateway = startGateway(
      await startPeer((socket) => {
        conversation(socket).then(resolve);
        socket.end("goodbye");
      }),
    );
    const client = await connectTo(gateway.port);
    expect(await conversation(client)).toBe("goodbye");
    client.write("late ");
    await Bun.sleep(20);
    client.end("words");
    expect(await asked).toBe("late words");
    await until(() => gateway.traffic.length === 1);
  });

  test("the server ends first and reads slowly: a long upload is not cut short", async () => {
    const size = 40 * mega;
    const { promise: read, resolve } = Promise.withResolvers<number>();
    const gateway = startGateway(
      await startPeer((socket) => {
        readStream(socket, 3).then(resolve);
        socket.end();
      }),
    );
    const client = await connectTo(gateway.port);
    client.resume();
    await once(client, "end");
    await sendStream(client, size);
    expect(await read).toBe(size);
  }, 30_000);
});

describe("a cut connection", () => {
  test("a reset of the client in the middle resets the server's side, and the other way round", async () => {
    for (const side of ["client", "server"] as const) {
      const { promise: accepted, resolve } = Promise.withResolvers<net.Socket>();
      const gateway = startGateway(await startPeer(resolve));
      const client = await connectTo(gateway.port);
      const server = await accepted;
      const [cutter, other] = side === "client" ? [client, server] : [server, client];
      const errors: string[] = [];
      other.on("error", ({ code }: NodeJS.ErrnoException) => errors.push(code ?? ""));
      let isEnded = false;
      other.on("end", () => {
        isEnded = true;
      });
      other.resume();
      cutter.write(Buffer.alloc(mega));
      await once(other, "data");
      const closed = closeOf(other);
      cutter.resetAndDestroy();
      await closed;
      expect({ side, errors, isEnded }).toEqual({ side, errors: ["ECONNRESET"], isEnded: false });
      await until(() => gateway.traffic.length === 1);
    }
  });

  test("a client that is gone for good is noticed while its server goes on sending", async () => {
    const { promise: closed, resolve } = Promise.withResolvers<boolean>();
    const gateway = startGateway(
      await startPeer((socket) => {
        sendStream(socket, 400 * mega).catch(() => {});
        socket.on("close", resolve);
      }),
    );
    const client = await connectTo(gateway.port);
    await once(client, "data");
    client.destroy();
    await closed;
    await until(() => gateway.traffic.length === 1);
    expect(gateway.traffic[0]!.down).toBeLessThan(400 * mega);
  });

  test("a peer that went before the join ends the other side", async () => {
    const gateway = startGateway(await startPeer((socket) => void socket.resetAndDestroy()), async (a, b, options) => {
      await Bun.sleep(30);
      relay(a, b, options);
    });
    const client = await connectTo(gateway.port);
    client.resume();
    await closeOf(client);
    await until(() => gateway.traffic.length === 1);
  });
});
