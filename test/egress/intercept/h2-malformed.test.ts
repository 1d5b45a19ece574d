import { describe, expect, test } from "bun:test";
import { flag, frameType, mostFrameBytes, writeFrame } from "../../../src/egress/intercept/frames.ts";
import { createH2Relay } from "../../../src/egress/intercept/h2.ts";
import type { Field, Passed } from "../../../src/egress/intercept/head.ts";
import { createEncoder } from "../../../src/egress/intercept/hpack.ts";
import {
  credit,
  data,
  nothing,
  number,
  openRelay,
  options,
  preface,
  requestFields,
  reset,
  settings,
} from "./h2-lab.ts";

const problemOf = (passed: Passed): string | undefined => ("problem" in passed ? passed.problem : undefined);
const { headers, continuation, ping, goAway, pushPromise } = frameType;
const block = (fields: Field[]): Uint8Array => createEncoder()(fields);
const replaced = (name: string, value: string | undefined): Field[] =>
  requestFields().flatMap(([own, old]): Field[] =>
    own !== name ? [[own, old]] : value === undefined ? [] : [[own, value]],
  );

describe("a request that is answered by the gateway", () => {
  const requests: [sentence: string, fields: Field[]][] = [
    ["it has not just the four pseudo fields", replaced(":method", undefined)],
    ["it has not just the four pseudo fields", replaced(":scheme", undefined)],
    ["it has not just the four pseudo fields", replaced(":authority", undefined)],
    ["it has not just the four pseudo fields", replaced(":path", undefined)],
    ["it has not just the four pseudo fields", replaced(":path", "")],
    ["it has not just the four pseudo fields", [[":protocol", "websocket"], ...requestFields()]],
    ["it has not just the four pseudo fields", [[":status", "200"], ...requestFields()]],
    ["a pseudo field stands twice", [[":path", "/"], ...requestFields()]],
    ["a pseudo field stands behind others", [["accept", "*/*"], ...requestFields()]],
    ["the method cannot be read", replaced(":method", "GE T")],
    ["the method cannot be read", replaced(":method", "G".repeat(33))],
    ["CONNECT is not forwarded", replaced(":method", "CONNECT")],
    ["TRACE is not forwarded", replaced(":method", "TRACE")],
    ["trace is not forwarded", replaced(":method", "trace")],
    ["its scheme is not https", replaced(":scheme", "http")],
    ["the authority cannot be read", replaced(":authority", "user@a.example")],
    ["the authority cannot be read", replaced(":authority", "a.example/b")],
    ["the path cannot be read", replaced(":path", "a")],
    ["the path cannot be read", replaced(":path", "*")],
    ["the path cannot be read", replaced(":path", "/a b")],
    ["the path cannot be read", replaced(":path", "/a#b")],
    ["the path cannot be read", replaced(":path", "https://b.example/")],
    ["the name of a field cannot be read", requestFields("/", ["Accept", "*/*"])],
    ["the name of a field cannot be read", requestFields("/", ["a b", ""])],
    ["the name of a field cannot be read", requestFields("/", ["", "a"])],
    ["a field has control characters", requestFields("/", ["a", "b\r\nc: d"])],
    ["a field has control characters", requestFields("/", ["a", "b\0"])],
    ["a field has control characters", replaced(":path", "/\n")],
    ["a field has space around its value", requestFields("/", ["a", " b"])],
    ["a field has space around its value", requestFields("/", ["a", "b\t"])],
    ...["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"].map(
      (name): [string, Field[]] => ["a field is about the connection", requestFields("/", [name, "a"])],
    ),
    ["TE is more than trailers", requestFields("/", ["te", "gzip"])],
    ["Host is not the authority", requestFields("/", ["host", "b.example"])],
    ["Host is not the authority", requestFields("/", ["host", "a.example"], ["host", "a.example"])],
    ["its length cannot be read", requestFields("/", ["content-length", "0"], ["content-length", "0"])],
    ["its length cannot be read", requestFields("/", ["content-length", ""])],
    ["its length cannot be read", requestFields("/", ["content-length", "+1"])],
    ["its body is shorter than its length", requestFields("/", ["content-length", "1"])],
  ];
  test.each(requests)("%s: %j", (sentence, fields) => {
    const { up, head, readForClient } = openRelay();
    const { server, client } = up(head(1, fields));
    expect(server).toEqual([]);
    expect(readForClient(client[0])[0]).toEqual([":status", "400"]);
    expect(client[1]?.payload.toString()).toBe(`cordon: ${sentence}\n`);
    // Others go on.
    expect(up(head(3, requestFields())).server.length).toBe(1);
  });

  test.each([
    [requestFields("/", ["host", "A.example"], ["te", "trailers"], ["cookie", "a=b"], ["cookie", "c=d"])],
    [[...replaced(":path", "*").filter(([name]) => name !== ":method"), [":method", "OPTIONS"]] as Field[]],
    [requestFields('/?a=[b]&c="d"|e', ["content-length", "0"], ["x", ""])],
  ])("but not %j", (fields) => {
    const { up, head } = openRelay();
    expect(up(head(1, fields)).server.length).toBe(1);
  });
});

describe("a connection is cut off", () => {
  const opened = block(requestFields());
  const open = writeFrame(headers, flag.endHeaders, 1, opened);
  const bad: [problem: string, frames: Uint8Array[]][] = [
    ["a field block cannot be read", [writeFrame(headers, flag.endHeaders, 1, Buffer.from([0x80]))]],
    ["a field block cannot be read", [writeFrame(headers, flag.endHeaders, 1, Buffer.alloc(201, 0x82))]],
    ["a field block cannot be read", [writeFrame(headers, flag.endHeaders | flag.padded, 1, Buffer.from([9, 0x82]))]],
    ["a field block cannot be read", [writeFrame(headers, flag.endHeaders | flag.priority, 1, Buffer.alloc(4))]],
    ["a field block cannot be read", [writeFrame(headers, flag.endHeaders | flag.padded, 1, nothing)]],
    ["a field block is interrupted", [writeFrame(headers, 0, 1, opened), data(1, "a")]],
    ["a field block is interrupted", [writeFrame(headers, 0, 1, opened), writeFrame(headers, 0, 1, nothing)]],
    ["a field block is interrupted", [writeFrame(headers, 0, 1, opened), writeFrame(continuation, 4, 3, nothing)]],
    ["a field block is interrupted", [writeFrame(headers, 0, 1, opened), writeFrame(0x77, 0, 1, nothing)]],
    ["a field block is interrupted", [writeFrame(continuation, flag.endHeaders, 1, opened)]],
    [
      "a field block is too large",
      [writeFrame(headers, 0, 1, opened), ...Array(40).fill(writeFrame(continuation, 0, 1, nothing))],
    ],
    [
      "a field block is too large",
      [writeFrame(headers, 0, 1, opened), ...Array(5).fill(writeFrame(continuation, 0, 1, Buffer.alloc(16_384)))],
    ],
    ["a frame is too large", [writeFrame(headers, 0, 1, Buffer.alloc(65_537))]],
    ["a frame is too large", [open, writeFrame(0, 0, 1, Buffer.alloc(mostFrameBytes + 1))]],
    ["a frame is shorter than its padding", [open, writeFrame(0, flag.padded, 1, Buffer.from([1]))]],
    ["a frame is shorter than its padding", [open, writeFrame(0, flag.padded, 1, nothing), data(1, "a")]],
    ["a request on a stream that is not the client's", [writeFrame(headers, flag.endHeaders, 2, opened)]],
    ["a request on a stream that is not the client's", [writeFrame(headers, flag.endHeaders, 0, opened)]],
    ["data on a stream that was never opened", [data(1, "a")]],
    ["data on a stream that was never opened", [open, data(0, "a")]],
    ["data on a stream that was never opened", [open, data(2, "a")]],
    ["a push was not asked for", [writeFrame(pushPromise, 4, 1, number(2))]],
    ["a reset cannot be read", [reset(1)]],
    ["a reset cannot be read", [open, writeFrame(frameType.rstStream, 0, 1, Buffer.alloc(5))]],
    ["settings cannot be read", [writeFrame(frameType.settings, 0, 0, Buffer.alloc(5))]],
    ["settings cannot be read", [writeFrame(frameType.settings, 0, 1, nothing)]],
    ["settings cannot be read", [writeFrame(frameType.settings, flag.ack, 0, Buffer.alloc(6))]],
    ["settings cannot be read", [writeFrame(frameType.settings, 0, 0, Buffer.alloc(65 * 6))]],
    ["a ping cannot be read", [writeFrame(ping, 0, 0, Buffer.alloc(7))]],
    ["a ping cannot be read", [writeFrame(ping, 0, 1, Buffer.alloc(8))]],
    ["a goodbye cannot be read", [writeFrame(goAway, 0, 0, Buffer.alloc(7))]],
    ["a credit cannot be read", [writeFrame(frameType.windowUpdate, 0, 0, Buffer.alloc(3))]],
    ["credit for a stream that was never opened", [credit(1, 1)]],
    ["too many frames that say nothing", Array(10_001).fill(writeFrame(ping, 0, 0, Buffer.alloc(8)))],
    ["too many frames that say nothing", Array(10_001).fill(settings())],
    ["too many frames that say nothing", Array(10_001).fill(writeFrame(0x77, 0, 0, nothing))],
    ["too many frames that say nothing", [open, ...Array(10_001).fill(data(1, ""))]],
  ];
  test.each(bad)("%s (%#)", (problem, frames) => {
    const { relay } = openRelay();
    expect(problemOf(relay.up(Buffer.concat(frames)))).toBe(problem);
    expect(problemOf(relay.up(data(1, "a")))).toBe(problem);
    expect(problemOf(relay.down(settings()))).toBe(problem);
  });

  test("for too many requests at a time, but not for many", () => {
    const { relay, up, down, head, answer } = openRelay();
    let id = 1;
    for (; id < 2500; id += 2) {
      up(head(id, requestFields()));
      down(answer(id, [[":status", "200"]], true));
    }
    for (; id < 4500; id += 2) up(head(id, requestFields()));
    expect(problemOf(relay.up(head(id, requestFields())))).toBe("too many requests at a time");
  });

  test("for frames that say nothing, unless others say something", () => {
    const { relay, up, down, head, answer } = openRelay();
    const noise = Buffer.concat(Array(9_000).fill(writeFrame(ping, 0, 0, Buffer.alloc(8))));
    for (const say of [
      () => up(head(1, requestFields(), false)),
      () => down(answer(1, [[":status", "200"]])),
      () => up(data(1, "a")),
      () => down(data(1, "a")),
      () => undefined,
    ]) {
      expect(problemOf(relay.up(noise))).toBeUndefined();
      say();
    }
    expect(problemOf(relay.up(noise))).toBe("too many frames that say nothing");
  });

  /** A block that puts `value` into the table, and one that repeats it: a byte for each time. */
  const compressed = (value: string, times: number) => {
    const usual = [0x82, 0x87, 0x01, 9, ...Buffer.from("a.example"), 0x84];
    const length = [0x7f, ((value.length - 127) % 128) | 0x80, Math.floor((value.length - 127) / 128)];
    const kept = [0x40, 1, 0x78, ...length, ...Buffer.from(value)];
    const request = (stream: number, ...block: number[]) => writeFrame(headers, 5, stream, Uint8Array.from(block));
    return {
      first: request(1, ...usual, ...kept),
      next: (stream: number) => request(stream, ...usual, ...Array<number>(times).fill(0xbe)),
    };
  };

  test("for a field block that is small only as it is sent", () => {
    const { relay } = openRelay();
    const { first, next } = compressed("y".repeat(4000), 17);
    expect(problemOf(relay.up(first))).toBeUndefined();
    expect(problemOf(relay.up(next(3)))).toBe("a field block cannot be read");
  });

  test("for many such blocks at once, each of them not too large", () => {
    const { relay } = openRelay();
    const { first, next } = compressed("y".repeat(4000), 15);
    expect(problemOf(relay.up(first))).toBeUndefined();
    const blocks = Array.from({ length: 900 }, (_, at) => next(2 * at + 3));
    expect(problemOf(relay.up(Buffer.concat(blocks)))).toBe("too much comes of a few bytes");
  });

  test("for answers of the gateway that a server does not let through", () => {
    const { relay, up, down, head, answer } = openRelay({ ...options, createScrubber: () => undefined });
    up(head(1, requestFields()));
    down(answer(1, [[":status", "200"]]));
    relay.down(data(1, "a").subarray(0, 9));
    let problem: string | undefined;
    for (let id = 3; id < 60_000 && problem === undefined; id += 2)
      problem = problemOf(relay.up(head(id, requestFields("/refused"))));
    expect(problem).toBe("too many answers wait for one frame");
  });

  test("for requests that are taken back, unless others are answered", () => {
    const { relay, up, down, head, answer } = openRelay();
    let id = 1;
    const take = () => up(head(id, requestFields()), reset(id));
    for (let count = 0; count < 1000; count += 1, id += 2) take();
    for (let count = 0; count < 10; count += 1, id += 2) {
      up(head(id, requestFields()));
      down(answer(id, [[":status", "200"]], true));
    }
    for (let count = 0; count < 10; count += 1, id += 2) take();
    expect(problemOf(relay.up(Buffer.concat([head(id, requestFields()), reset(id)])))).toBe(
      "too many requests are taken back",
    );
  });

  test.each([
    ["it does not begin like HTTP/2", [Buffer.from("GET / HTTP/1.1\r\n\r\n")]],
    ["it does not begin like HTTP/2", [preface.subarray(0, 23), Buffer.from("\r")]],
    ["its first frame is not its settings", [preface, writeFrame(ping, 0, 0, Buffer.alloc(8))]],
    ["its first frame is not its settings", [preface, data(1, "a")]],
    ["settings cannot be read", [preface, writeFrame(frameType.settings, flag.ack, 0, nothing)]],
  ])("%s (%#)", (problem, chunks) => {
    const relay = createH2Relay(options);
    const results = chunks.map((chunk) => problemOf(relay.up(chunk)));
    expect(results.at(-1)).toBe(problem);
    expect(results.slice(0, -1).every((result) => result === undefined)).toBeTrue();
  });

  test.each([
    ["an answer to no request", (answer: Uint8Array) => answer],
    ["data on a stream that was never opened", () => data(1, "a")],
    ["a push was not asked for", () => writeFrame(pushPromise, 4, 1, number(2))],
    ["a frame is too large", () => writeFrame(0, 0, 1, Buffer.alloc(mostFrameBytes + 1))],
    ["a field block cannot be read", () => writeFrame(headers, flag.endHeaders, 1, Buffer.from([0x80]))],
  ])("of the server: %s", (problem, frame) => {
    const { relay, answer } = openRelay();
    expect(problemOf(relay.down(frame(answer(1, [[":status", "200"]]))))).toBe(problem);
  });

  test("never by throwing, whatever the frames are", () => {
    let state = 5;
    const next = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    let problems = 0;
    for (let round = 0; round < 3_000; round += 1) {
      const { relay } = openRelay();
      const say = () => {
        const payload = next(2) ? opened : Uint8Array.from({ length: next(20) }, () => next(256));
        return writeFrame(next(12), next(64), next(6), payload);
      };
      for (let count = 0; count < 20; count += 1) {
        const passed = (next(2) ? relay.up : relay.down)(say());
        if (problemOf(passed) !== undefined) problems += 1;
      }
    }
    expect(problems).toBeGreaterThan(1_000);
  });
});
