import { describe, expect, test } from "bun:test";
import { answerQuery, frameMessage, type Resolution, splitFrames } from "../../src/egress/dns.ts";
import { createNoise } from "./noise.ts";

const own: Resolution = { kind: "address", bytes: [127, 66, 0, 9] };
const denied: Resolution = { kind: "denied" };

const u16 = (value: number) => [value >> 8, value & 255];
const nameBytes = (name: string) => [
  ...(name === "" ? [] : name.split(".")).flatMap((label) => [label.length, ...Buffer.from(label, "latin1")]),
  0,
];
type Asked = {
  id?: number;
  flags?: number;
  counts?: number[];
  name?: number[];
  type?: number;
  class?: number;
  more?: number[];
};
const ask = (name: string, asked: Asked = {}): Uint8Array =>
  Uint8Array.from([
    ...u16(asked.id ?? 0x1234),
    ...u16(asked.flags ?? 0x0100),
    ...(asked.counts ?? [1, 0, 0, 0]).flatMap(u16),
    ...(asked.name ?? nameBytes(name)),
    ...u16(asked.type ?? 1),
    ...u16(asked.class ?? 1),
    ...(asked.more ?? []),
  ]);
const opt = (version = 0, data: number[] = []) => [0, 0, 41, 4, 208, 0, version, 0x80, 0, ...u16(data.length), ...data];

/** Reads an answer with Node's own idea of a big-endian number and none of the code under test; throws if it is wrong. */
const readAnswer = (answer: Uint8Array) => {
  const bytes = Buffer.from(answer);
  const [id, flags] = [bytes.readUInt16BE(0), bytes.readUInt16BE(2)];
  const counts = [4, 6, 8, 10].map((at) => bytes.readUInt16BE(at));
  let at = 12;
  const name = (): string => {
    let text = "";
    for (;;) {
      const length = bytes.readUInt8(at++);
      if (length === 0) return text;
      if (length === 0xc0) {
        if (bytes.readUInt8(at++) !== 12) throw new Error("a pointer elsewhere");
        return "^";
      }
      if (length > 63) throw new Error("no label");
      text += `${bytes.subarray(at, at + length).toString("latin1")}.`;
      at += length;
      if (at > bytes.length) throw new Error("cut off");
    }
  };
  const questions = Array.from({ length: counts[0]! }, () => {
    const question = { name: name(), type: bytes.readUInt16BE(at), class: bytes.readUInt16BE(at + 2) };
    at += 4;
    return question;
  });
  const records = Array.from({ length: counts[1]! + counts[2]! + counts[3]! }, () => {
    const record = { name: name(), type: bytes.readUInt16BE(at), class: bytes.readUInt16BE(at + 2) };
    const [ttl, length] = [bytes.readUInt32BE(at + 4), bytes.readUInt16BE(at + 8)];
    at += 10 + length;
    if (at > bytes.length) throw new Error("cut off");
    return { ...record, ttl, data: [...bytes.subarray(at - length, at)] };
  });
  if (at !== bytes.length) throw new Error("something follows");
  const bit = (mask: number) => (flags & mask) !== 0;
  const bits = { qr: bit(0x8000), aa: bit(0x400), tc: bit(0x200), rd: bit(0x100), ra: bit(0x80), ad: bit(0x20) };
  return { id, ...bits, opcode: (flags >> 11) & 15, rcode: flags & 15, counts, questions, records };
};
const answerTo = (message: Uint8Array, resolution: Resolution = own) => {
  const asked: string[] = [];
  const answer = answerQuery(message, (name) => {
    asked.push(name);
    return resolution;
  });
  return { asked, ...readAnswer(answer!) };
};

describe("a question", () => {
  test("for the address of an allowed name", () => {
    const answer = answerTo(ask("api.Example.COM", { id: 0xbeef }));
    expect(answer.asked).toEqual(["api.Example.COM"]);
    expect(answer).toMatchObject({ id: 0xbeef, qr: true, rd: true, ra: true, aa: false, tc: false, rcode: 0 });
    expect(answer.counts).toEqual([1, 1, 0, 0]);
    expect(answer.questions).toEqual([{ name: "api.Example.COM.", type: 1, class: 1 }]);
    expect(answer.records).toEqual([{ name: "^", type: 1, class: 1, ttl: 30, data: [127, 66, 0, 9] }]);
  });

  test.each([28, 15, 16, 33, 65, 64, 2, 6, 255, 252])("of type %d for an allowed name has no answer", (type) => {
    const answer = answerTo(ask("example.com", { type }));
    expect(answer).toMatchObject({ rcode: 0, counts: [1, 0, 0, 0] });
  });

  test.each([1, 28, 16, 12])("of type %d for a denied name: there is no such name", (type) => {
    const answer = answerTo(ask("evil.example", { type }), denied);
    expect(answer).toMatchObject({ rcode: 3, counts: [1, 0, 0, 0], asked: ["evil.example"] });
  });

  test("without an address left fails", () => {
    expect(answerTo(ask("a.example"), { kind: "exhausted" })).toMatchObject({ rcode: 2, counts: [1, 0, 0, 0] });
  });

  test.each(["localhost", "LocalHost", "db.localhost"])("for %s asks nobody", (name) => {
    const answer = answerTo(ask(name), denied);
    expect(answer.asked).toEqual([]);
    expect(answer.records.map(({ data }) => data)).toEqual([[127, 0, 0, 1]]);
    expect(answerTo(ask(name, { type: 28 }), denied)).toMatchObject({ rcode: 0, counts: [1, 0, 0, 0] });
  });

  test.each(["notlocalhost", "localhost.example", "xlocalhost"])("for %s asks the policy", (name) => {
    expect(answerTo(ask(name), denied)).toMatchObject({ asked: [name], rcode: 3 });
  });

  test("for the root has no answer, but the root exists", () => {
    expect(answerTo(ask("", { type: 2 }), denied)).toMatchObject({ asked: [], rcode: 0, counts: [1, 0, 0, 0] });
  });

  test.each([" ", "\0", "a b", "a\r\n", "\x7f", "\x1b[31m", "\xe4", "\xff"])("with the label %j is denied", (label) => {
    expect(answerTo(ask(`${label}.example.com`))).toMatchObject({ asked: [], rcode: 3 });
  });

  test("with a dot inside a label is denied", () => {
    const name = [11, ...Buffer.from("api.example"), 3, ...Buffer.from("com"), 0];
    expect(answerTo(ask("", { name }))).toMatchObject({ asked: [], rcode: 3 });
  });

  test("may have 255 bytes and labels of 63", () => {
    const name = [63, 63, 63, 61].map((length) => "a".repeat(length)).join(".");
    expect(answerTo(ask(name))).toMatchObject({ asked: [name], rcode: 0 });
    expect(answerTo(ask(`${name}a`))).toMatchObject({ asked: [], rcode: 1, counts: [0, 0, 0, 0] });
    expect(answerTo(ask("", { name: [64, ...Buffer.alloc(64, "a"), 0] }))).toMatchObject({ asked: [], rcode: 1 });
  });

  test("repeats RD and CD as they came, and nothing else", () => {
    const answer = answerQuery(ask("a.example", { flags: 0x07ff & ~0x0100 }), () => own)!;
    expect([...answer.subarray(2, 4)]).toEqual([0x80, 0x90]);
  });
});

describe("what is refused", () => {
  const cases: [string, Uint8Array, number][] = [
    ["no question", ask("a.b", { counts: [0, 0, 0, 0] }), 1],
    ["two questions", ask("a.b", { counts: [2, 0, 0, 0], more: [...nameBytes("c.d"), 0, 1, 0, 1] }), 1],
    ["an answer in a question", ask("a.b", { counts: [1, 1, 0, 0] }), 1],
    ["an authority in a question", ask("a.b", { counts: [1, 0, 1, 0] }), 1],
    ["many additional records", ask("a.b", { counts: [1, 0, 0, 65535] }), 1],
    ["another additional record", ask("a.b", { counts: [1, 0, 0, 1], more: [0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0] }), 1],
    ["an OPT record that is cut off", ask("a.b", { counts: [1, 0, 0, 1], more: opt().slice(0, 9) }), 1],
    ["an OPT record that is too short", ask("a.b", { counts: [1, 0, 0, 1], more: [...opt().slice(0, 10), 4] }), 1],
    ["bytes behind the question", ask("a.b", { more: [0] }), 1],
    ["a pointer to itself", ask("", { name: [0xc0, 12] }), 1],
    ["a pointer behind a label", ask("", { name: [1, 97, 0xc0, 12] }), 1],
    ["a label type that does not exist", ask("", { name: [0x41, 97, 0] }), 1],
    ["a question that is cut off", ask("example.com").subarray(0, 20), 1],
    ["a question without a class", ask("example.com").subarray(0, -2), 1],
    ["a header alone", ask("a.b").subarray(0, 12), 1],
    ["class CH", ask("version.bind", { type: 16, class: 3 }), 4],
    ["class ANY", ask("a.b", { class: 255 }), 4],
    ["opcode STATUS", ask("a.b", { flags: 0x1000 }), 4],
    ["opcode UPDATE", ask("a.b", { flags: 0x2800 }), 4],
  ];
  test.each(cases)("%s", (_, message, rcode) => {
    const answer = answerTo(message);
    expect(answer).toMatchObject({ asked: [], rcode, id: 0x1234, qr: true, records: [] });
    expect(answer.opcode).toBe((message[2]! >> 3) & 15);
  });

  test("what is too short or itself an answer is dropped", () => {
    for (let length = 0; length < 12; length += 1)
      expect(answerQuery(ask("a.b").subarray(0, length), () => own)).toBeUndefined();
    expect(answerQuery(ask("a.b", { flags: 0x8100 }), () => own)).toBeUndefined();
    expect(answerQuery(answerQuery(ask("a.b"), () => own)!, () => own)).toBeUndefined();
  });
});

describe("EDNS", () => {
  const edns = (more: number[]) => answerTo(ask("a.b", { counts: [1, 0, 0, 1], more }));
  const record = (ttl: number) => ({ name: "", type: 41, class: 1232, ttl, data: [] });

  test("a client that speaks it is answered in it, whatever it wishes", () => {
    for (const data of [[], [0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8], [0, 8, 0, 4, 0, 1, 0, 0], [1, 2, 3]]) {
      const answer = edns(opt(0, data));
      expect(answer).toMatchObject({ rcode: 0, counts: [1, 1, 0, 1] });
      expect(answer.records[1]).toEqual(record(0));
    }
  });

  test("another version is not known", () => {
    expect(edns(opt(1))).toMatchObject({ asked: [], rcode: 0, counts: [1, 0, 0, 1], records: [record(1 << 24)] });
  });
});

describe("over TCP", () => {
  const messages = [ask("a.example"), new Uint8Array(0), new Uint8Array(65_535).fill(7), ask("b.example")];
  const stream = Buffer.concat(messages.map(frameMessage));

  test("messages are found wherever the stream is cut", () => {
    const noise = createNoise(5);
    for (let round = 0; round < 20; round += 1) {
      const found: Uint8Array[] = [];
      let rest: Uint8Array = new Uint8Array(0);
      for (const piece of noise.split(stream)) {
        const split = splitFrames(Buffer.concat([rest, piece]));
        found.push(...split.frames);
        rest = split.rest;
        expect(rest.length).toBeLessThan(65_537);
      }
      expect(rest.length).toBe(0);
      expect(found.map((frame) => Buffer.from(frame).equals(messages[found.indexOf(frame)]!))).toEqual(
        messages.map(() => true),
      );
    }
  });

  test("what is not whole stays", () => {
    expect(splitFrames(Uint8Array.of())).toEqual({ frames: [], rest: Uint8Array.of() });
    expect(splitFrames(Uint8Array.of(0))).toEqual({ frames: [], rest: Uint8Array.of(0) });
    expect(splitFrames(Uint8Array.of(0, 2, 9))).toEqual({ frames: [], rest: Uint8Array.of(0, 2, 9) });
    expect(splitFrames(Uint8Array.of(0, 1, 9, 0, 5))).toEqual({
      frames: [Uint8Array.of(9)],
      rest: Uint8Array.of(0, 5),
    });
  });
});

test("no message makes it throw, and every answer can be read", () => {
  const noise = createNoise(20_002);
  const seeds = [
    ask("api.example.com"),
    ask("a.b", { counts: [1, 0, 0, 1], more: opt(0, [0, 10, 0, 2, 1, 2]) }),
    ask("localhost"),
  ];
  const outcomes = new Map<number | string, number>();
  for (let round = 0; round < 20_000; round += 1) {
    const message = round % 4 === 0 ? noise.bytes(noise.below(80)) : noise.mutate(seeds[noise.below(seeds.length)]!);
    const answer = answerQuery(message, (name) => {
      if (!/^[\x21-\x7e]{1,253}$/.test(name)) throw new Error(`asked for ${JSON.stringify(name)}`);
      return noise.below(2) ? own : denied;
    });
    if (answer && answer.length > 512) throw new Error("longer than UDP carries");
    const outcome = answer ? readAnswer(answer).rcode : "dropped";
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  // That every way out was taken shows that the noise is not refused at the door.
  for (const outcome of [0, 1, 3, 4, "dropped"]) expect(outcomes.get(outcome) ?? 0).toBeGreaterThan(100);
});
