import { describe, expect, test } from "bun:test";
import type { Injection } from "../../../src/credentials/credential.ts";
import type { Field } from "../../../src/egress/intercept/head.ts";
import { inject, injectionsFor } from "../../../src/egress/intercept/inject.ts";

const model: Injection = {
  credential: "MODEL_KEY",
  placeholder: "sk-placeholder",
  slots: [{ header: "x-api-key" }, { header: "authorization", scheme: "Bearer" }],
  hosts: ["api.model.test:443"],
};
const git: Injection = {
  credential: "git",
  placeholder: "ghp_placeholder",
  slots: [{ header: "authorization", scheme: "Basic" }],
  hosts: ["git.test:443", "*.git.test:8443", "localhost:4000", "plain.test:80", "localhost:80"],
};
const values: Record<string, string> = { MODEL_KEY: "sk-real", git: "ghp_real" };
const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;

const run = (
  fields: Field[],
  { target = "/v1", injections = [model, git], realOf = (name: string) => values[name] } = {},
) => inject(target, fields, injections, realOf);

describe("a credential goes to its own host and port", () => {
  test.each([
    ["git.test", 443, true],
    ["git.test", 8443, false],
    ["a.git.test", 8443, true],
    ["a.b.git.test", 8443, true],
    ["git.test.evil.test", 443, false],
    ["evilgit.test", 8443, false],
    ["a.git.test", 443, false],
    ["localhost", 4000, true],
    ["localhost", 4001, false],
    ["", 443, false],
    ["plain.test", 80, false],
    ["localhost", 80, true],
  ])("%s:%i: %p", (name, port, isMeant) => {
    expect(injectionsFor([git], name, port)).toEqual(isMeant ? [git] : []);
  });
});

describe("a placeholder in its place becomes the real value", () => {
  test.each<[string, Field, Field]>([
    ["the whole value", ["X-Api-Key", "sk-placeholder"], ["X-Api-Key", "sk-real"]],
    ["behind its scheme", ["Authorization", "Bearer sk-placeholder"], ["Authorization", "Bearer sk-real"]],
    ["the scheme as it was written", ["authorization", "bearer  sk-placeholder"], ["authorization", "bearer sk-real"]],
    ["a password", ["Authorization", basic("me:ghp_placeholder")], ["Authorization", basic("me:ghp_real")]],
    ["a password without a user", ["Authorization", basic(":ghp_placeholder")], ["Authorization", basic(":ghp_real")]],
  ])("%s", (_, given, wanted) => {
    const injected = run([["accept", "*/*"], given]);
    expect(injected).toMatchObject({ ok: true });
    expect(injected.ok && injected.fields).toEqual([["accept", "*/*"], wanted, ["accept-encoding", "identity"]]);
  });

  test("which one it was is told", () => {
    const injected = run([["x-api-key", "sk-placeholder"]]);
    expect(injected.ok && injected.used).toEqual(["MODEL_KEY"]);
  });
});

describe("anywhere else it stays what it is", () => {
  test.each<[string, Field]>([
    ["another field", ["user-agent", "sk-placeholder"]],
    ["a field with a similar name", ["x-api-key2", "sk-placeholder"]],
    ["a field that forwards", ["x-forwarded-authorization", "Bearer sk-placeholder"]],
  ])("%s", (_, field) => {
    const injected = run([field]);
    expect(injected.ok && injected.fields[0]).toEqual(field);
  });

  test("the address", () => {
    const injected = run([], { target: "/v1?q=sk-placeholder" });
    expect(injected.ok && JSON.stringify(injected.fields)).not.toContain("sk-real");
  });
});

describe("what signs in otherwise is refused", () => {
  test.each<[string, Field[], string]>([
    ["another key", [["x-api-key", "sk-of-somebody-else"]], "/v1"],
    ["a part of the value", [["x-api-key", "sk-placeholder2"]], "/v1"],
    ["more than the value", [["authorization", "Bearer sk-placeholder, Bearer x"]], "/v1"],
    ["another case of the value", [["x-api-key", "SK-PLACEHOLDER"]], "/v1"],
    ["another scheme", [["authorization", "Digest sk-placeholder"]], "/v1"],
    ["the value alone where a scheme belongs", [["authorization", "sk-placeholder"]], "/v1"],
    ["the placeholder of another slot", [["x-api-key", "ghp_placeholder"]], "/v1"],
    ["a password as a bearer token", [["authorization", "Bearer ghp_placeholder"]], "/v1"],
    ["the placeholder as a user", [["authorization", basic("ghp_placeholder:x")]], "/v1"],
    [
      "twice",
      [
        ["x-api-key", "sk-placeholder"],
        ["X-API-Key", "sk-placeholder"],
      ],
      "/v1",
    ],
    ["a key of another provider", [["x-goog-api-key", "whatever"]], "/v1"],
    ["a session", [["cookie", "sessionKey=sk-ant-sid"]], "/v1"],
    ["a session behind a harmless cookie", [["cookie", "__cf_bm=1; sessionKey=1"]], "/v1"],
    ["a parameter", [], "/v1?key=AIza"],
    ["a name that some servers take for the same", [["x_api_key", "sk-of-somebody-else"]], "/v1"],
    ["the placeholder under such a name", [["x_api_key", "sk-placeholder"]], "/v1"],
    ["a WebSocket protocol", [["sec-websocket-protocol", "realtime, openai-insecure-api-key.sk-x"]], "/v1"],
    ["a parameter behind a second question mark", [], "/v1??key=AIza"],
    ["a parameter behind a question mark that hides it", [], "/v1?a=b?key=AIza"],
    ["a parameter behind a semicolon", [], "/v1?a=b;key=AIza"],
    ["a parameter that is encoded", [], "/v1?a=1&access%5Ftoken=x"],
  ])("%s", (_, fields, target) => {
    expect(run(fields, { target }).ok).toBe(false);
  });

  test.each(["sk-real\r\nx-admin: 1", "sk-real\n", "", "\u20ac"])("a value that fits into no field: %j", (value) => {
    expect(run([["x-api-key", "sk-placeholder"]], { realOf: () => value }).ok).toBe(false);
  });

  test("a value that cannot be had leaves nothing to send", () => {
    const injected = run([["x-api-key", "sk-placeholder"]], { realOf: () => undefined as unknown as string });
    expect(injected).toEqual({ ok: false, sentence: "the credential MODEL_KEY cannot be had now" });
  });
});

test("a request without any credential goes on, and its answer is readable", () => {
  const injected = run([
    ["cookie", "__cf_bm=1; _cfuvid=2"],
    ["Accept-Encoding", "gzip"],
    ["accept_encoding", "gzip"],
    ["Sec-WebSocket-Extensions", "permessage-deflate"],
    ["Proxy-Authorization", "x"],
  ]);
  expect(injected.ok && injected.fields).toEqual([
    ["cookie", "__cf_bm=1; _cfuvid=2"],
    ["accept-encoding", "identity"],
  ]);
});
