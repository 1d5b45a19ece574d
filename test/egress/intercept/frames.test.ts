import { describe, expect, test } from "bun:test";
import {
  createFrameReader,
  type Frame,
  frameType,
  type Piece,
  writeBlock,
  writeDataHead,
  writeFrame,
} from "../../../src/egress/intercept/frames.ts";
import { createOutlet } from "../../../src/egress/intercept/outlet.ts";
import { data, nothing, paddedData, reset, split } from "./h2-lab.ts";

/** All that is read from the chunks, pieces of one frame put together. */
const readAll = (chunks: Uint8Array[]) => {
  const read = createFrameReader();
  const found: string[] = [];
  let raw = Buffer.alloc(0);
  let text = "";
  const handle = (event: Frame | Piece): undefined => {
    if (event.kind === "frame") {
      found.push(`${event.type} ${event.flags} ${event.stream} ${Buffer.from(event.payload).toString("hex")}`);
      return;
    }
    if (event.isFirst) expect(raw.length).toBe(0);
    raw = Buffer.concat([raw, event.raw]);
    text += Buffer.from(event.data).toString();
    if (!event.isLast) return;
    const { stream, isEnd, frameBytes, dataBytes } = event.head;
    expect(text.length).toBe(dataBytes);
    found.push(`data ${stream} ${isEnd} ${frameBytes} ${text} ${raw.toString("hex")}`);
    raw = Buffer.alloc(0);
    text = "";
  };
  for (const chunk of chunks) expect(read(chunk, handle)).toBeUndefined();
  return found;
};

const frames = [
  data(1, "hello"),
  paddedData(3, "padded", 7, true),
  reset(5),
  data(1, "", true),
  paddedData(3, "", 0),
  writeFrame(0x77, 1, 1, Buffer.from("unknown")),
  writeFrame(frameType.settings, 0, 0, nothing),
  data(7, "x".repeat(300)),
];

describe("the reader", () => {
  test("reads frames", () => {
    expect(readAll([Buffer.concat(frames)])).toEqual([
      `data 1 false 5 hello ${frames[0]!.toString("hex")}`,
      `data 3 true 14 padded ${frames[1]!.toString("hex")}`,
      "3 0 5 00000008",
      `data 1 true 0  ${frames[3]!.toString("hex")}`,
      `data 3 false 1  ${frames[4]!.toString("hex")}`,
      "119 1 1 ",
      "4 0 0 ",
      `data 7 false 300 ${"x".repeat(300)} ${frames[7]!.toString("hex")}`,
    ]);
  });

  test.each([1, 2, 3, 5, 8, 9, 10, 11, 64])("and the same ones in chunks of %d bytes", (size) => {
    const all = Buffer.concat(frames);
    const chunks = Array.from({ length: Math.ceil(all.length / size) }, (_, at) =>
      all.subarray(at * size, (at + 1) * size),
    );
    expect(readAll(chunks)).toEqual(readAll([all]));
  });

  test("does not take the reserved bit for a part of the stream's number", () => {
    const frame = reset(5);
    frame[5] = 0x80;
    expect(readAll([frame])).toEqual(["3 0 5 00000008"]);
  });

  test("stops at the handler's problem", () => {
    let calls = 0;
    const read = createFrameReader();
    const problem = read(Buffer.concat([reset(1), reset(3)]), () => {
      calls += 1;
      return "enough";
    });
    expect([problem, calls]).toEqual(["enough", 1]);
  });
});

describe("what is written", () => {
  test("a block larger than a frame goes on in CONTINUATION", () => {
    const seen = split(writeBlock(5, Buffer.alloc(40_000, 1), true));
    expect(seen.map(({ type, flags, stream, payload }) => [type, flags, stream, payload.length])).toEqual([
      [1, 1, 5, 16_384],
      [9, 0, 5, 16_384],
      [9, 4, 5, 7_232],
    ]);
    expect(split(writeBlock(5, nothing, false)).map(({ type, flags }) => [type, flags])).toEqual([[1, 4]]);
    expect(split(writeBlock(5, Buffer.alloc(16_384), true)).map(({ type, flags }) => [type, flags])).toEqual([[1, 5]]);
  });

  test("the head of DATA", () => {
    expect(writeDataHead(0x01020304, 0x0506, true).toString("hex")).toBe("000506000101020304");
  });
});

describe("the outlet", () => {
  const [a, b, c] = ["a", "b", "c"].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer];
  const taken = (outlet: ReturnType<typeof createOutlet>) => Buffer.from(outlet.take()).toString();

  test("inserts nothing before the first frame nor into one", () => {
    const outlet = createOutlet();
    outlet.insert(a);
    expect([taken(outlet), outlet.waiting()]).toEqual(["", 1]);
    outlet.pass(b, false);
    expect(taken(outlet)).toBe("b");
    outlet.pass(c, true);
    expect([taken(outlet), outlet.waiting()]).toEqual(["ca", 0]);
    outlet.insert(b);
    outlet.pass(c, true);
    expect(taken(outlet)).toBe("bc");
    expect(taken(outlet)).toBe("");
  });

  test("gives neighbours of one chunk as one stretch of it", () => {
    const chunk = Buffer.from("0123456789");
    const outlet = createOutlet();
    outlet.pass(chunk.subarray(2, 5), false);
    outlet.pass(chunk.subarray(5, 9), true);
    const given = outlet.take();
    expect(Buffer.from(given).toString()).toBe("2345678");
    expect([given.buffer, given.byteOffset]).toEqual([chunk.buffer, chunk.byteOffset + 2]);
  });
});
