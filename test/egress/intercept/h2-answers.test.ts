import { describe, expect, test } from "bun:test";
import { frameType, writeFrame } from "../../../src/egress/intercept/frames.ts";
import type { Field } from "../../../src/egress/intercept/head.ts";
import {
  credit,
  data,
  nothing,
  openRelay,
  options,
  paddedData,
  requestFields,
  reset,
  type Seen,
  secret,
  split,
  withoutScrubber,
} from "./h2-lab.ts";

const ok: Field[] = [[":status", "200"]];
const stars = "*".repeat(secret.length);
const textOf = (frames: Seen[]): string =>
  frames.map(({ type, payload }) => (type === frameType.data ? payload.toString("latin1") : "")).join("");
const shape = (frames: Seen[]) => frames.map(({ type, flags, stream }) => `${type} ${flags} ${stream}`);

describe("an answer", () => {
  test("is cleaned, and so are the heads before it and the trailers behind it", () => {
    const statuses: number[] = [];
    const { up, down, head, answer, readForClient } = openRelay({
      ...options,
      clean: (status, fields) => {
        statuses.push(status);
        return options.clean(status, fields);
      },
    });
    up(head(1, requestFields()));
    const { client } = down(
      answer(1, [
        [":status", "103"],
        ["link", secret],
      ]),
      answer(1, [
        [":status", "401"],
        ["alt-svc", "h3"],
        ["echo", `a ${secret}`],
        ["x", ""],
      ]),
      data(1, "body"),
      answer(1, [["grpc-message", secret]], true),
    );
    expect(client.filter(({ type }) => type === 1).map(readForClient)).toEqual([
      [
        [":status", "103"],
        ["link", "***"],
      ],
      [
        [":status", "401"],
        ["echo", "a ***"],
        ["x", ""],
      ],
      [["grpc-message", "***"]],
    ]);
    expect(shape(client)).toEqual(["1 4 1", "1 4 1", "0 0 1", "1 5 1"]);
    expect(statuses).toEqual([103, 401, 0]);
  });

  const broken: [name: string, frames: (answer: ReturnType<typeof openRelay>["answer"]) => Uint8Array[]][] = [
    ["data before its head", () => [data(1, "a")]],
    ["no status", (answer) => [answer(1, [["a", "b"]])]],
    ["no status but the end", (answer) => [answer(1, [["a", "b"]], true)]],
    ["two statuses", (answer) => [answer(1, [...ok, ...ok])]],
    ["a status that is none", (answer) => [answer(1, [[":status", "20"]])]],
    ["another protocol", (answer) => [answer(1, [[":status", "101"]])]],
    ["another pseudo field", (answer) => [answer(1, [...ok, [":path", "/"]])]],
    ["a field with a line end", (answer) => [answer(1, [...ok, ["a", "b\r\nc: d"]])]],
    ["a name in capitals", (answer) => [answer(1, [...ok, ["A", "b"]])]],
    ["a field about the connection", (answer) => [answer(1, [...ok, ["connection", "close"]])]],
    ["an end before its head", (answer) => [answer(1, [[":status", "100"]], true)]],
    ["two heads", (answer) => [answer(1, ok), answer(1, ok)]],
    ["trailers that are not the end", (answer) => [answer(1, ok), answer(1, [["a", "b"]])]],
    ["trailers with a status", (answer) => [answer(1, ok), answer(1, ok, true)]],
  ];
  test.each(broken)("with %s ends its stream and no other", (_, frames) => {
    const { up, down, head, answer } = openRelay();
    up(head(1, requestFields()), head(3, requestFields()));
    const { client, server } = down(...frames(answer));
    expect(shape(client).at(-1)).toBe("3 0 1");
    expect(shape(server)).toContain("3 0 1");
    expect(textOf(client)).toBe("");
    expect(textOf(down(answer(3, ok), data(3, "fine", true)).client)).toBe("fine");
  });

  test("that has ended is not continued", () => {
    const { up, down, head, answer } = openRelay();
    up(head(1, requestFields(), false));
    expect(shape(down(answer(1, ok, true), data(1, "more")).client)).toEqual(["1 5 1", "3 0 1"]);
  });

  test.each([options, withoutScrubber])("that has not ended is missed when the server says no more (%#)", (chosen) => {
    const { relay, up, down, head, answer } = openRelay(chosen);
    expect(relay.finish()).toEqual(nothing);
    up(head(1, requestFields()));
    down(answer(1, ok));
    expect(relay.finish()).toBeUndefined();
    down(data(1, "", true));
    expect(relay.finish()).toEqual(nothing);
  });
});

describe("the secret", () => {
  test("is found wherever frames and chunks are cut, and nothing else changes", () => {
    for (const size of [1, 7, 1000]) {
      for (let cut = 0; cut <= secret.length; cut += 1) {
        const { relay, up, head, answer } = openRelay();
        up(head(1, requestFields()));
        const [start, end] = [secret.slice(0, cut), secret.slice(cut)];
        const sent = Buffer.concat([
          ...[answer(1, ok), data(1, `one ${start}`), paddedData(1, `${end} two ${start}`, 3), data(1, "", true)],
        ]);
        const parts: Uint8Array[] = [];
        for (let at = 0; at < sent.length; at += size) {
          const passed = relay.down(sent.subarray(at, at + size));
          if ("problem" in passed) throw new Error(passed.problem);
          parts.push(passed.forward);
        }
        expect(textOf(split(Buffer.concat(parts)))).toBe(`one ${stars} two ${end === "" ? stars : start}`);
      }
    }
  });

  test("of one stream is not looked for across others", () => {
    const { up, down, head, answer } = openRelay();
    up(head(1, requestFields()), head(3, requestFields()));
    down(answer(1, ok), answer(3, ok));
    expect(textOf(down(data(1, secret.slice(0, 6)), data(3, "other", true)).client)).toBe("other");
    expect(textOf(down(data(1, secret.slice(6), true)).client)).toBe(stars);
  });

  test("what may be its beginning comes before the trailers", () => {
    const { up, down, head, answer } = openRelay();
    up(head(1, requestFields()));
    const { client } = down(answer(1, ok), data(1, "a sk-re"), answer(1, [["a", "b"]], true));
    expect(client.map(({ type, payload }) => (type === 0 ? payload.toString() : type))).toEqual([1, "a ", "sk-re", 1]);
  });

  test("frames are no larger than every client takes", () => {
    const { up, down, head, answer } = openRelay();
    up(head(1, requestFields()));
    const { client } = down(answer(1, ok), data(1, Buffer.alloc(40_000, 120), true));
    expect(client.slice(1).map(({ flags, payload }) => [flags, payload.length])).toEqual([
      [0, 16_384],
      [0, 16_384],
      [1, 7_232],
    ]);
  });
});

describe("what passes", () => {
  test("DATA is not copied where nothing is looked for in it", () => {
    const { relay, up, head, down, answer } = openRelay(withoutScrubber);
    up(head(1, requestFields(), false));
    down(answer(1, ok));
    const chunk = Buffer.concat([data(1, "a".repeat(9000)), paddedData(1, "b", 5), data(1, "c".repeat(9000))]);
    for (const take of [relay.up, relay.down]) {
      for (const part of [chunk.subarray(0, 100), chunk.subarray(100)]) {
        const passed = take(part);
        if ("problem" in passed) throw new Error(passed.problem);
        const { buffer, byteOffset, length } = passed.forward;
        expect(passed.back.length).toBe(0);
        expect([byteOffset, length]).toEqual([part.byteOffset, part.length]);
        expect(buffer).toBe(part.buffer);
      }
    }
  });

  test("an answer of the gateway waits for the end of the server's frame", () => {
    const { relay, up, head, down, answer } = openRelay(withoutScrubber);
    up(head(1, requestFields()));
    down(answer(1, ok));
    const frame = data(1, "abcdef");
    relay.down(frame.subarray(0, 12));
    expect(up(head(3, requestFields("/refused"))).client).toEqual([]);
    const passed = relay.down(Buffer.concat([frame.subarray(12), data(1, "", true)]));
    if ("problem" in passed) throw new Error(passed.problem);
    const seen = Buffer.from(passed.forward).subarray(3);
    expect(Buffer.from(passed.forward).toString("latin1", 0, 3)).toBe("def");
    expect([seen[3], seen.readUInt32BE(5)]).toEqual([1, 3]);
  });

  test("neither other hosts, nor priorities, nor what is not known", () => {
    const { up, down, head } = openRelay();
    up(head(1, requestFields()));
    for (const type of [2, 0xa, 0xc, 0x10, 0x77]) {
      const frame = writeFrame(type, 0xff, 1, Buffer.alloc(50));
      expect(down(frame)).toEqual({ client: [], server: [] });
      expect(up(frame)).toEqual({ client: [], server: [] });
    }
  });

  test("pings, resets and goodbyes, without what a server wants to be logged", () => {
    const { up, down, head } = openRelay();
    up(head(1, requestFields()));
    const ping = writeFrame(frameType.ping, 1, 0, Buffer.from("12345678"));
    const goAway = writeFrame(frameType.goAway, 0, 0, Buffer.from(`\0\0\0\x01\0\0\0\0${secret}`, "latin1"));
    const { client } = down(ping, goAway, reset(1, 7), credit(1, 1));
    expect(client.map(({ type, payload }) => [type, payload.toString("latin1")])).toEqual([
      [6, "12345678"],
      [7, "\0\0\0\x01\0\0\0\0"],
      [3, "\0\0\0\x07"],
    ]);
    expect(up(ping).server.length).toBe(1);
  });
});
