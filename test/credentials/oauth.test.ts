import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { exchangeFrom, readAnswer } from "../../src/credentials/oauth.ts";
import { createAuthority } from "../../src/egress/intercept/certificate-authority.ts";
import { makeHome } from "./lab.ts";

const lab = makeHome();
const request = { headers: { "content-type": "application/json" }, body: '{"refresh_token":"secret"}' };
const seen: { method: string; body: string; path: string }[] = [];
let server: ReturnType<typeof Bun.serve>;
let bundle: string;

beforeAll(async () => {
  const authority = await createAuthority();
  bundle = lab.write("house.pem", authority.pem);
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls: await authority.issue("localhost"),
    fetch: async (incoming) => {
      const path = new URL(incoming.url).pathname;
      seen.push({ method: incoming.method, body: await incoming.text(), path });
      if (path === "/moved") return Response.redirect("/token", 307);
      if (path === "/endless") return new Response("x".repeat(300_000));
      return Response.json({ access_token: "new" });
    },
  });
});
afterAll(() => {
  server.stop(true);
  lab.remove();
});

const urlOf = (path: string) => `https://localhost:${server.port}${path}`;

describe("a request to a token endpoint", () => {
  test.each(["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"])("trusts the authorities of %s", async (name) => {
    const answer = await exchangeFrom({ [name]: bundle })({ ...request, url: urlOf("/token") });
    expect(answer).toEqual({ ok: true, body: { access_token: "new" } });
    expect(seen.at(-1)).toEqual({ method: "POST", body: request.body, path: "/token" });
  });

  test("sends nothing to a server whose certificate nobody vouches for", async () => {
    const before = seen.length;
    const answer = await exchangeFrom({})({ ...request, url: urlOf("/token") });
    expect(answer).toMatchObject({ ok: false, isFinal: false });
    expect(seen.length).toBe(before);
  });

  test("follows no redirect, and reads no endless answer", async () => {
    const exchange = exchangeFrom({ SSL_CERT_FILE: bundle });
    const before = seen.length;
    expect(await exchange({ ...request, url: urlOf("/moved") })).toMatchObject({ reason: "the server answered 307" });
    expect(await exchange({ ...request, url: urlOf("/endless") })).toMatchObject({ ok: false, isFinal: false });
    expect(seen.length).toBe(before + 2);
  });

  test("goes by the user's proxy, but for what needs none", async () => {
    const heads: string[] = [];
    const proxy = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data: (socket, chunk) => {
          heads.push(chunk.toString().split("\r\n")[0]!);
          socket.end("HTTP/1.1 502 no\r\ncontent-length: 0\r\n\r\n");
        },
      },
    });
    const env = { HTTPS_PROXY: `127.0.0.1:${proxy.port}`, SSL_CERT_FILE: bundle };
    expect(await exchangeFrom(env)({ ...request, url: "https://token.example.test/x" })).toMatchObject({ ok: false });
    expect(heads).toEqual(["CONNECT token.example.test:443 HTTP/1.1"]);
    const direct = exchangeFrom({ ...env, NO_PROXY: "example.test, .localhost" });
    expect(await direct({ ...request, url: urlOf("/token") })).toMatchObject({ ok: true });
    expect(heads.length).toBe(1);
    proxy.stop(true);
  });
});

test("what an answer says, without any of its own words", () => {
  const final = [
    '{"error":"invalid_grant"}',
    '{"error":{"code":"refresh_token_reused"}}',
    '{"code":"refresh_token_expired"}',
  ];
  for (const text of final) expect(readAnswer(400, text)).toMatchObject({ ok: false, isFinal: true });
  for (const text of ['{"error":"temporarily_unavailable"}', '{"error":7}', "<secret>", "", "null"])
    expect(readAnswer(503, text)).toEqual({ ok: false, isFinal: false, reason: "the server answered 503" });
  expect(readAnswer(200, "[]")).toMatchObject({ ok: false });
});
