import { describe, expect, test } from "bun:test";
import { createRequestReader, type RequestEvent } from "../../src/egress/http-request.ts";
import { chunked, get, latin1, post, readAll } from "./requests.ts";

const refused: [what: string, status: number, text: string][] = [
  ["both lengths, CL first", 400, post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nG")],
  [
    "both lengths, TE first",
    400,
    post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "8\r\nSMUGGLED\r\n0\r\n\r\n"),
  ],
  ["two lengths", 400, post("Content-Length: 1\r\nContent-Length: 2\r\n")],
  ["two equal lengths", 400, post("Content-Length: 1\r\ncontent-length: 1\r\n")],
  ...["+1", "-1", "1,1", "1, 1", "0x1", "1 1", "", "1a", "\xb2", "1e3", "1.0", ";1", "1\xa0"].map(
    (value): [string, number, string] => [
      `a length ${JSON.stringify(value)}`,
      400,
      post(`Content-Length: ${value}\r\n`),
    ],
  ),
  ["a huge length", 413, post(`Content-Length: ${"9".repeat(40)}\r\n`)],
  ["two codings", 400, post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n")],
  ["two equal codings", 400, post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")],
  ...[
    "xchunked",
    "chunked, identity",
    "gzip, chunked",
    "identity",
    "chunked,",
    '"chunked"',
    "chunked;q=1",
    "\xa0chunked",
    "",
  ].map((value): [string, number, string] => [
    `the coding ${JSON.stringify(value)}`,
    501,
    post(`Transfer-Encoding: ${value}\r\n`),
  ]),
  ["a coding after VT", 400, post("Transfer-Encoding: \x0bchunked\r\n")],
  ["a coding on the next line", 400, post("Transfer-Encoding:\r\n chunked\r\n")],
  ["a coding behind a bare LF", 400, post("X: a\nTransfer-Encoding: chunked\r\n")],
  ["a coding behind a bare CR", 400, post("X: a\rTransfer-Encoding: chunked\r\n")],
  ["a coding with a space before the colon", 400, post("Transfer-Encoding : chunked\r\n")],
  ["a coding with a tab before the colon", 400, post("Transfer-Encoding\t: chunked\r\n")],
  ["a coding with a space in front", 400, "POST / HTTP/1.1\r\n Transfer-Encoding: chunked\r\nHost: a\r\n\r\n"],
  ["a coding in HTTP/1.0", 400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ["a folded field", 400, get("X: a\r\n b\r\n")],
  ["a folded field with a tab", 400, get("X: a\r\n\tb\r\n")],
  ["lines that end in LF", 400, "GET / HTTP/1.1\nHost: a\n\n"],
  ["an empty line that ends in LF", 400, "GET / HTTP/1.1\r\nHost: a\r\n\n"],
  ["CR CR LF", 400, "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"],
  ["an empty line in front", 400, `\r\n${get()}`],
  ["no colon", 400, get("nothing\r\n")],
  ["no name", 400, get(": x\r\n")],
  ["a name with a byte of Latin-1", 400, get("X\xe4: x\r\n")],
  ["a name with NUL", 400, get("X\0: x\r\n")],
  ["a name with brackets", 400, get("X[]: x\r\n")],
  ["a value with NUL", 400, get("X: a\0b\r\n")],
  ["a value with ESC", 400, get("User-Agent: \x1b]52;c;x\x07\r\n")],
  ["a value with DEL", 400, get("X: \x7f\r\n")],
  ["no Host", 400, "GET / HTTP/1.1\r\n\r\n"],
  ["two Hosts", 400, get("Host: a.example\r\n")],
  ["two Hosts in HTTP/1.0", 400, "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"],
  ...[
    "a b",
    "u@a",
    "a/b",
    "a,b",
    "a:b",
    "a:0",
    "a:65536",
    "[::1",
    "a%00",
    "http://a",
    "a:80:80",
    "127.1",
    "0x7f.1",
  ].map((host): [string, number, string] => [`the Host ${host}`, 400, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`]),
  ["HTTP/0.9", 400, "GET /\r\n\r\n"],
  ["the preface of HTTP/2", 400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ...["HTTP/1.2", "HTTP/2", "HTTP/3.0", "http/1.1", "HTTP/01.1", "HTTP/1.1 ", "HTTP/1.10", "ICY/1.1", ""].map(
    (version): [string, number, string] => [
      `the version ${JSON.stringify(version)}`,
      400,
      `GET / ${version}\r\nHost: a\r\n\r\n`,
    ],
  ),
  ...[
    "GET  / HTTP/1.1",
    " GET / HTTP/1.1",
    "GET\t/ HTTP/1.1",
    "GET /a b HTTP/1.1",
    "G(T / HTTP/1.1",
    "GET HTTP/1.1",
  ].map((line): [string, number, string] => [`the line ${JSON.stringify(line)}`, 400, `${line}\r\nHost: a\r\n\r\n`]),
  ...["a", "a/b", "*", "/#x", "/\xe4", "/\x7f", "/\x1b[", "ftp://a/", "https://a/", "http:/a", "http:///", "a:443"].map(
    (target): [string, number, string] => [
      `GET ${JSON.stringify(target)}`,
      400,
      `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`,
    ],
  ),
  ...[
    "u@a",
    "u:p@a",
    "a:b@c",
    "a\\b",
    "a%2e",
    "a:0",
    "a:99999",
    "a:",
    "[a]",
    "127.1",
    "2130706433",
    "017700000001",
  ].map((host): [string, number, string] => [
    `http://${host}/`,
    400,
    `GET http://${host}/ HTTP/1.1\r\nHost: a\r\n\r\n`,
  ]),
  ["a fragment in front of another host", 400, "GET http://a#@b/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["TRACE", 400, "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a method of 33 letters", 501, `${"A".repeat(33)} / HTTP/1.1\r\nHost: a\r\n\r\n`],
  ["another expectation", 400, get("Expect: 200-ok\r\n")],
  ...["content-length", "Transfer-Encoding", "close, HOST"].map((value): [string, number, string] => [
    `Connection: ${value}`,
    400,
    get(`Connection: ${value}\r\n`),
  ]),
  ["201 fields", 431, get("X: y\r\n".repeat(200))],
  ["20000 fields", 431, get("X:\r\n".repeat(20_000))],
  ["a field of 1 MiB", 431, get(`X: ${"y".repeat(1 << 20)}\r\n`)],
  ["a target of 16 KiB and one", 414, `GET /${"a".repeat(16_384)} HTTP/1.1\r\nHost: a\r\n\r\n`],
  ["a target of 64 KiB", 414, `GET /${"a".repeat(65_536)}`],
  ["a head without an end", 431, `GET / HTTP/1.1\r\n${"X: y\r\n".repeat(11_000)}`],
  ["TLS", 400, "\x16\x03\x01\x02\x00\x01"],
];

const badChunks: [what: string, status: number, body: string][] = [
  ...[
    "0x10",
    "+5",
    "-5",
    "5 ",
    " 5",
    "5\t",
    "5;ext",
    "5;ext=1",
    "5 ;x",
    "",
    "g",
    "5,",
    "5\0",
    "\xb2",
    "1".repeat(14),
  ].map((size): [string, number, string] => [`the size ${JSON.stringify(size)}`, 400, `${size}\r\nhello\r\n0\r\n\r\n`]),
  ["a size that ends in LF", 400, "5\nhello\r\n0\r\n\r\n"],
  ["a size that ends in CR", 400, "5\rhello\r\n0\r\n\r\n"],
  ["a size of 16 digits", 400, "ffffffffffffffff\r\n"],
  ["an endless size", 400, "0".repeat(100)],
  ["data that is longer", 400, "3\r\nhello\r\n0\r\n\r\n"],
  ["data that is one longer", 400, "4\r\nhello\r\n0\r\n\r\n"],
  ["data that is shorter", 400, "6\r\nhello\r\n0\r\n\r\n"],
  ["data that ends in LF", 400, "5\r\nhello\n0\r\n\r\n"],
  ["trailers that end in LF", 400, "0\r\nA: b\n\n"],
  ["a folded trailer", 400, "0\r\nA: b\r\n c\r\n\r\n"],
  ["a trailer that is no field", 400, "0\r\nGET / HTTP/1.1\r\n\r\n"],
  ["a late length", 400, "0\r\nContent-Length: 5\r\n\r\n"],
  ["a late coding", 400, "0\r\ntransfer-encoding: chunked\r\n\r\n"],
  ["a late Host", 400, "0\r\nHost: b\r\n\r\n"],
  ["a late credential", 400, "0\r\nAuthorization: Bearer x\r\n\r\n"],
  ["another", 400, "0\r\nX-Goog-Api-Key: x\r\n\r\n"],
  ["201 trailers", 431, `0\r\n${"A: b\r\n".repeat(201)}\r\n`],
  ["a trailer of 8 KiB", 431, `0\r\nA: ${"b".repeat(8192)}\r\n\r\n`],
];

/** Everything at once, in single bytes, and with a good request behind: never a request more. */
const ways = (text: string): RequestEvent[][] => {
  const single = createRequestReader();
  const bytes = latin1(text);
  return [
    createRequestReader().push(bytes),
    text.length > 100_000 ? [] : [...bytes].flatMap((byte) => single.push(Uint8Array.of(byte))),
    createRequestReader().push(latin1(text + get())),
  ].filter((events) => events.length > 0);
};

describe("what is refused before anything is forwarded", () => {
  test.each(refused)("%s: %d", (_, status, text) => {
    for (const events of ways(text))
      expect(events).toEqual([{ kind: "error", status: status as 400, reason: expect.stringMatching(/^[ -~]+$/) }]);
  });
});

describe("what is refused in a chunked body", () => {
  test.each(badChunks)("%s: %d", (_, status, body) => {
    for (const events of ways(chunked(body))) {
      expect(events.filter(({ kind }) => kind === "head").length).toBe(1);
      expect(events.at(-1)).toMatchObject({ kind: "error", status, reason: expect.stringMatching(/^[ -~]+$/) });
      expect(events.filter(({ kind }) => kind === "end" || kind === "error").length).toBe(1);
    }
  });

  test("nothing of what is wrong is forwarded", () => {
    expect(readAll(chunked("5\r\nhello\r\n5;x\r\nhello\r\n"))[1]).toEqual({ kind: "body", text: "5\r\nhello\r\n" });
    expect(readAll(chunked("0\r\nHost: b\r\n\r\n"))[1]).toEqual({ kind: "body", text: "0\r\n" });
  });
});
