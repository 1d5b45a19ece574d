import { describe, expect, jest, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import type net from "node:net";
import os from "node:os";
import path from "node:path";
import type tls from "node:tls";
import { dialThrough, type UpstreamProxy, upstreamOf } from "../../src/egress/upstream.ts";
import { anyRules, cleanups, failureOf, hear, nonsense, startProxy, target } from "./upstream-lab.ts";

describe("HTTP CONNECT", () => {
  test("asks by name; what follows the head belongs to the stream", async () => {
    const { proxy, seen } = await startProxy((socket) => {
      socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\nProxy-Agent: secret\r\n\r\nfirst bytes"));
    });
    const dialled = await dialThrough(proxy, target, anyRules);
    expect(await hear(dialled, 11)).toBe("first bytes");
    expect(seen.join("")).toBe("CONNECT far.test:443 HTTP/1.1\r\nHost: far.test:443\r\n\r\n");
    if (dialled.ok) dialled.wire.write("onwards");
    while (!seen.join("").endsWith("onwards")) await Bun.sleep(5);
  });

  test("an answer in single bytes", async () => {
    const { proxy } = await startProxy(async (socket) => {
      for (const byte of "HTTP/1.0 200 Connection established\r\nA: b\r\n\r\nstream") {
        socket.write(byte);
        await Bun.sleep(0);
      }
    });
    expect(await hear(await dialThrough(proxy, target, anyRules), 6)).toBe("stream");
  });

  test("a password goes along, and a wrong one gives the status and nothing else", async () => {
    const { proxy, seen } = await startProxy(
      (socket) => {
        socket.on("data", (chunk) => {
          const right = Buffer.from("me:p@ss").toString("base64");
          const isRight = chunk.toString().includes(`\r\nProxy-Authorization: Basic ${right}\r\n`);
          socket.end(
            isRight
              ? "HTTP/1.1 200 OK\r\n\r\nwelcome"
              : "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=secret\r\nContent-Length: 6\r\n\r\nsecret",
          );
        });
      },
      { login: { user: "me", password: "p@ss" } },
    );
    expect(await hear(await dialThrough(proxy, target, anyRules), 7)).toBe("welcome");
    for (const login of [undefined, { user: "me", password: "wrong" }]) {
      const dialled = await dialThrough({ ...proxy, login }, target, anyRules);
      expect(dialled).toEqual({ ok: false, failure: { kind: "proxy-refused", status: 407 } });
    }
    expect(seen.length).toBe(3);
  });

  test("an IPv6 target stands in brackets", async () => {
    const { proxy, seen } = await startProxy((socket) => {
      socket.once("data", () => socket.end("HTTP/1.1 403 No\r\n\r\n"));
    });
    const dialled = await dialThrough(proxy, { name: "2606:2800:220:1::1", port: 443 }, anyRules);
    expect(failureOf(dialled)).toEqual({ kind: "proxy-refused", status: 403 });
    expect(seen.join("")).toStartWith("CONNECT [2606:2800:220:1::1]:443 HTTP/1.1\r\n");
  });

  test.each([
    ["garbage", "SSH-2.0-OpenSSH_9.2\r\n"],
    ["another version", "HTTP/2 200 OK\r\n\r\n"],
    ["a status that is none", "HTTP/1.1 2000 OK\r\n\r\n"],
    ["no status", "HTTP/1.1 \r\n\r\n"],
    ["a giant head", `HTTP/1.1 200 OK\r\nA: ${"a".repeat(20_000)}\r\n\r\n`],
    ["a giant head without an end", `HTTP/1.1 200 OK\r\n${"A: b\r\n".repeat(100_000)}`],
  ])("%s", async (_, answer) => {
    const { proxy } = await startProxy((socket) => void socket.write(answer));
    expect(failureOf(await dialThrough(proxy, target, anyRules))).toEqual(nonsense);
  });

  test("a proxy that closes, in the head or before it, or resets", async () => {
    const ways: ((socket: net.Socket) => void)[] = [
      (socket) => socket.end(),
      (socket) => socket.end("HTTP/1.1 200 OK\r\nA"),
      (socket) => socket.resetAndDestroy(),
    ];
    for (const way of ways) {
      const { proxy } = await startProxy(way);
      expect(failureOf(await dialThrough(proxy, target, anyRules))).toEqual(nonsense);
    }
  });

  test("a proxy that drips is given ten seconds in all", async () => {
    const { promise: isAsked, resolve } = Promise.withResolvers<void>();
    const { promise: isClosed, resolve: close } = Promise.withResolvers<void>();
    const { proxy } = await startProxy((socket) => {
      socket.on("close", () => close());
      socket.on("data", () => {
        socket.write("HTTP/1.1 200 OK\r\nA");
        resolve();
      });
    });
    jest.useFakeTimers();
    const dialling = dialThrough(proxy, target, anyRules);
    await isAsked;
    jest.advanceTimersByTime(10_000);
    expect(failureOf(await dialling)).toEqual(nonsense);
    await isClosed;
  });

  test("a proxy that is not there, or has no address", async () => {
    const closed: UpstreamProxy = { protocol: "http", host: "127.0.0.1", port: 1, login: undefined, certificates: [] };
    expect(failureOf(await dialThrough(closed, target, anyRules))).toEqual({
      kind: "unreachable",
      detail: "upstream proxy: connection refused",
    });
    const unknown = await dialThrough({ ...closed, host: "proxy.test" }, target, anyRules, async () => []);
    expect(failureOf(unknown)).toMatchObject({ kind: "unreachable" });
  });
});

describe("SOCKS5", () => {
  /** Answers step by step: each entry is sent when something has come. */
  const scripted =
    (...answers: (number[] | string)[]) =>
    (socket: net.Socket): void => {
      const left = [...answers];
      socket.on("data", () => {
        const answer = left.shift();
        if (answer !== undefined) socket.write(typeof answer === "string" ? answer : Buffer.from(answer));
      });
    };
  const socks = { protocol: "socks5h" } as const;
  const bound = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0];

  test("the name goes as a name, and the stream begins behind the reply", async () => {
    const { proxy, seen } = await startProxy(scripted([5, 0], [...bound, ...Buffer.from("banner")]), socks);
    expect(await hear(await dialThrough(proxy, target, anyRules), 6)).toBe("banner");
    expect(seen).toEqual(["\x05\x01\x00", "\x05\x01\x00\x03\x08far.test\x01\xbb"]);
  });

  test("a reply with a name or an IPv6 address is as long as it says", async () => {
    const replies = [
      [5, 0, 0, 3, 2, 97, 98, 0, 0],
      [5, 0, 0, 4, ...Array.from({ length: 18 }, () => 0)],
    ];
    for (const reply of replies) {
      const { proxy } = await startProxy(scripted([5, 0], [...reply, 33]), socks);
      expect(await hear(await dialThrough(proxy, target, anyRules), 1)).toBe("!");
    }
  });

  test("a password, right and wrong, and one that is asked for but not there", async () => {
    const login = { user: "me", password: "pass" };
    const { proxy, seen } = await startProxy(scripted([5, 2], [1, 0], [...bound, 33]), { ...socks, login });
    expect(await hear(await dialThrough(proxy, target, anyRules), 1)).toBe("!");
    expect(seen[1]).toBe("\x01\x02me\x04pass");
    const wrong = await startProxy(scripted([5, 2], [1, 1]), { ...socks, login });
    const refused = { kind: "proxy-refused", status: 407 } as const;
    expect(failureOf(await dialThrough(wrong.proxy, target, anyRules))).toEqual(refused);
    const missing = await startProxy(scripted([5, 255]), socks);
    expect(failureOf(await dialThrough(missing.proxy, target, anyRules))).toEqual(refused);
  });

  test("a refusal, and what is no SOCKS5", async () => {
    const refusing = await startProxy(scripted([5, 0], [5, 4, 0, 1, 0, 0, 0, 0, 0, 0]), socks);
    expect(failureOf(await dialThrough(refusing.proxy, target, anyRules))).toEqual({
      kind: "unreachable",
      detail: "upstream proxy: SOCKS reply 4",
    });
    for (const answers of [
      ["HTTP/1.1 400 Bad\r\n\r\n"],
      [
        [5, 0],
        [5, 0, 0, 9, 0, 0, 0],
      ],
    ]) {
      const { proxy } = await startProxy(scripted(...answers), socks);
      expect(failureOf(await dialThrough(proxy, target, anyRules))).toEqual(nonsense);
    }
  });
});

describe("a proxy that is spoken to by TLS", () => {
  const createCertificate = (): { directory: string; secure: tls.TlsOptions; file: string } => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "cordon-upstream-"));
    cleanups.push(() => fs.rmSync(directory, { recursive: true }));
    const [file, key] = [path.join(directory, "certificate.pem"), path.join(directory, "key.pem")];
    const kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    const names = ["-subj", "/CN=proxy.test", "-addext", "subjectAltName=DNS:proxy.test"];
    const { status, stderr } = spawnSync("openssl", [...kind, ...names, "-keyout", key, "-out", file]);
    expect({ status, problem: status === 0 ? "" : String(stderr) }).toEqual({ status: 0, problem: "" });
    return { directory, file, secure: { cert: fs.readFileSync(file), key: fs.readFileSync(key) } };
  };
  const toLoopback = async () => ["127.0.0.1"];

  test("its certificate must be trusted by the host or the environment, and be good for its name", async () => {
    const { secure, file } = createCertificate();
    const options: Partial<UpstreamProxy> = { protocol: "https", host: "proxy.test" };
    const { proxy, seen } = await startProxy(
      (socket) => void socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\n\r\nfirst bytes")),
      options,
      secure,
    );
    const untrusted = { kind: "unreachable", detail: "upstream proxy: its certificate is not trusted" } as const;
    expect(failureOf(await dialThrough(proxy, target, anyRules, toLoopback))).toEqual(untrusted);
    const trusting = { ...proxy, certificates: [file, path.join(path.dirname(file), "missing.pem")] };
    const misnamed = { ...trusting, host: "other.test" };
    expect(failureOf(await dialThrough(misnamed, target, anyRules, toLoopback))).toEqual(untrusted);
    expect(seen).toEqual([]);
    const dialled = await dialThrough(trusting, target, anyRules, toLoopback);
    expect(await hear(dialled, 11)).toBe("first bytes");
    expect(seen.join("")).toStartWith("CONNECT far.test:443 HTTP/1.1\r\n");
  });

  test("the environment's certificates come along", () => {
    const env = { HTTPS_PROXY: "https://proxy.test", SSL_CERT_FILE: "/a.pem", NODE_EXTRA_CA_CERTS: "/b.pem" };
    expect(upstreamOf(env)?.https?.certificates).toEqual(["/a.pem", "/b.pem"]);
  });
});
