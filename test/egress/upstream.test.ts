import { describe, expect, test } from "bun:test";
import { checkName, dialThrough, proxyFor, type UpstreamProxy, upstreamOf } from "../../src/egress/upstream.ts";
import { anyRules, rulesOf, startProxy, target } from "./upstream-lab.ts";

describe("upstreamOf", () => {
  test("nothing set, or set to nothing, means no proxy", () => {
    expect(upstreamOf({})).toBeUndefined();
    expect(upstreamOf({ HTTPS_PROXY: "", NO_PROXY: "*" })).toBeUndefined();
  });

  const proxyOf = (value: string) => upstreamOf({ HTTPS_PROXY: value })?.https;

  test("every spelling", () => {
    const plain: UpstreamProxy = {
      ...{ protocol: "http", host: "proxy.test", port: 3128, login: undefined, certificates: [] },
    };
    expect(proxyOf("http://proxy.test:3128")).toEqual(plain);
    expect(proxyOf("http://proxy.test:3128/")).toEqual(plain);
    expect(proxyOf("proxy.test:3128")).toEqual(plain);
    expect(proxyOf("Proxy.Test")).toEqual({ ...plain, port: 80 });
    expect(proxyOf("https://proxy.test")).toEqual({ ...plain, protocol: "https", port: 443 });
    expect(proxyOf("socks5h://proxy.test")).toEqual({ ...plain, protocol: "socks5h", port: 1080 });
    expect(proxyOf("socks5://proxy.test")).toEqual({ ...plain, protocol: "socks5h", port: 1080 });
    expect(proxyOf("http://[::1]:3128")).toEqual({ ...plain, host: "::1" });
    expect(proxyOf("http://me:p%40ss%3a@proxy.test:3128")).toEqual({
      ...plain,
      login: { user: "me", password: "p@ss:" },
    });
    expect(proxyOf("me:secret@proxy.test:3128")).toEqual({ ...plain, login: { user: "me", password: "secret" } });
  });

  test("what cannot be used is refused by the name of the variable, without its value", () => {
    const values = [
      "ftp://u:hidden@h",
      "http://",
      "http://h:99999",
      "http://h:0",
      "socks4://h:1",
      "http://u:%zz@h",
      "::",
    ];
    for (const value of values) {
      expect(() => upstreamOf({ https_proxy: value })).toThrow("HTTPS_PROXY");
      expect(() => upstreamOf({ https_proxy: value })).not.toThrow("hidden");
    }
  });

  test("port 80 has its own proxy, ALL_PROXY fills in, lower case wins", () => {
    const hostFor = (env: Record<string, string>, port: number) => proxyFor(upstreamOf(env), { ...target, port })?.host;
    const both = { HTTP_PROXY: "plain.test", HTTPS_PROXY: "secure.test" };
    expect([80, 443, 22].map((port) => hostFor(both, port))).toEqual(["plain.test", "secure.test", "secure.test"]);
    expect(hostFor({ HTTP_PROXY: "plain.test" }, 443)).toBeUndefined();
    expect(hostFor({ HTTP_PROXY: "plain.test", all_proxy: "all.test" }, 443)).toBe("all.test");
    expect(hostFor({ HTTPS_PROXY: "upper.test", https_proxy: "lower.test" }, 443)).toBe("lower.test");
  });
});

describe("NO_PROXY", () => {
  const isBypassed = (list: string, name: string, port = 443) =>
    proxyFor(upstreamOf({ ALL_PROXY: "proxy.test", NO_PROXY: list }), { name, port }) === undefined;

  test.each([
    ["*", "any.test", true],
    ["example.com", "example.com", true],
    ["example.com", "a.example.com", true],
    ["example.com", "notexample.com", false],
    [".example.com", "a.example.com", true],
    ["*.example.com", "a.example.com", true],
    [" a.test ,\tEXAMPLE.com", "example.com", true],
    ["example.com:443", "example.com", true],
    ["example.com:8443", "example.com", false],
    ["10.0.0.0/8", "10.1.2.3", true],
    ["10.0.0.0/8", "11.1.2.3", false],
    ["10.0.0.0/8", "ten.test", false],
    ["10.1.2.3", "10.1.2.3", true],
    ["[fd00::1]:443", "fd00::1", true],
    ["[fd00::1]:80", "fd00::1", false],
    ["fd00::/8", "fd00::1", true],
    ["", "example.com", false],
  ])("%p, %p: %p", (list, name, expected) => {
    expect(isBypassed(list, name)).toBe(expected);
  });
});

describe("names that the proxy is not asked for", () => {
  const isAllowed = (name: string, ...allow: string[]) => checkName(rulesOf(...allow), { name, port: 443 }).ok;

  test("local names and addresses, unless a rule names them", () => {
    for (const name of ["gitlab", "printer.local", "db.internal", "metadata.google.internal", "nas.home.arpa"]) {
      expect({ name, any: isAllowed(name, "*") }).toEqual({ name, any: false });
      expect({ name, named: isAllowed(name, "*", name) }).toEqual({ name, named: true });
    }
    expect(isAllowed("db.internal", "*.internal")).toBe(true);
    expect(isAllowed("internal.example.com", "*")).toBe(true);
    expect(isAllowed("10.1.2.3", "*")).toBe(false);
    expect(isAllowed("10.1.2.3", "10.0.0.0/8")).toBe(true);
    expect(isAllowed("127.0.0.1", "*", "0.0.0.0/0")).toBe(false);
  });

  test("nothing is said to the proxy, and the sentence names the command", async () => {
    const proxy = await startProxy(() => {});
    const dialled = await dialThrough(proxy.proxy, { name: "gitlab", port: 443 }, anyRules);
    expect(dialled).toMatchObject({ ok: false, failure: { kind: "refused-address", address: "gitlab" } });
    expect(JSON.stringify(dialled)).toContain("cordon allow gitlab");
    expect(proxy.seen).toEqual([]);
  });
});
