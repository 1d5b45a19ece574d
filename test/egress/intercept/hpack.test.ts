import { describe, expect, test } from "bun:test";
import type { Field } from "../../../src/egress/intercept/head.ts";
import { createDecoder, createEncoder, isCredential } from "../../../src/egress/intercept/hpack.ts";
import { decodeHuffman, encodeHuffman, huffmanLength } from "../../../src/egress/intercept/huffman.ts";

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(" ", ""), "hex");
const fieldsOf = (text: string): Field[] =>
  text.split("\n").map((line): Field => [line.slice(0, line.indexOf(": ", 1)), line.slice(line.indexOf(": ", 1) + 2)]);

/** RFC 7541, appendix C: blocks of one connection, one behind the other, and what they say. */
const get = ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com";
const requests = [
  get,
  `${get}\ncache-control: no-cache`,
  `${get.replace("http", "https").replace(": /", ": /index.html")}\ncustom-key: custom-value`,
];
const late = "date: Mon, 21 Oct 2013 20:13:22 GMT\nlocation: https://www.example.com";
const early = late.replace(":22", ":21");
const cookie = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
const responses = [
  `:status: 302\ncache-control: private\n${early}`,
  `:status: 307\ncache-control: private\n${early}`,
  `:status: 200\ncache-control: private\n${late}\ncontent-encoding: gzip\nset-cookie: ${cookie}`,
];
const vectors: [name: string, tableBytes: number, blocks: [hex: string, fields: string][]][] = [
  ["C.2.1", 4096, [["400a637573746f6d2d6b65790d637573746f6d2d686561646572", "custom-key: custom-header"]]],
  ["C.2.2", 4096, [["040c2f73616d706c652f70617468", ":path: /sample/path"]]],
  ["C.2.3", 4096, [["100870617373776f726406736563726574", "password: secret"]]],
  ["C.2.4", 4096, [["82", ":method: GET"]]],
  [
    "C.3",
    4096,
    [
      ["828684410f7777772e6578616d706c652e636f6d", requests[0]!],
      ["828684be58086e6f2d6361636865", requests[1]!],
      ["828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565", requests[2]!],
    ],
  ],
  [
    "C.4",
    4096,
    [
      ["828684418cf1e3c2e5f23a6ba0ab90f4ff", requests[0]!],
      ["828684be5886a8eb10649cbf", requests[1]!],
      ["828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", requests[2]!],
    ],
  ],
  [
    "C.5",
    256,
    [
      [
        "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
        responses[0]!,
      ],
      ["4803333037c1c0bf", responses[1]!],
      [
        "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
        responses[2]!,
      ],
    ],
  ],
  [
    "C.6",
    256,
    [
      [
        "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
        responses[0]!,
      ],
      ["4883640effc1c0bf", responses[1]!],
      [
        "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        responses[2]!,
      ],
    ],
  ],
];
test.each(vectors)("reads the blocks of RFC 7541, %s", (_, tableBytes, blocks) => {
  const decode = createDecoder(tableBytes);
  for (const [hex, fields] of blocks) expect(decode(bytes(hex))?.fields).toEqual(fieldsOf(fields));
});

/** A generator whose numbers are the same in every run. */
const random = (seed: number) => {
  let state = seed;
  return (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
};
const textOf = (next: (below: number) => number, length: number, from: number, to: number): string =>
  String.fromCharCode(...Array.from({ length }, () => from + next(to - from)));

describe("Huffman", () => {
  test("every byte there and back, alone and beside every other", () => {
    for (let a = 0; a < 256; a += 1) {
      for (let b = 0; b < 256; b += 7) {
        const text = String.fromCharCode(a, b, a);
        const encoded = encodeHuffman(text);
        expect(encoded.length).toBe(huffmanLength(text));
        expect(decodeHuffman(encoded)).toBe(text);
      }
    }
  });

  test("as in RFC 7541, C.4.1", () => {
    expect(Buffer.from(encodeHuffman("www.example.com")).toString("hex")).toBe("f1e3c2e5f23a6ba0ab90f4ff");
    expect(decodeHuffman(new Uint8Array(0))).toBe("");
  });

  test.each([
    ["padding with zeros", "18"],
    ["a whole byte of padding", "1fff"],
    ["the end of the string", "ffffffff"],
    ["the end of the string behind a letter", "1fffffffff"],
    ["half a code", "fffffe"],
  ])("nothing with %s", (_, hex) => expect(decodeHuffman(bytes(hex))).toBeUndefined());
});

describe("the decoder", () => {
  test.each([
    ["index 0", "80"],
    ["an index beyond the tables", "be"],
    ["a name beyond the tables", "7e00"],
    ["a number without its end", "ffff"],
    ["a number that is too large", "ffffffffffffffff7f"],
    ["a number with ever more zeros", "ff80808080808080808000"],
    ["a table size with ever more zeros", "3f80808080808000"],
    ["a text that is longer than the block", "000a61"],
    ["a text that is not there", "0001"],
    ["Huffman that cannot be read", "0081180161"],
    ["a larger table than was allowed", "3fe21f"],
    ["a table size behind a field", "8220"],
  ])("takes nothing with %s", (_, hex) => expect(createDecoder()(bytes(hex))).toBeUndefined());

  test("takes the largest table, and forgets all with none", () => {
    const decode = createDecoder();
    expect(decode(bytes("3fe11f 40016101 62 be"))?.fields).toEqual(fieldsOf("a: b\na: b"));
    expect(decode(bytes("20 3fe11f 82"))?.fields).toEqual(fieldsOf(":method: GET"));
    expect(decode(bytes("be"))).toBeUndefined();
  });

  test("forgets the oldest for the newest, and all for what is larger than its table", () => {
    const decode = createDecoder(70);
    expect(decode(bytes("40016101 62 40016301 64 bf"))?.fields).toEqual(fieldsOf("a: b\nc: d\na: b"));
    expect(decode(bytes("40016501 66 bf"))?.fields).toEqual(fieldsOf("e: f\nc: d"));
    expect(createDecoder(34)(bytes("40016101 62 40016301 64 bf"))).toBeUndefined();
    expect(createDecoder(34)(bytes("40016101 62 4001610362 62 62 be"))).toBeUndefined();
  });

  test("takes 200 fields and no more", () => {
    expect(createDecoder()(Buffer.alloc(200, 0x82))?.fields.length).toBe(200);
    expect(createDecoder()(Buffer.alloc(201, 0x82))).toBeUndefined();
  });

  test("throws at nothing", () => {
    const next = random(7);
    for (let round = 0; round < 20_000; round += 1)
      createDecoder()(Uint8Array.from({ length: next(40) }, () => next(256)));
    const decode = createDecoder();
    for (let round = 0; round < 20_000; round += 1)
      decode(Uint8Array.from({ length: next(40) }, () => (next(2) ? 0x40 : next(256))));
  });

  test("tells which names must never be put into a table", () => {
    expect([...createDecoder()(bytes("100870617373776f726406736563726574 82"))!.never]).toEqual(["password"]);
  });
});

describe("the encoder", () => {
  test("what it writes is read as it was, however strange", () => {
    const next = random(11);
    const encode = createEncoder();
    const decode = createDecoder();
    for (let round = 0; round < 500; round += 1) {
      const fields = Array.from({ length: next(30) }, (): Field => {
        const name = next(3)
          ? textOf(next, 1 + next(20), 97, 123)
          : ["cookie", ":path", "accept", "x-api-key"][next(4)]!;
        return [name, next(2) ? textOf(next, next(300), 32, 127) : textOf(next, next(300), 0, 256)];
      });
      expect(decode(encode(fields))?.fields).toEqual(fields);
    }
  });

  test("begins with a table without room, so that a reader of less is content", () => {
    const encode = createEncoder();
    expect(Buffer.from(encode([[":method", "GET"]])).toString("hex")).toBe("2082");
    expect(Buffer.from(encode([[":method", "GET"]])).toString("hex")).toBe("82");
  });

  test("adds nothing to a table, and forbids it for credentials and what was forbidden", () => {
    const encode = createEncoder();
    encode([]);
    expect(encode([["accept", "a"]])[0]! & 0xf0).toBe(0x00);
    expect(encode([["authorization", "Bearer a"]])[0]! & 0xf0).toBe(0x10);
    expect(encode([["accept", "a"]], new Set(["accept"]))[0]! & 0xf0).toBe(0x10);
    expect(encode([[":method", "GET"]], new Set([":method"]))[0]! & 0xf0).toBe(0x10);
  });

  test.each([
    [true, ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "x-goog-api-key"]],
    [true, ["private-token", "x-auth", "api-keys", "x-secret-id"]],
    [false, [":authority", "www-authenticate", "accept", "content-type", "keyboard", "author"]],
  ])("credentials: %s for %p", (expected, names) => {
    expect(names.map(isCredential)).toEqual(names.map(() => expected));
  });
});
