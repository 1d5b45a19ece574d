import { describe, expect, test } from "bun:test";
import {
  readConnect,
  readProxyGreeting,
  readSocksMethods,
  readSocksRequest,
  socksCodes,
  socksReply,
} from "../../src/egress/proxy-request.ts";
import { createNoise } from "./noise.ts";
import { headOf, latin1 } from "./requests.ts";

test.each([
  ["", "incomplete"],
  ["\x05", "socks5"],
  ["\x05\x01\x00", "socks5"],
  ["\x04\x01\x01\xbb\x7f\0\0\x01\0", "socks4"],
  ["CONNECT a:1 HTTP/1.1", "http"],
  ["g", "http"],
  ["\x16\x03\x01", "bad"],
  ["\0", "bad"],
  ["\r\n", "bad"],
  [" GET", "bad"],
  ["\xff", "bad"],
])("a client that begins with %j speaks %s", (text, kind) => {
  expect(readProxyGreeting(latin1(text))).toEqual({ kind } as ReturnType<typeof readProxyGreeting>);
});

describe("CONNECT", () => {
  const connect = (target: string, fields = "") =>
    readConnect(headOf(`CONNECT ${target} HTTP/1.1\r\nHost: x\r\n${fields}\r\n`));

  test.each([
    ["a.example:443", { host: "a.example", port: 443, hostKind: "name" }],
    ["A.Example.:1", { host: "A.Example.", port: 1, hostKind: "name" }],
    ["a_b.example:65535", { host: "a_b.example", port: 65_535, hostKind: "name" }],
    ["10.1.2.3:80", { host: "10.1.2.3", port: 80, hostKind: "ipv4" }],
    ["[::1]:443", { host: "::1", port: 443, hostKind: "ipv6" }],
    ["[::ffff:127.0.0.1]:443", { host: "::ffff:127.0.0.1", port: 443, hostKind: "ipv6" }],
  ] as const)("to %s", (target, expected) => {
    expect(connect(target)).toEqual({ kind: "connect", ...expected });
  });

  const ports = [
    "",
    ":",
    ":0",
    ":65536",
    ":-1",
    ":443abc",
    ":+443",
    ":0443",
    ":00",
    ":4_4",
    ":0x1bb",
    ":443:80",
    ":1e3",
  ];
  const hosts = [
    "u@a",
    "u:p@a",
    "http://a",
    "/a",
    "a/b",
    "a?b",
    "a%00",
    "a\\b",
    "a,b",
    "[::1",
    "::1",
    "[a]",
    "[]",
    "*",
  ];
  const numbers = ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "1.2.3.4.", "127.0.0.0x1", "1.2.3.256"];
  const long = "a".repeat(255);
  test.each([
    ...ports.map((port) => `a.example${port}`),
    ...[...hosts, ...numbers, "", long].map((host) => `${host}:443`),
  ])("to %s is bad", (target) => {
    expect(connect(target)).toEqual({ kind: "bad", reason: expect.stringMatching(/^[ -~]+$/) });
  });

  test("has no body and no upgrade, but may say that its body is empty", () => {
    expect(connect("a:443", "Content-Length: 0\r\n").kind).toBe("connect");
    for (const field of ["Content-Length: 1", "Transfer-Encoding: chunked", "Upgrade: connect-udp"])
      expect(connect("a:443", `${field}\r\n`).kind).toBe("bad");
  });

  test("is a method of its own: letters in another case and other methods are none", () => {
    expect(readConnect(headOf("GET / HTTP/1.1\r\nHost: a\r\n\r\n")).kind).toBe("bad");
    expect(readConnect(headOf("CONNECT a:22 HTTP/1.0\r\n\r\n")).kind).toBe("connect");
    expect(() => headOf("connect a:443 HTTP/1.1\r\nHost: a\r\n\r\n")).toThrow("400");
  });
});

describe("SOCKS5 methods", () => {
  const accepted = { state: "methods", accepted: true, reply: Uint8Array.of(5, 0) };
  const denied = { state: "methods", accepted: false, reply: Uint8Array.of(5, 0xff) };
  test.each([
    [[5, 1, 0], { ...accepted, used: 3 }],
    [[5, 3, 1, 2, 0], { ...accepted, used: 5 }],
    [[5, 1, 0, 5, 1], { ...accepted, used: 3 }],
    [[5, 1, 2], { ...denied, used: 3 }],
    [[5, 2, 2, 128, 0], { ...denied, used: 4 }],
    [[5, 255, ...Array(255).fill(9)], { ...denied, used: 257 }],
    [[5, 0], { state: "bad" }],
    [[4, 1, 0], { state: "bad" }],
  ])("%j", (bytes, expected) => {
    expect(readSocksMethods(Uint8Array.from(bytes))).toEqual(expected as ReturnType<typeof readSocksMethods>);
  });

  test("are incomplete before", () => {
    for (const bytes of [[], [5], [5, 2], [5, 2, 0]])
      expect(readSocksMethods(Uint8Array.from(bytes))).toEqual({ state: "incomplete" });
  });
});

const named = (name: string, port = 443, head = [5, 1, 0, 3]) =>
  Uint8Array.from([...head, name.length, ...latin1(name), port >> 8, port & 255]);

describe("a SOCKS5 request", () => {
  test.each([
    [named("a.example"), { host: "a.example", port: 443, hostKind: "name" }],
    [named("A.EXAMPLE.", 65_535), { host: "A.EXAMPLE.", port: 65_535, hostKind: "name" }],
    [named("10.0.0.1", 1), { host: "10.0.0.1", port: 1, hostKind: "ipv4" }],
    [Uint8Array.of(5, 1, 0, 1, 127, 0, 0, 1, 0, 22), { host: "127.0.0.1", port: 22, hostKind: "ipv4" }],
  ] as const)("%j", (bytes, expected) => {
    const request = { state: "request", destination: { kind: "connect", ...expected }, used: bytes.length } as const;
    expect(readSocksRequest(bytes)).toEqual(request);
    expect(readSocksRequest(Uint8Array.from([...bytes, 22, 3, 1]))).toEqual(request);
    for (let length = 0; length < bytes.length; length += 1)
      expect(readSocksRequest(bytes.subarray(0, length))).toEqual({ state: "incomplete" });
  });

  const { failure, notAllowed, unknownCommand, unknownAddress } = socksCodes;
  const cases: [string, Uint8Array, number][] = [
    ["NUL in the name", named("allowed.example\0.evil.example"), notAllowed],
    ["a line end in the name", named("a.example\r\nX: y"), notAllowed],
    ["ESC in the name", named("\x1b[2J"), notAllowed],
    ["a name that is not ASCII", named("\xe4.example"), notAllowed],
    ["a name with a port", named("a.example:80"), notAllowed],
    ["user information", named("u@a.example"), notAllowed],
    ["an IPv6 address as a name", named("::1"), notAllowed],
    ["an IPv6 address in brackets", named("[::1]"), notAllowed],
    ["a number as a name", named("2130706433"), notAllowed],
    ["a short address as a name", named("127.1"), notAllowed],
    ["a hexadecimal address as a name", named("0x7f.0.0.1"), notAllowed],
    ["an empty name", named(""), notAllowed],
    ["a name of 255 bytes", named("a".repeat(255)), notAllowed],
    ["port 0", named("a.example", 0), notAllowed],
    ["BIND", named("a.example", 443, [5, 2, 0, 3]), unknownCommand],
    ["UDP ASSOCIATE", named("a.example", 443, [5, 3, 0, 3]), unknownCommand],
    ["a command that does not exist", named("a.example", 443, [5, 0, 0, 3]), unknownCommand],
    ["IPv6", Uint8Array.of(5, 1, 0, 4, ...Array(15).fill(0), 1, 1, 187), unknownAddress],
    ["an address type that does not exist", named("a.example", 443, [5, 1, 0, 2]), unknownAddress],
    ["another version", named("a.example", 443, [4, 1, 0, 3]), failure],
    ["a reserved byte", named("a.example", 443, [5, 1, 1, 3]), failure],
  ];
  test.each(cases)("%s is refused", (_, bytes, code) => {
    expect(readSocksRequest(bytes)).toEqual({
      ...{ state: "refused", code },
      reason: expect.stringMatching(/^[ -~]+$/),
    });
    expect(socksReply(code)[1]).not.toBe(0);
  });

  test("is answered in ten bytes", () => {
    expect([...socksReply(socksCodes.succeeded)]).toEqual([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    expect([...socksReply(socksCodes.unknownCommand)]).toEqual([5, 7, 0, 1, 0, 0, 0, 0, 0, 0]);
  });
});

test("no bytes make them throw, and what goes out is a plain host", () => {
  const noise = createNoise(31);
  const seeds = [named("a.example"), Uint8Array.of(5, 1, 0, 1, 10, 0, 0, 1, 1, 187), Uint8Array.of(5, 2, 0, 2)];
  const states = new Map<string, number>();
  for (let round = 0; round < 20_000; round += 1) {
    const bytes = round % 4 === 0 ? noise.bytes(noise.below(30)) : noise.mutate(seeds[noise.below(seeds.length)]!);
    readProxyGreeting(bytes);
    const methods = readSocksMethods(bytes);
    if (methods.state === "methods" && methods.used > bytes.length) throw new Error("used more than there is");
    const request = readSocksRequest(bytes);
    states.set(request.state, (states.get(request.state) ?? 0) + 1);
    if (request.state !== "request") continue;
    const { host, port } = request.destination;
    if (!/^[A-Za-z0-9._-]+$/.test(host) || port < 1 || port > 65_535 || request.used > bytes.length)
      throw new Error(JSON.stringify(request));
  }
  for (const state of ["request", "refused", "incomplete"]) expect(states.get(state) ?? 0).toBeGreaterThan(100);
});
