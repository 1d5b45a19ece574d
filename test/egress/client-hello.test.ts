import { describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { type Hello, readClientHello } from "../../src/egress/client-hello.ts";
import { createNoise } from "./noise.ts";

const u16 = (value: number) => [value >> 8, value & 255];
const u24 = (value: number) => [value >> 16, ...u16(value & 0xffff)];
const latin1 = (text: string) => [...Buffer.from(text, "latin1")];
const wide = (bytes: number[]) => [...u16(bytes.length), ...bytes];
const narrow = (bytes: number[]) => [bytes.length, ...bytes];

const extension = (type: number, data: number[]) => [...u16(type), ...wide(data)];
const hostName = (name: string, kind = 0) => [kind, ...wide(latin1(name))];
const serverName = (...names: number[][]) => extension(0, wide(names.flat()));
const alpn = (...protocols: string[]) => extension(16, wide(protocols.flatMap((name) => narrow(latin1(name)))));

type Parts = { session?: number[]; suites?: number[]; compressions?: number[]; extensions?: number[] | undefined };
const message = (parts: Parts, type = 1): number[] => {
  const body = [3, 3, ...Array.from({ length: 32 }, () => 7), ...narrow(parts.session ?? [1, 2, 3])];
  body.push(...wide(parts.suites ?? [0x13, 1, 0x13, 2]), ...narrow(parts.compressions ?? [0]));
  if (parts.extensions) body.push(...wide(parts.extensions));
  return [type, ...u24(body.length), ...body];
};
const record = (bytes: number[], type = 22) => [type, 3, 1, ...wide(bytes)];
const records = (bytes: number[], ...cuts: number[]) =>
  [0, ...cuts].flatMap((cut, index) => record(bytes.slice(cut, cuts[index] ?? bytes.length)));
const read = (bytes: number[]) => readClientHello(Uint8Array.from(bytes));
const readExtensions = (...extensions: number[][]) => read(record(message({ extensions: extensions.flat() })));

const plain = message({ extensions: [...serverName(hostName("example.com")), ...alpn("h2", "http/1.1")] });
const hello: Hello = { state: "hello", serverName: "example.com", alpn: ["h2", "http/1.1"], encryptedHello: false };

describe("a hello", () => {
  test("in one record", () => expect(read(record(plain))).toEqual(hello));

  test("is incomplete at every earlier byte, also when it is spread over records", () => {
    for (const bytes of [record(plain), records(plain, 1, 2, 3, 5), records(plain, 4, 40)]) {
      for (let length = 0; length < bytes.length; length += 1)
        expect(read(bytes.slice(0, length))).toEqual({ state: "incomplete" });
      expect(read(bytes)).toEqual(hello);
    }
  });

  test("cut into two records anywhere is the same", () => {
    for (let cut = 1; cut < plain.length; cut += 1) expect(read(records(plain, cut))).toEqual(hello);
  });

  test("spread over 16 records is read, over 17 not", () => {
    const cuts = (count: number) => Array.from({ length: count - 1 }, (_, index) => index + 1);
    expect(read(records(plain, ...cuts(16)))).toEqual(hello);
    expect(read(records(plain, ...cuts(17))).state).toBe("bad");
  });

  test("without extensions, or without a name, has none", () => {
    expect(read(record(message({})))).toEqual({ state: "hello", alpn: [], encryptedHello: false });
    expect(readExtensions()).toEqual({ state: "hello", alpn: [], encryptedHello: false });
    expect(readExtensions(alpn("h2"))).toEqual({ state: "hello", alpn: ["h2"], encryptedHello: false });
  });

  test.each(["EXAMPLE.com.", "a\0b", "127.0.0.1", "\xe4.example", " ", "a".repeat(255)])(
    "keeps the name %j",
    (name) => {
      expect(readExtensions(serverName(hostName(name)))).toMatchObject({ serverName: name });
    },
  );

  test("with an encrypted one beside it is flagged, with the mark of an inner one not", () => {
    expect(readExtensions(extension(0xfe0d, [0, 0, 1, 0, 1, 9]))).toMatchObject({ encryptedHello: true });
    expect(readExtensions(extension(0xfe0d, [1]))).toMatchObject({ encryptedHello: false });
  });

  test("may be followed by early data and a cipher change", () => {
    for (const type of [20, 23]) expect(read([...record(plain), ...record([1], type)])).toEqual(hello);
  });

  test("may be as long as 64 KiB", () => {
    const sized = (length: number) => message({ extensions: extension(21, Array(length).fill(0)) });
    const cuts = [16_000, 32_000, 48_000, 64_000];
    const room = 65_536 - sized(0).length;
    const longest = records(sized(room), ...cuts);
    expect(read(longest.slice(0, -1)).state).toBe("incomplete");
    expect(read(longest).state).toBe("hello");
    expect(read(records(sized(room + 1), ...cuts)).state).toBe("bad");
    expect(read(records(sized(room + 1), ...cuts).slice(0, 9)).state).toBe("bad");
  });
});

describe("what is no TLS", () => {
  const streams = ["GET / HTTP/1.1\r\n", "SSH-2.0-x\r\n", "\0", "\x80\x2e\x01\x03\x01", "\x16\x02\x00", "\x16\xfe\xfd"];
  test.each(streams)("%j", (text) => expect(read(latin1(text))).toEqual({ state: "not-tls" }));
});

describe("what is bad", () => {
  const lengthOfExtensions = (difference: number) => {
    const extensions = serverName(hostName("a.example"));
    const bytes = message({ extensions });
    bytes[bytes.length - extensions.length - 1]! += difference;
    return bytes;
  };
  const inside = (...extensions: number[][]) => record(message({ extensions: extensions.flat() }));
  const name = serverName(hostName("a.example"));
  const cases: [string, number[]][] = [
    ["a server's hello", record(message({}, 2))],
    ["an alert first in the second record", [...records(plain.slice(0, 50)), ...record([2, 40], 21)]],
    ["application data inside the hello", [...records(plain.slice(0, 50)), ...record(plain.slice(50), 23)]],
    ["an empty record", [...record([]), ...record(plain)]],
    ["an empty record inside", [...record(plain.slice(0, 9)), ...record([]), ...record(plain.slice(9))]],
    ["a record that is too long", [22, 3, 1, ...u16(16_385)]],
    ["two hellos in one record", record([...plain, ...plain])],
    ["two hellos in two records", [...record(plain), ...record(plain)]],
    ["one byte behind the hello", record([...plain, 0])],
    ["a record that announces more than the hello", record([...plain, 0]).slice(0, -1)],
    ["a hello that announces 16 MiB", record([1, 255, 255, 255, 3, 3])],
    ["the same name twice", inside(serverName(hostName("a.example"), hostName("a.example")))],
    ["two names", inside(serverName(hostName("a.example"), hostName("b.example")))],
    ["a name of another kind", inside(serverName(hostName("a.example", 1)))],
    ["another kind behind the name", inside(serverName(hostName("a.example"), hostName("b", 1)))],
    ["an empty name", inside(serverName(hostName("")))],
    ["an empty list of names", inside(extension(0, [0, 0]))],
    ["an empty server name", inside(extension(0, []))],
    ["a list of names that is too short", inside(extension(0, [...wide(hostName("a.example")), 0]))],
    ["a list of names that is too long", inside(extension(0, [0, 30, ...hostName("a.example")]))],
    ["a name that is too long for its list", inside(extension(0, wide([0, 0, 30, 97])))],
    ["two server name extensions", inside(name, name)],
    ["two extensions that nobody knows", inside(extension(0xabcd, []), extension(0xabcd, [1]))],
    ["no protocols", inside(alpn())],
    ["an empty protocol", inside(alpn("h2", ""))],
    ["protocols that are cut off", inside(extension(16, [0, 3, 5, 104, 50]))],
    ["protocols with something behind", inside(extension(16, [0, 3, 2, 104, 50, 0]))],
    ["an empty encrypted hello", inside(extension(0xfe0d, []))],
    ["an extension that is cut off", inside([0, 0, 0, 9, 1])],
    ["half an extension", inside([0, 0, 0])],
    ["something behind the extensions", record([1, ...u24(plain.length - 3), ...plain.slice(4), 0])],
    ["extensions longer than said", record(lengthOfExtensions(-1))],
    ["extensions shorter than said", record(lengthOfExtensions(1))],
    ["a session of 33 bytes", record(message({ session: Array(33).fill(0) }))],
    ["no cipher suites", record(message({ suites: [] }))],
    ["half a cipher suite", record(message({ suites: [1, 2, 3] }))],
    ["no compression", record(message({ compressions: [] }))],
    ["a hello of nothing", record([1, 0, 0, 0])],
  ];
  test.each(cases)("%s", (_, bytes) => {
    const reading = read(bytes);
    expect(reading).toEqual({ state: "bad", reason: expect.stringMatching(/^[ -~]+$/) });
  });
});

/** What a real client sends first, caught on the loopback. The client fails then, as nobody answers. */
const catchHello = async (command: (port: number) => string[]): Promise<Buffer[]> => {
  const home = mkdtempSync(path.join(os.tmpdir(), "cordon-hello-"));
  const caught = Promise.withResolvers<Buffer[]>();
  const server = net.createServer((socket) => {
    const pieces: Buffer[] = [];
    socket.on("error", () => {});
    socket.on("close", () => caught.resolve(pieces));
    socket.on("data", (piece: Buffer) => {
      pieces.push(piece);
      if (readClientHello(Buffer.concat(pieces)).state !== "incomplete") socket.destroy();
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const [program, ...args] = command((server.address() as net.AddressInfo).port);
  const env = { HOME: home, PATH: process.env["PATH"] ?? "/usr/bin:/bin" };
  const child = spawn(program!, args, { env, stdio: "ignore" });
  child.on("exit", () => setTimeout(() => caught.resolve([]), 1000));
  try {
    return await caught.promise;
  } finally {
    child.kill("SIGKILL");
    server.close();
    rmSync(home, { recursive: true, force: true });
  }
};

describe("real clients", () => {
  const host = "Api.Example.com";
  const script = (port: number) =>
    `require("tls").connect({host:"127.0.0.1",port:${port},servername:"${host}",ALPNProtocols:["h2","http/1.1"]}).on("error",()=>{})`;
  const openssl = (port: number, ...more: string[]) => [
    ...["openssl", "s_client", "-connect", `127.0.0.1:${port}`, "-servername", host],
    ...more,
  ];
  type Client = { name: string; program: string; alpn: string[]; command: (port: number) => string[] };
  const both = ["h2", "http/1.1"];
  const clients: Client[] = [
    { name: "node", program: "node", alpn: both, command: (port) => ["node", "-e", script(port)] },
    { name: "bun", program: "bun", alpn: both, command: (port) => [process.execPath, "-e", script(port)] },
    { name: "openssl", program: "openssl", alpn: ["h2"], command: (port) => openssl(port, "-alpn", "h2") },
    { name: "openssl, TLS 1.2", program: "openssl", alpn: [], command: (port) => openssl(port, "-tls1_2") },
    {
      ...{ name: "curl", program: "curl", alpn: ["http/1.1"] },
      command: (port) => [
        ...["curl", "-sk", "--http1.1", "--noproxy", "*"],
        ...["--connect-to", `::127.0.0.1:${port}`, `https://${host}/`],
      ],
    },
  ];
  for (const { name, program, alpn, command } of clients)
    test.skipIf(program !== "bun" && !Bun.which(program))(
      name,
      async () => {
        const reading = readClientHello(Buffer.concat(await catchHello(command)));
        expect(reading).toMatchObject({ state: "hello", encryptedHello: false, alpn });
        expect("serverName" in reading && reading.serverName?.toLowerCase()).toBe(host.toLowerCase());
      },
      30_000,
    );
});

/** With an encrypted one in it. */
const encrypted = record(
  message({ extensions: [...serverName(hostName("a.example")), ...extension(0xfe0d, [0, 1, 2, 3])] }),
);

test("no bytes make it throw", () => {
  const noise = createNoise(77);
  const seeds = [record(plain), records(plain, 9, 60), encrypted].map((bytes) => Uint8Array.from(bytes));
  const states = new Map<string, number>();
  for (let round = 0; round < 20_000; round += 1) {
    const bytes = round % 8 === 0 ? noise.bytes(noise.below(200)) : noise.mutate(seeds[noise.below(seeds.length)]!);
    const { state } = readClientHello(bytes);
    states.set(state, (states.get(state) ?? 0) + 1);
  }
  for (const state of ["hello", "bad", "incomplete", "not-tls"]) expect(states.get(state) ?? 0).toBeGreaterThan(100);
});
