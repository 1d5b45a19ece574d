import { describe, expect, test } from "bun:test";
import { createRequestReader, originForm } from "../../src/egress/http-request.ts";
import { createNoise } from "./noise.ts";
import { chunked, get, headOf, kinds, latin1, post, readAll, seen, textOf } from "./requests.ts";

describe("a head", () => {
  test("is handed out as it was sent", () => {
    const raw =
      "PUT /a%20b?c=d HTTP/1.1\r\nHost: A.example:80\r\nx-Y:\t v \xe4w \t\r\nEmpty:\r\nContent-Length: 0\r\n\r\n";
    expect(readAll(raw)).toEqual([
      {
        ...{ kind: "head", method: "PUT", target: "/a%20b?c=d", form: "origin", version: "1.1", raw },
        ...{ host: "A.example:80", bodyKind: "length", contentLength: 0, expectContinue: false },
        headers: [
          ["Host", "A.example:80"],
          ["x-Y", "v \xe4w"],
          ["Empty", ""],
          ["Content-Length", "0"],
        ],
      },
      { kind: "end" },
    ]);
  });

  test.each([
    ["GET / HTTP/1.1", { form: "origin" }],
    ["GET //evil.example/ HTTP/1.1", { form: "origin" }],
    ["OPTIONS * HTTP/1.1", { form: "asterisk" }],
    ["GET http://b.example HTTP/1.1", { form: "absolute", authority: { host: "b.example", kind: "name" } }],
    ["GET HTTP://b.example:8080?q HTTP/1.1", { authority: { host: "b.example", kind: "name", port: 8080 } }],
    ["GET http://10.0.0.1/x@y HTTP/1.1", { authority: { host: "10.0.0.1", kind: "ipv4" } }],
    ["GET http://[::1]:80/ HTTP/1.1", { authority: { host: "::1", kind: "ipv6", port: 80 } }],
    [
      "CONNECT b.example:443 HTTP/1.1",
      { form: "authority", authority: { host: "b.example", kind: "name", port: 443 } },
    ],
    ["CONNECT u@b.example:443 HTTP/1.1", { form: "authority" }],
  ])("%s", (line, expected) => {
    const head = headOf(`${line}\r\nHost: a.example\r\n\r\n`);
    expect(head).toMatchObject(expected);
    expect("authority" in head).toBe("authority" in expected);
  });

  test("of HTTP/1.0 may do without Host", () => {
    const head = headOf("GET / HTTP/1.0\r\n\r\n");
    expect([head.version, "host" in head]).toEqual(["1.0", false]);
  });

  test("tells what it expects and wants to become", () => {
    expect(headOf(post("Expect: 100-Continue\r\nContent-Length: 1\r\n"))).toMatchObject({ expectContinue: true });
    expect(headOf(get("Upgrade: WebSocket\r\nConnection: upgrade\r\n"))).toMatchObject({ upgrade: "websocket" });
    expect(headOf(get("Upgrade: h2c\r\nUpgrade: x\r\n"))).toMatchObject({ upgrade: "h2c, x" });
  });
});

describe("a stream", () => {
  const first = chunked("5\r\nhello\r\n00A\r\n0123\r\n6789\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n");
  const second = post("Content-Length: 18\r\n", "GET / HTTP/1.1\r\n\r\n");
  const stream = first + second + get() + chunked("0\r\n\r\n");
  const events = readAll(stream);

  test("of four requests has four, with their bodies as they were sent", () => {
    expect(events.map(({ kind }) => kind).join(" ")).toBe("head body end head body end head end head body end");
    const sent = events.map((event) => event["raw"] ?? event["text"] ?? "").join("");
    expect(sent).toBe(stream);
  });

  test("is the same wherever it is cut in two", () => {
    for (let at = 0; at <= stream.length; at += 1) {
      const reader = createRequestReader();
      const cut = [...reader.push(latin1(stream.slice(0, at))), ...reader.push(latin1(stream.slice(at)))];
      expect(seen(cut)).toEqual(events);
    }
  });

  test("is the same in single bytes and in random pieces", () => {
    const single = createRequestReader();
    expect(seen([...latin1(stream)].flatMap((byte) => single.push(Uint8Array.of(byte))))).toEqual(events);
    const noise = createNoise(11);
    for (let round = 0; round < 50; round += 1) {
      const reader = createRequestReader();
      expect(seen(noise.split(latin1(stream)).flatMap((piece) => reader.push(piece)))).toEqual(events);
    }
  });

  test("goes on with the next request exactly behind the body", () => {
    expect(kinds(post("Content-Length: 3\r\n", `abc${get()}`))).toEqual(["head", "body", "end", "head", "end"]);
    expect(kinds(post("Content-Length: 2\r\n", `abc${get()}`))).toEqual(["head", "body", "end", "head", "end"]);
    expect(readAll(post("Content-Length: 2\r\n", `abc${get()}`))[3]).toMatchObject({ method: "cGET" });
    expect(kinds(post("Content-Length: 4\r\n", "abc"))).toEqual(["head", "body"]);
  });

  test("takes nothing after an error", () => {
    const reader = createRequestReader();
    expect(reader.push(latin1("\n")).length).toBe(1);
    expect(reader.push(latin1(get()))).toEqual([]);
    expect([reader.isHeld(), reader.resume(), reader.release().length]).toEqual([false, [], 0]);
  });

  test("hands a large body on without copying", () => {
    const piece = new Uint8Array(1 << 20).fill(13);
    const reader = createRequestReader();
    reader.push(latin1(post(`Content-Length: ${1 << 30}\r\n`)));
    for (let count = 0; count < 1024; count += 1) {
      const [event, ...more] = reader.push(piece);
      if (event?.kind !== "body" || event.bytes.buffer !== piece.buffer || event.bytes.length !== 1 << 20)
        throw new Error("not the piece itself");
      expect(more.map(({ kind }) => kind)).toEqual(count === 1023 ? ["end"] : []);
    }
  });

  test("hands many chunks on as one slice", () => {
    const piece = latin1("1\r\nx\r\n".repeat(1000));
    const reader = createRequestReader();
    reader.push(latin1(chunked("")));
    const events = reader.push(piece);
    expect(events).toEqual([{ kind: "body", bytes: new Uint8Array(piece) }]);
    expect((events[0] as { bytes: Uint8Array }).bytes.buffer).toBe(piece.buffer);
  });

  test("may have its own limits", () => {
    const reader = createRequestReader({ headBytes: 100, fields: 2 });
    expect(reader.push(latin1(get("X: y\r\n"))).length).toBe(2);
    expect(reader.push(latin1(get("X: y\r\nZ: a\r\n")))).toMatchObject([{ status: 431 }]);
    expect(createRequestReader({ headBytes: 40 }).push(latin1(get("X: yyyyyyyyyyyyyyyyyyy\r\n")))).toMatchObject([
      { status: 431 },
    ]);
  });

  test("takes a head of 64 KiB to the byte", () => {
    const padding = 65_536 - get("X: \r\n").length;
    expect(kinds(get(`X: ${"y".repeat(padding)}\r\n`))).toEqual(["head", "end"]);
    expect(kinds(get(`X: ${" ".repeat(padding)}\r\n`))).toEqual(["head", "end"]);
    expect(kinds(get(`X: ${"y".repeat(padding + 1)}\r\n`))).toEqual(["error"]);
  });
});

describe("a protocol that may change", () => {
  const websocket = get("Connection: Upgrade\r\nUpgrade: websocket\r\n");
  const connect = "CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n";

  test.each([websocket, connect])("%j is followed by nothing that is read as HTTP", (request) => {
    for (const rest of [get(), "\x16\x03\x01\0\n", ""]) {
      const reader = createRequestReader();
      expect(reader.push(latin1(request + rest)).map(({ kind }) => kind)).toEqual(["head", "end"]);
      expect(reader.isHeld()).toBe(true);
      expect(reader.push(latin1("more"))).toEqual([]);
      expect(textOf(reader.release())).toBe(`${rest}more`);
      expect([reader.isHeld(), reader.push(latin1(get()))]).toEqual([false, []]);
    }
  });

  test("goes on as HTTP when it did not", () => {
    const reader = createRequestReader();
    reader.push(latin1(websocket + get() + connect + get()));
    expect(reader.resume().map(({ kind }) => kind)).toEqual(["head", "end", "head", "end"]);
    expect(reader.isHeld()).toBe(true);
    expect(reader.resume().map(({ kind }) => kind)).toEqual(["head", "end"]);
    expect(reader.push(latin1(get())).length).toBe(2);
  });

  test("holds no more than a head's worth", () => {
    const reader = createRequestReader();
    reader.push(latin1(connect));
    expect(reader.push(new Uint8Array(65_536))).toEqual([]);
    expect(reader.push(new Uint8Array(1))).toMatchObject([{ kind: "error", status: 413 }]);
    expect([reader.isHeld(), reader.release().length]).toEqual([false, 0]);
  });
});

describe("origin form", () => {
  const formOf = (text: string) => textOf(originForm(headOf(text))).split("\r\n");

  test("has the path, the target's host and nothing of this connection's", () => {
    const fields = [
      ...["Host: wrong.example", "Accept: */*", "Proxy-Authorization: Basic x", "Proxy-Connection: keep-alive"],
      ...["Connection: keep-alive, X-Hop", "x-hop: 1", "Keep-Alive: 5", "TE: trailers", "Upgrade: h2c"],
      ...["HTTP2-Settings: x", "Transfer-Encoding: chunked", "Trailer: X-Sum", "Cookie: a=\xe4"],
    ];
    expect(formOf(`POST http://B.example:8080/p?q HTTP/1.1\r\n${fields.join("\r\n")}\r\n\r\n`)).toEqual([
      ...["POST /p?q HTTP/1.1", "Host: B.example:8080", "Accept: */*", "Transfer-Encoding: chunked", "Trailer: X-Sum"],
      ...["Cookie: a=\xe4", "Connection: close", "", ""],
    ]);
  });

  test.each([
    ["GET http://b.example", "GET / "],
    ["GET http://b.example?q=http://c.example/", "GET /?q=http://c.example/ "],
    ["GET http://b.example//c", "GET //c "],
    ["OPTIONS http://b.example", "OPTIONS * "],
    ["OPTIONS http://b.example/", "OPTIONS / "],
    ["GET /x", "GET /x "],
  ])("%s", (line, expected) => {
    expect(formOf(`${line} HTTP/1.1\r\nHost: b.example\r\n\r\n`).slice(0, 2)).toEqual([
      `${expected}HTTP/1.1`,
      "Host: b.example",
    ]);
  });

  test("is itself a request that is taken", () => {
    expect(kinds(textOf(originForm(headOf(get("Connection: close\r\n")))))).toEqual(["head", "end"]);
    expect(formOf("GET / HTTP/1.0\r\n\r\n")).toEqual(["GET / HTTP/1.0", "Connection: close", "", ""]);
  });
});

test("no bytes make it throw, and what is taken adds up to what was sent", () => {
  const noise = createNoise(9);
  const seeds = [
    chunked("5\r\nhello\r\n0\r\nA: b\r\n\r\n") + get(),
    post("Content-Length: 5\r\nConnection: close\r\n", "hello") + get("Upgrade: x\r\n"),
    "GET http://b.example:80/ HTTP/1.1\r\nHost: b.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ].map(latin1);
  const outcomes = new Map<string, number>();
  for (let round = 0; round < 20_000; round += 1) {
    const bytes = round % 8 === 0 ? noise.bytes(noise.below(100)) : noise.mutate(seeds[noise.below(seeds.length)]!);
    const reader = createRequestReader();
    const events = noise.split(bytes).flatMap((piece) => reader.push(piece));
    const whole = createRequestReader().push(bytes);
    if (!Bun.deepEquals(seen(events), seen(whole)))
      throw new Error(`cut differently: ${JSON.stringify(textOf(bytes))}`);
    const sent = seen(events)
      .map((event) => event["raw"] ?? event["text"] ?? "")
      .join("");
    if (!textOf(bytes).startsWith(sent)) throw new Error(`not what was sent: ${JSON.stringify(textOf(bytes))}`);
    const outcome = events.at(-1)?.kind ?? "nothing";
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  for (const outcome of ["end", "error", "nothing"]) expect(outcomes.get(outcome) ?? 0).toBeGreaterThan(100);
});
