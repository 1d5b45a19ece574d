import { describe, expect, test } from "bun:test";
import {
  chunkOf,
  createResponseReader,
  lastChunk,
  type ResponseHead,
  writeResponseHead,
} from "../../../src/egress/intercept/response.ts";
import { createNoise } from "../noise.ts";
import { latin1, textOf } from "../requests.ts";
import { chunked, ok, readAnswers, readText, sized } from "./responses.ts";

const kinds = (text: string, ...methods: string[]) =>
  readText(text, ...methods)
    .map(({ kind }) => kind)
    .join(" ");

describe("a head", () => {
  test("is read with its fields in their order and case", () => {
    const text = "HTTP/1.0 404 Not F\xf6und \r\nx-Y:\t v \xe4w \t\r\nEmpty:\r\nX-Y: 2\r\nContent-Length: 0\r\n\r\n";
    const fields = [
      ["x-Y", "v \xe4w"],
      ["Empty", ""],
      ["X-Y", "2"],
      ["Content-Length", "0"],
    ];
    expect(readText(text)).toEqual([
      {
        kind: "head",
        head: {
          ...{ status: 404, version: "1.0", phrase: "Not F\xf6und " },
          ...{ fields, bodyKind: "length", contentLength: 0 },
        },
      },
      { kind: "end", trailers: [] },
    ]);
  });

  test.each(["HTTP/1.1 200\r\n", "HTTP/1.1 200 \r\n", "HTTP/1.1 999 \r\n"])("may begin %j", (line) => {
    expect(readText(`${line}Content-Length: 1\r\n\r\nx`)).toMatchObject([
      { head: { phrase: "", bodyKind: "length" } },
      { text: "x" },
      { kind: "end" },
    ]);
  });

  test("is written as it was read, but with other fields", () => {
    const [event] = readText("HTTP/1.1 200\r\nA: b\r\nContent-Length: 0\r\n\r\n") as unknown as [
      { head: ResponseHead },
    ];
    expect(textOf(writeResponseHead(event.head, [["X", "\xe4"]]))).toBe("HTTP/1.1 200 \r\nX: \xe4\r\n\r\n");
  });

  test("of 64 KiB and 200 fields is taken to the byte", () => {
    const padding = 65_536 - ok("X: \r\n").length;
    expect(kinds(ok(`X: ${"y".repeat(padding)}\r\n`))).toBe("head end");
    expect(kinds(ok(`X: ${"y".repeat(padding + 1)}\r\n`))).toBe("error");
    expect(kinds(ok("X: y\r\n".repeat(200)))).toBe("head end");
    expect(kinds(ok("X: y\r\n".repeat(201)))).toBe("error");
  });
});

describe("a body", () => {
  test.each([
    ["a length", sized("hello"), "hello"],
    ["the end of the stream", ok("", "hello"), "hello"],
    ["the end of the stream in HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nhello", "hello"],
    ["chunks", chunked("3\r\nhel\r\n002\r\nlo\r\n0\r\n\r\n"), "hello"],
    ["chunks with spaces and extensions", chunked('3  \r\nhel\r\n2;a="b"\r\nlo\r\n0 ;x\r\n\r\n'), "hello"],
  ])("ends by %s", (_, text, body) => {
    const events = readText(text);
    expect(events.map(({ kind }) => kind)).toEqual(["head", "body", "end"]);
    expect(events[1]!["text"]).toBe(body);
  });

  test("is none where none can be, whatever the head says", () => {
    const fields = "Content-Length: 5\r\n\r\n";
    expect(readText(`HTTP/1.1 200 OK\r\n${fields}${sized("x")}`, "HEAD", "GET")).toMatchObject([
      { head: { bodyKind: "none" } },
      { kind: "end" },
      { head: { bodyKind: "length", contentLength: 1 } },
      { text: "x" },
      { kind: "end" },
    ]);
    expect(kinds(`${chunked("")}${sized("x")}`, "HEAD", "GET")).toBe("head end head body end");
    for (const status of [204, 304])
      expect(kinds(`HTTP/1.1 ${status} \r\n${fields}${sized("x")}`, "GET", "GET")).toBe("head end head body end");
    expect(kinds("HTTP/1.1 204 No Content\r\n\r\n")).toBe("head end");
  });

  test("has its trailers", () => {
    expect(readText(chunked("0\r\nX-Sum:  1 \r\nb: c\r\n\r\n"))[1]).toEqual({
      kind: "end",
      trailers: [
        ["X-Sum", "1"],
        ["b", "c"],
      ],
    });
  });

  test("is handed on in slices of what came", () => {
    const piece = new Uint8Array(1 << 20).fill(13);
    const reader = createResponseReader();
    reader.expect("GET");
    reader.push(latin1(chunked(`${(1 << 28).toString(16)}\r\n`)));
    for (let count = 0; count < 256; count += 1) {
      const [event, ...more] = reader.push(piece);
      if (event?.kind !== "body" || event.bytes.buffer !== piece.buffer || event.bytes.length !== 1 << 20)
        throw new Error("not the piece itself");
      expect(more).toEqual([]);
    }
    expect(reader.push(latin1("\r\n0\r\n\r\n"))).toEqual([{ kind: "end", trailers: [] }]);
  });

  test("is written in chunks that are read as the same", () => {
    const content = [latin1("0123456789"), latin1("abcdefg")];
    const [size, first, ...rest] = chunkOf(content);
    expect([textOf(size!), first]).toEqual(["11\r\n", content[0]!]);
    expect(rest).toHaveLength(2);
    expect(chunkOf([new Uint8Array(0)])).toEqual([]);
    const text = [...chunkOf(content), lastChunk([["A", "b"]])].map(textOf).join("");
    expect(readText(chunked(text)).slice(1)).toEqual([
      { kind: "body", text: "0123456789abcdefg" },
      { kind: "end", trailers: [["A", "b"]] },
    ]);
  });
});

describe("a stream", () => {
  test("has one answer for each request, and the interim ones before it", () => {
    const early = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    const reader = createResponseReader();
    for (const method of ["POST", "HEAD", "GET"]) reader.expect(method);
    expect(reader.push(latin1(early)).map(({ kind }) => kind)).toEqual(["head", "head"]);
    expect(reader.outstanding()).toBe(3);
    expect(reader.push(latin1(sized("x") + ok("Content-Length: 9\r\n"))).length).toBe(5);
    expect(reader.outstanding()).toBe(1);
    reader.push(latin1(ok("Content-Length: 2\r\n", "1")));
    expect(reader.outstanding()).toBe(1);
    reader.push(latin1("2"));
    expect([reader.outstanding(), reader.finish()]).toEqual([0, []]);
  });

  test("is another protocol's after 101", () => {
    const switched = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n\r\n";
    expect(readText(`${switched}${sized("\x81\0")}`)).toMatchObject([
      { head: { status: 101, upgrade: "websocket", bodyKind: "close" } },
      { text: sized("\x81\0") },
      { kind: "end" },
    ]);
    expect(kinds(`HTTP/1.1 100 \r\n\r\n${switched}`)).toBe("head head end");
    expect(kinds(switched, "GET", "GET")).toBe("error");
    expect(kinds("HTTP/1.1 101 \r\n\r\n")).toBe("error");
    expect(kinds("HTTP/1.0 101 \r\nUpgrade: x\r\n\r\n")).toBe("error");
    expect(readText(ok("Upgrade: h2c\r\nContent-Length: 0\r\n"))[0]!["head"]).not.toContainKey("upgrade");
  });

  test("may end between two answers, and takes nothing afterwards", () => {
    const reader = createResponseReader();
    expect(reader.finish()).toEqual([]);
    reader.expect("GET");
    expect(reader.push(latin1(sized("x")))).toEqual([]);
    expect(kinds("HTTP/1.1 100 \r\n\r\n")).toBe("head");
    expect(kinds("")).toBe("");
  });

  test("says nothing more after an error", () => {
    const reader = createResponseReader();
    reader.expect("GET");
    expect(reader.push(latin1("\n")).length).toBe(1);
    expect([reader.push(latin1(sized("x"))), reader.finish()]).toEqual([[], []]);
  });
});

const refused: [what: string, text: string][] = [
  ["both lengths", ok("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n")],
  ["two lengths", ok("Content-Length: 3\r\nContent-Length: 3\r\n")],
  ["two lengths in one field", ok("Content-Length: 3, 3\r\n")],
  ["a negative length", ok("Content-Length: -1\r\n")],
  ["a huge length", ok(`Content-Length: ${"9".repeat(16)}\r\n`)],
  ["another coding", ok("Transfer-Encoding: gzip, chunked\r\n")],
  ["two codings", ok("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")],
  ["a coding in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ["both lengths where there is no body", "HTTP/1.1 304 \r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ["a framing field that only one connection has", ok("Connection: close, Content-Length\r\nContent-Length: 1\r\n")],
  ["lines that end in LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"],
  ["a line that ends in CR", "HTTP/1.1 200 OK\rX: y\r\n\r\n"],
  ["a folded field", ok("X: a\r\n b\r\n")],
  ["a field without a colon", ok("nothing\r\n")],
  ["a space before the colon", ok("Content-Length : 1\r\n")],
  ["a control character", ok("X: \x1b]0;x\x07\r\n")],
  ["an empty line in front", `\r\n${sized("")}`],
  ["HTTP/0.9", "<html>\r\n\r\n"],
  ...["HTTP/2 200", "HTTP/1.2 200", "http/1.1 200", "HTTP/1.1  200", "HTTP/1.1 20", "HTTP/1.1 2000", "ICY 200 OK"].map(
    (line): [string, string] => [line, `${line}\r\n\r\n`],
  ),
  ["HTTP/1.1 099", "HTTP/1.1 099 \r\n\r\n"],
  ["a head of more than 64 KiB without an end", `HTTP/1.1 200 OK\r\n${"X: y\r\n".repeat(11_000)}`],
  ["a head that is cut off", "HTTP/1.1 200 OK\r\nX: y\r\n"],
];

const cutShort: [what: string, text: string][] = [
  ["a length that is not reached", ok("Content-Length: 3\r\n", "xx")],
  ["no last chunk", chunked("2\r\nxx\r\n")],
  ["a cut chunk", chunked("3\r\nxx")],
  ["cut trailers", chunked("0\r\nA: b\r\n")],
  ["a chunk that is longer", chunked("1\r\nxx\r\n0\r\n\r\n")],
  ["a chunk size that is none", chunked("x\r\n")],
  ["a chunk size of 14 digits", chunked("10000000000000\r\n")],
  ["long extensions", chunked(`1;${"x".repeat(300)}\r\nx\r\n0\r\n\r\n`)],
  ["long trailers", chunked(`0\r\nA: ${"b".repeat(8192)}\r\n\r\n`)],
  ["a late length", chunked("0\r\nContent-Length: 5\r\n\r\n")],
  ["more than the answer", `${sized("x")}H`],
  ["an answer without a question", sized("") + sized("")],
];

describe("what is refused", () => {
  const reasonOf = { kind: "error", reason: expect.stringMatching(/^[ -~]+$/) };

  test.each(refused)("%s", (_, text) => {
    expect(readText(text)).toEqual([reasonOf]);
    expect(
      readAnswers(
        ["GET"],
        [...latin1(text)].map((byte) => Uint8Array.of(byte)),
      ),
    ).toEqual([reasonOf]);
  });

  test.each(cutShort)("%s", (_, text) => {
    const events = readText(text);
    expect(events.filter(({ kind }) => kind === "head").length).toBe(1);
    expect(events.at(-1)).toEqual(reasonOf);
    expect(events.filter(({ kind }) => kind === "error").length).toBe(1);
  });

  test("a tunnel", () => {
    expect(readText(ok(""), "CONNECT")).toEqual([{ kind: "error", reason: "a tunnel" }]);
    expect(kinds(`HTTP/1.1 407 \r\nContent-Length: 1\r\n\r\nx`, "CONNECT")).toBe("head body end");
  });

  test("bytes that answer nothing", () => {
    expect(createResponseReader().push(latin1(sized("x")))).toMatchObject([{ kind: "error" }]);
    expect(createResponseReader().push(new Uint8Array(0))).toEqual([]);
  });
});

test("no bytes make it throw, and it does not matter where they are cut", () => {
  const noise = createNoise(12);
  const seeds = [
    `HTTP/1.1 100 \r\n\r\n${chunked("5;x\r\nhello\r\n1\r\n!\r\n0\r\nA: b\r\n\r\n")}${sized("hello")}`,
    `${sized("hello", "Connection: keep-alive\r\n")}HTTP/1.0 200\r\n\r\nrest`,
    `HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 101 \r\nUpgrade: x\r\n\r\n\0\x01`,
  ].map(latin1);
  const outcomes = new Map<string, number>();
  for (let round = 0; round < 20_000; round += 1) {
    const bytes = round % 8 === 0 ? noise.bytes(noise.below(100)) : noise.mutate(seeds[noise.below(seeds.length)]!);
    const methods = [noise.below(4) ? "GET" : "HEAD", "GET"];
    const whole = readAnswers(methods, [bytes]);
    if (!Bun.deepEquals(readAnswers(methods, noise.split(bytes)), whole))
      throw new Error(`cut differently: ${JSON.stringify(textOf(bytes))}`);
    const outcome = whole.at(-1)?.kind ?? "nothing";
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  for (const outcome of ["end", "error", "nothing"]) expect(outcomes.get(outcome) ?? 0).toBeGreaterThan(20);
});
