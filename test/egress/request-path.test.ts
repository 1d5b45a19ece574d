import { describe, expect, test } from "bun:test";
import { allowsPath, deniesPath, type RequestPath, readPath, readRulePath } from "../../src/egress/request-path.ts";

const good = (path: ReturnType<typeof readPath>): RequestPath => {
  if ("problem" in path) throw new Error(path.problem);
  return path;
};
/** What a rule's path does with a request: `a` an allowance holds, `d` a denial does. */
const effect = (rule: string, target: string): string => {
  const [own, request] = [good(readRulePath(rule)), good(readPath(target))];
  return `${allowsPath(own, request) ? "a" : ""}${deniesPath(own, request) ? "d" : ""}`;
};

describe("what a rule's path is for", () => {
  test.each([
    ["/repos/me", ["/repos/me", "/repos/me/", "/repos/me/x", "/repos/me?x", "/repos/me/x?y=/../z", "/rep%6fs/%6De"]],
    ["/repos/me/", ["/repos/me", "/repos/me/x"]],
    ["/", ["/", "/x", "/?x", "/x/y/"]],
    ["/repos/*/pulls", ["/repos/x/pulls", "/repos/x/pulls/1"]],
    ["/a*b*c", ["/abc", "/axbxbxc/y", "/abcbc"]],
    ["/*", ["/x", "/x/y"]],
    ["/%2A", ["/*", "/%2a"]],
    ["/models/x:run", ["/models/x:run", "/models/x%3Arun"]],
    ["/(a)'b'", ["/(a)'b'", "/%28a%29%27b%27"]],
    ["/b%C3%BCcher", ["/b%c3%bccher/x"]],
    // As npm asks for scoped packages.
    ["/@scope%2fname", ["/@scope%2fname", "/@scope%2Fname", "/%40scope%2fname"]],
    ["/@scope*", ["/@scope%2fname", "/@scope/name"]],
    ["/", ["/@scope%2fname", "/a;b", "/c%23"]],
    ["/a;b", ["/a;b", "/a%3Bb/c"]],
  ])("%s", (rule, targets) => {
    expect(targets.map((target) => effect(rule, target))).toEqual(targets.map(() => "ad"));
  });

  test.each([
    ["/repos/me", ["/repos/mega", "/repos", "/", "/xrepos/me", "/x/repos/me", "/repos/m", "/repos?/me"]],
    ["/repos/*/pulls", ["/repos/pulls", "/repos/x/y/pulls", "/repos/x/pullsx"]],
    ["/a*b*c", ["/ab", "/acb", "/abxx"]],
    ["/ab*ba", ["/aba"]],
    ["/*", ["/"]],
    ["/%2A", ["/x"]],
  ])("%s, and what it is not for", (rule, targets) => {
    expect(targets.map((target) => effect(rule, target)).join("")).toBe("");
  });

  test.each([
    // Encoded slashes: neither wider as an allowance nor narrower as a denial.
    ["/@scope/name", "/@scope%2fname"],
    ["/repos/*/x", "/repos/a%2fb/x"],
    ["/a*b", "/a%2fb"],
    ["/a/b", "/a%2fb/c"],
    ["/a*c", "/a%2fb%2fc"],
    // Parameters of a segment, and what proxies take for the query.
    ["/v1/oauth/token", "/v1/oauth;a=b/token"],
    ["/v1/oauth/token", "/v1;/oauth/token%3bx"],
    ["/v1/oauth/token", "/v1/oauth/token%3Fx"],
    ["/v1/oauth/token", "/v1/oauth/token%23/x"],
    ["/v1/oauth/token", "/v1%2foauth;x%2Ftoken;y%3Fz"],
    // The case of letters.
    ["/repos/me", "/Repos/ME"],
    ["/b%C3%BCcher", "/B%C3%BCcher"],
  ])("%s denies and does not allow %s", (rule, target) => {
    expect(effect(rule, target)).toBe("d");
  });

  test("many stars and a long path take no time", () => {
    const rule = `/${"*a".repeat(200)}`;
    expect(effect(rule, `/${"a".repeat(16_000)}b`)).toBe("");
    expect(effect("/a/b", `/${"a/".repeat(8000)}`)).toBe("");
  });
});

describe("paths that two servers could take for two", () => {
  test.each([
    ["/a/../b", /dot segments/],
    ["/./a", /dot segments/],
    ["/a/%2e%2e/b", /dot segments/],
    ["/a/.%2E", /dot segments/],
    ["/a/..%2fb", /dot segments/],
    ["/a%2f..%2fb", /dot segments/],
    ["/a/..;x/b", /dot segments/],
    ["/a/..%3bx/b", /dot segments/],
    ["/a/..%3fx", /dot segments/],
    ["//a", /empty segments/],
    ["/a//b", /empty segments/],
    ["/a//", /empty segments/],
    ["/a/%2fb", /empty segments/],
    ["/a%2f%2fb", /empty segments/],
    ["/;x/b", /empty segments/],
    ["/a\\b", /backslash/],
    ["/a%5Cb", /backslash/],
    ["/a%00", /control/],
    ["/a%0d%0ax", /control/],
    ["/a%7f", /control/],
    ["/a%252e%252e/b", /twice/],
    ["/a%25%32%66b", /twice/],
    ["/a%25u002f", /twice/],
    ["/a%", /percent/],
    ["/a%2", /percent/],
    ["/a%zz", /percent/],
    ["/a%u002f", /percent/],
    ["/a%c0%af", /percent/],
    ["/a%e0%80%af", /percent/],
    ["/a%ff", /percent/],
    ["/a#b", /fragment/],
    ["/a?b#c", /fragment/],
    ["/a b", /ASCII/],
    ["/a\tb", /ASCII/],
    ["/\u00e9", /ASCII/],
    ["", /slash/],
    ["?a", /slash/],
    ["a", /slash/],
    ["*", /slash/],
    ["http://a.test/b", /slash/],
  ])("%j", (target, problem) => {
    expect(readPath(target)).toEqual({ problem: expect.stringMatching(problem) });
  });

  test("what stands in the query is nobody's business", () => {
    expect(readPath("/a?x=../..//%00%2f\\")).toEqual(readPath("/a"));
    expect(readRulePath("/a?x")).toHaveProperty("problem");
  });
});

test("the spelling reads as itself, and holds nothing that a shell acts on between double quotes", () => {
  for (let code = 0x21; code < 0x7f; code++) {
    const path = readPath(`/x%${code.toString(16)}y`);
    if ("problem" in path) continue;
    expect(path.text).toMatch(/^\/[^"$`\\!*]+$/);
    expect(readRulePath(path.text)).toEqual(path);
  }
  const rule = good(readRulePath("/a*/%2a"));
  expect(readRulePath(rule.text)).toEqual(rule);
});
