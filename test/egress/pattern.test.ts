import { describe, expect, test } from "bun:test";
import { formatPattern, isProblem, isRequestRule, parsePattern } from "../../src/egress/pattern.ts";
import { createRules } from "../../src/egress/rules.ts";

describe("reading a rule", () => {
  test.each([
    ["Example.COM.", "example.com"],
    ["*.Example.com:8443", "*.example.com:8443"],
    ["*", "*"],
    ["*:443", "*:443"],
    ["bücher.example", "xn--bcher-kva.example"],
    ["10.1.2.3:80", "10.1.2.3:80"],
    ["10.0.0.0/8", "10.0.0.0/8"],
    ["10.1.2.3/32", "10.1.2.3"],
    ["fd00::/8", "fd00:0:0:0:0:0:0:0/8"],
    ["[fd00::1]:80", "[fd00:0:0:0:0:0:0:1]:80"],
    ["::ffff:10.1.2.3", "10.1.2.3"],
    ["example.com/v1", "example.com/v1"],
    ["example.com/v1/", "example.com/v1"],
    ["GET,POST,GET example.com/", "GET,POST example.com/"],
    ["example.com/%76%31/%7e/x%3ay", "example.com/v1/~/x:y"],
    ["example.com/@scope%2fname", "example.com/@scope%2Fname"],
    ["example.com/a*b/%2a/$(x)`", "example.com/a*b/%2A/%24(x)%60"],
    ["*.example.com/a;b", "*.example.com/a;b"],
    ["GET,HEAD example.com:8080/a/*", "GET,HEAD example.com:8080/a/*"],
    ["10.1.2.3/v1", "10.1.2.3/v1"],
  ])("%s is %s", (text, spelling) => {
    const pattern = parsePattern(text);
    expect(isProblem(pattern) ? pattern : formatPattern(pattern)).toBe(spelling);
    expect(parsePattern(spelling)).toEqual(pattern);
    expect(isRequestRule(text)).toBe(/\/[a-z%@]|\/$/.test(text));
  });

  test.each([
    ...[
      "",
      " ",
      "**",
      "*.*",
      "a*.example.com",
      "*example.com",
      "*.",
      ".example.com",
      "exam ple.com",
      "example.com,other",
    ],
    ...["https://example.com", "user@example.com", "example.com?x", "example.com#x", "example.com\\x", "example.com\0"],
    ...[
      "example.com\r\n",
      "example.com:0",
      "example.com:65536",
      "example.com:443abc",
      "example.com:-1",
      "example.com:",
    ],
    ...[
      "example.com:080",
      "127.0.0.1",
      "127.0.0.1:3000",
      "localhost",
      "*.localhost",
      "localhost:80",
      "::1",
      "[::1]:80",
    ],
    ...[
      "0.0.0.0",
      "::",
      "224.0.0.1",
      "127.1",
      "2130706433",
      "10.0.0.1/8",
      "10.0.0.0/33",
      "GET example.com",
      "get example.com/",
    ],
    ...[
      "example.com/a b",
      "example.com/%2fb",
      "example.com/a?b",
      "example.com/a#b",
      "example.com//a",
      "example.com/a//",
      "example.com/../a",
      "example.com/a/%2e%2E/b",
      "example.com/a/..%2fb",
      "example.com/a\\b",
      "example.com/a%5cb",
      "example.com/a%00",
      "example.com/a%2",
      "example.com/a%252fb",
      "example.com/a%c0%af",
      "example.com/b\u00fccher",
      "GET  example.com/",
      "%65xample.com",
      "a".repeat(2000),
    ],
  ])("%j is none, and the hint says what is", (text) => {
    const pattern = parsePattern(text);
    expect(isProblem(pattern) && pattern.problem !== "" && pattern.hint !== "").toBe(true);
  });

  test("a rule that cannot be read is an error that names its origin", () => {
    expect(() => createRules({ allow: [], deny: [{ value: "a b", origin: "--deny-host" }] })).toThrow(/--deny-host/);
  });

  test("loopback points at the option for it, and a URL is not repeated", () => {
    expect(parsePattern("localhost:3000")).toMatchObject({ hint: expect.stringContaining("--host-port 3000") });
    expect(JSON.stringify(parsePattern("https://me:s3cret@example.com"))).not.toContain("s3cret");
  });
});
