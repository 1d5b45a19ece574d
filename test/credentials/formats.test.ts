import { describe, expect, test } from "bun:test";
import type { Format } from "../../src/credentials/formats/format.ts";
import { formats } from "../../src/credentials/formats/index.ts";
import { setValue } from "../../src/credentials/formats/json-text.ts";
import { claimsOf } from "../../src/credentials/formats/jwt.ts";

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
const jwtOf = (claims: object) => `${part({ alg: "RS256" })}.${part(claims)}.c2VjcmV0LXNpZ25hdHVyZQ`;
const account = { chatgpt_account_id: "acct-1", chatgpt_plan_type: "pro", internal_note: "secret-note" };
const idToken = jwtOf({ email: "ada@example.test", sid: "secret-session", "https://api.openai.com/auth": account });
const accessToken = jwtOf({ exp: 1_800_000_000, "https://api.openai.com/auth": account });

const files = {
  claude: `{ "claudeAiOauth": {"accessToken":"secret-access", "refreshToken" : "secret-refresh",
    "expiresAt":1700000000000,"scopes":["user:inference"],"subscriptionType":"max","rateLimitTier":"t"},
    "mcpOAuth": {"x": {"accessToken": "secret-other"}} }\n`,
  codex: `{\n  "OPENAI_API_KEY": "secret-key",\n  "tokens": {"id_token": "${idToken}", "access_token": "${accessToken}", "refresh_token": "secret-refresh", "account_id": "acct-1"},\n  "last_refresh": "2026-01-01T00:00:00Z", "extra": 1e3 }`,
  gemini: `{"access_token":"secret-access","refresh_token":"secret-refresh","scope":"a b","token_type":"Bearer","id_token":"secret-id","expiry_date":1700000000000}`,
  opencode: `{"openai":{"type":"oauth","refresh":"secret-refresh","access":"${accessToken}","expires":1700000000000,"accountId":"acct-1"},"groq":{"type":"api","key":"secret-key"},"github-copilot":{"type":"oauth","refresh":"secret-copilot","access":"secret-copilot","expires":0},"anthropic":{"type":"oauth","refresh":"secret-a","access":"secret-b","expires":1}}`,
};
const each = Object.entries(files) as [keyof typeof files, string][];
const secrets = [idToken, accessToken, "c2VjcmV0LXNpZ25hdHVyZQ"];
const visible = (text: string) =>
  [text, ...text.split(/[".]/).map((piece) => Buffer.from(piece, "base64url").toString("latin1"))].join("\n");

describe.each(each)("%s", (name, text) => {
  const format: Format = formats[name];
  const logins = format.read(text);

  test("what stands inside holds no secret, and is a file of the same kind with the placeholders", () => {
    const inside = format.standIn(text);
    expect(visible(inside)).not.toContain("secret");
    for (const secret of secrets) expect(inside).not.toContain(secret);
    expect(format.standIn(text)).toBe(inside);
    const read = format.read(inside);
    expect(read.map(({ key, tokens }) => [key, tokens.access])).toEqual(
      logins.map(({ key, placeholder }) => [key, placeholder]),
    );
    for (const { tokens } of read) expect(tokens.expiresAtMs ?? Number.POSITIVE_INFINITY).toBeGreaterThan(4e12);
  });

  test("a renewal asks with the refresh token, and changes nothing else of the file", () => {
    const login = logins.find(({ kind }) => kind === "oauth")!;
    const request = format.renewal(login)!;
    expect(request.body).toContain("secret-refresh");
    expect(new URL(request.url).protocol).toBe("https:");
    const answer = { access_token: "new-access", refresh_token: "new-refresh", id_token: "new-id", expires_in: 3600 };
    const next = format.renewed(text, login, answer, 1_800_000_000_000)!;
    const renewed = format.read(next).find(({ key }) => key === login.key)!;
    expect([renewed.tokens.access, renewed.tokens.refresh]).toEqual(["new-access", "new-refresh"]);
    if (name !== "codex") expect(renewed.tokens.expiresAtMs).toBe(1_800_003_600_000);
    const untouched = {
      claude: `"mcpOAuth": {"x": {"accessToken": "secret-other"}} }\n`,
      codex: `"extra": 1e3 }`,
      gemini: `"token_type":"Bearer"`,
      opencode: `"groq":{"type":"api","key":"secret-key"}`,
    };
    expect(next).toContain(untouched[name]);
    expect(format.renewed(text, login, { error: "no" }, 0)).toBeUndefined();
  });

  test("a text that means nothing holds no login", () => {
    for (const odd of ["", "null", "[]", "{", '{"tokens":1,"claudeAiOauth":[],"openai":"x"}', "\0"])
      expect(format.read(odd)).toEqual([]);
  });

  test("without a refresh token there is nothing to renew with", () => {
    const login = logins.find(({ kind }) => kind === "oauth")!;
    const { refresh: _, ...tokens } = login.tokens;
    expect(format.renewal({ ...login, tokens })).toBeUndefined();
  });
});

test("each client's own facts", () => {
  const [claude] = formats.claude.read(files.claude);
  expect(claude!.tokens).toMatchObject({ plan: "max", scopes: ["user:inference"], expiresAtMs: 1_700_000_000_000 });
  expect(JSON.parse(formats.claude.standIn(files.claude)).claudeAiOauth).toMatchObject({
    ...{ refreshToken: null, subscriptionType: "max", rateLimitTier: "t" },
  });
  const codex = formats.codex.read(files.codex);
  expect(codex.map(({ key, kind }) => [key, kind])).toEqual([
    ["OPENAI_API_KEY", "key"],
    ["tokens", "oauth"],
  ]);
  expect(codex[1]!.tokens).toMatchObject({ account: "acct-1", plan: "pro", expiresAtMs: 1_800_000_000_000 });
  const inside = JSON.parse(formats.codex.standIn(files.codex));
  expect(claimsOf(inside.tokens.id_token)).toMatchObject({
    email: "ada@example.test",
    "https://api.openai.com/auth": { chatgpt_account_id: "acct-1", chatgpt_plan_type: "pro" },
  });
  expect(inside.tokens.account_id).toBe("acct-1");
  expect(Date.parse(inside.last_refresh)).toBeGreaterThan(4e12);
  expect(formats.opencode.read(files.opencode).map(({ key }) => key)).toEqual(["openai", "groq", "github-copilot"]);
});

test("Codex renews a login without an expiry after eight days", () => {
  const text = JSON.stringify({
    tokens: { access_token: "at-x", refresh_token: "r" },
    last_refresh: "2026-01-01T00:00:00Z",
  });
  expect(formats.codex.read(text)[0]!.tokens.expiresAtMs).toBe(Date.parse("2026-01-09T00:00:00Z"));
});

test("a file of Gemini's that holds a refresh token alone is due at once", () => {
  expect(formats.gemini.read('{"refresh_token":"r"}')[0]!.tokens).toMatchObject({ access: "", expiresAtMs: 0 });
});

describe("changing one value of a JSON text", () => {
  test.each([
    ['{"a":1}', ["a"], '{"a":2}'],
    ['{ "b" : [1, {"a": 9}] , "a" :\n"x" }', ["a"], '{ "b" : [1, {"a": 9}] , "a" :\n2 }'],
    ['{"a":{"a":{"a":0}}}', ["a", "a", "a"], '{"a":{"a":{"a":2}}}'],
    ['{"x":"}\\"{","a":null}', ["a"], '{"x":"}\\"{","a":2}'],
    ['{"\\u0061":1}', ["a"], '{"\\u0061":2}'],
    ['{"a":0,"a":1}', ["a"], '{"a":0,"a":2}'],
    ["{}", ["a"], '{"a":2}'],
    ['{"b":{ "c":1}}', ["b", "a"], '{"b":{"a":2, "c":1}}'],
    ['{"b":[]}', ["b", "a"], '{"b":[]}'],
  ])("%s", (text, path, changed) => {
    expect(setValue(text, path, 2)).toBe(changed);
    JSON.parse(changed);
  });
});
