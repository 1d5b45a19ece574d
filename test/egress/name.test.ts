import { describe, expect, test } from "bun:test";
import { canonicalName, isLocalhost, nameOfRule } from "../../src/egress/name.ts";

describe("the one spelling of a name", () => {
  test.each([
    ["example.com", "example.com"],
    ["EXAMPLE.Com", "example.com"],
    ["example.com.", "example.com"],
    ["db", "db"],
    ["xn--bcher-kva.example", "xn--bcher-kva.example"],
    ["3com.example", "3com.example"],
    ["1.2.3.example", "1.2.3.example"],
    [`${"a".repeat(63)}.example`, `${"a".repeat(63)}.example`],
  ])("%s is %s", (text, name) => {
    expect(canonicalName(text)).toBe(name);
    expect(canonicalName(canonicalName(text)!)).toBe(name);
  });

  const longest = `${`${"a".repeat(62)}.`.repeat(4)}a`;
  test("253 characters and not one more, with a dot behind or not", () => {
    expect(longest.length).toBe(253);
    expect(canonicalName(longest)).toBe(longest);
    expect(canonicalName(`${longest}.`)).toBe(longest);
    expect(canonicalName(`${longest}b`)).toBeUndefined();
  });

  test.each([
    ...["", ".", "..", "example.com..", ".example.com", "example..com"],
    ...["-example.com", "example-.com", `${"a".repeat(64)}.example`, "under_score.example"],
    ...[
      "user@example.com",
      "example.com#.other",
      "example.com?x",
      "example.com/",
      "example.com\\.other",
      "example.com:443",
    ],
    ...[
      "example.com\0.other",
      "\0example.com",
      "example.com\r\nHost: other",
      "example.com\n",
      "example.com\t",
      " example.com",
    ],
    ...[
      "example.com ",
      "exam ple.com",
      "example%2ecom",
      "%65xample.com",
      "example。com",
      "example．com",
      "example｡com",
    ],
    ...["ｅxample.com", "example.com\u200b", "bücher.example", "\u212Axample.com", "example.com\u00ad", "[::1]", "::1"],
    ...[
      "127.0.0.1",
      "127.1",
      "2130706433",
      "0x7f000001",
      "0x7f.1",
      "017700000001",
      "1.2.3.4.",
      "example.0x",
      "example.1",
    ],
    ...["*", "*.example.com", "(example.com)", "example.com;", '"example.com"', "example,com"],
  ])("%j is none", (text) => {
    expect(canonicalName(text)).toBeUndefined();
  });
});

test("only a rule may be written in another script", () => {
  expect(nameOfRule("Bücher.example")).toBe("xn--bcher-kva.example");
  expect(nameOfRule("example。com")).toBe("example.com");
  for (const text of ["bücher.example/x", "ü@example.com", "ü ber.example", "ü%2e.example", "１２７.0.0.1", "ü:80"])
    expect(nameOfRule(text)).toBeUndefined();
});

test("localhost and what lies below it", () => {
  expect(["localhost", "a.localhost", "localhost.example", "notlocalhost"].map(isLocalhost)).toEqual([
    ...[true, true],
    ...[false, false],
  ]);
});
