import { describe, expect, test } from "bun:test";
import {
  addRule,
  createRules,
  decide,
  deniesAddress,
  literalsOf,
  mayResolve,
  namesAddress,
  portsOf,
  removeRule,
} from "../../src/egress/rules.ts";
import type { CordonError } from "../../src/errors.ts";

const listed = (values: string[], origin = "test") => values.map((value) => ({ value, origin }));
const rulesOf = (allow: string[], deny: string[] = []) => createRules({ allow: listed(allow), deny: listed(deny) });
const isAllowed = (allow: string[], name: string, port = 443, deny: string[] = []) =>
  decide(rulesOf(allow, deny), name, port).allowed;

describe("deciding", () => {
  test("nothing is allowed by nothing", () => {
    for (const name of ["example.com", "10.1.2.3", "localhost", "db"])
      for (const port of [22, 80, 443, 8080]) expect(isAllowed([], name, port)).toBe(false);
    expect(decide(rulesOf([]), "example.com", 443)).toEqual({ allowed: false, reason: "no-rule" });
    expect(mayResolve(rulesOf([]), "example.com").allowed).toBe(false);
    expect([portsOf(rulesOf([])), literalsOf(rulesOf([]))]).toEqual([[], []]);
  });

  test.each([
    ...[
      "notexample.com",
      "example.com.evil.test",
      "example.comevil.test",
      "xexample.com",
      "example.co",
      "com",
      "evil-example.com",
    ],
    ...[
      "user@example.com",
      "example.com@evil.test",
      "evil.test#example.com",
      "evil.test?.example.com",
      "example.com/.evil.test",
    ],
    ...[
      "example.com\0.evil.test",
      "evil.test\0.example.com",
      "example.com\r\nX: y",
      "example.com ",
      " example.com",
      "exam ple.com",
    ],
    ...[
      "example。com",
      "www。example.com",
      "ｅxample.com",
      "example%2ecom",
      "%65xample.com",
      "evil.test%00.example.com",
    ],
    ...[
      "evil.test\\.example.com",
      "example.com\\",
      "example.com:443",
      "[example.com]",
      "example..com",
      ".example.com",
      "example.com..",
      "",
    ],
  ])("%j is not what `example.com` and `*.example.com` mean", (name) => {
    expect(isAllowed(["example.com", "*.example.com"], name)).toBe(false);
    expect(mayResolve(rulesOf(["example.com", "*.example.com"]), name).allowed).toBe(false);
  });

  test("a wildcard is for sub-domains at any depth, and not for the name itself", () => {
    expect(
      ["a.example.com", "a.b.example.com", "example.com"].map((name) => isAllowed(["*.example.com"], name)),
    ).toEqual([...[true, true, false]]);
    expect(isAllowed(["example.com"], "a.example.com")).toBe(false);
  });

  test("every canonical spelling of an allowed name is decided by the same rule", () => {
    const rules = rulesOf(["example.com", "*.example.org"]);
    const plain = [decide(rules, "example.com", 443), decide(rules, "a.example.org", 443)];
    for (const spell of [(name: string) => name.toUpperCase(), (name: string) => `${name}.`])
      expect([decide(rules, spell("example.com"), 443), decide(rules, spell("a.example.org"), 443)]).toEqual(plain);
    expect(isAllowed(["*"], "EXAMPLE.com.", 443, ["example.com"])).toBe(false);
    expect(isAllowed(["EXAMPLE.com."], "example.com")).toBe(true);
  });

  test("without a port a rule is for 80, 443 and 22; a denial is for every port", () => {
    expect([22, 80, 443, 8443, 25].map((port) => isAllowed(["example.com"], "example.com", port))).toEqual([
      ...[true, true, true],
      ...[false, false],
    ]);
    expect([80, 8443].map((port) => isAllowed(["example.com:8443"], "example.com", port))).toEqual([false, true]);
    expect(isAllowed(["example.com:8443"], "example.com", 8443, ["example.com"])).toBe(false);
    expect([80, 443].map((port) => isAllowed(["example.com"], "example.com", port, ["example.com:80"]))).toEqual([
      ...[false, true],
    ]);
    for (const port of [0, -1, 65536, 1.5, Number.NaN])
      expect(decide(rulesOf(["*"]), "example.com", port)).toEqual({ allowed: false, reason: "bad-port" });
    expect(decide(rulesOf(["example.com"]), "example.com", 25)).toMatchObject({
      reason: "bad-port",
      rule: { value: "example.com" },
    });
  });

  test("a denial wins, however unspecific", () => {
    for (const deny of ["*", "*.com", "*.example.com", "a.example.com"])
      expect(decide(rulesOf(["a.example.com:443"], [deny]), "a.example.com", 443)).toMatchObject({
        reason: "denied-by-rule",
        rule: { value: deny },
      });
  });

  test("the most specific rule is the one that is named", () => {
    const order = [
      "a.b.example:443",
      "a.b.example",
      "*.b.example:443",
      "*.b.example",
      "*.example:443",
      "*.example",
      "*:443",
      "*",
    ];
    for (let first = 0; first < order.length; first++) {
      const rules = rulesOf(order.slice(first).reverse());
      expect(decide(rules, "a.b.example", 443).rule?.value).toBe(order[first]);
    }
  });
});

describe("addresses", () => {
  test("`*` means names; an address or a range means addresses", () => {
    expect(isAllowed(["*"], "10.1.2.3")).toBe(false);
    expect(isAllowed(["10.1.2.3:8080"], "10.1.2.3", 8080)).toBe(true);
    expect(isAllowed(["10.1.2.3:8080"], "10.1.2.3", 443)).toBe(false);
    expect(isAllowed(["10.0.0.0/8"], "10.9.9.9")).toBe(true);
    expect(isAllowed(["10.0.0.0/8"], "::ffff:10.9.9.9")).toBe(true);
    expect(isAllowed(["10.0.0.0/8"], "10.9.9.9", 443, ["10.9.0.0/16"])).toBe(false);
    for (const odd of ["10.9", "167772161", "0xa.9.9.9", "010.9.9.9", "10.9.9.9."])
      expect(isAllowed(["10.0.0.0/8"], odd)).toBe(false);
  });

  test("a name may lead to a private address that a rule names, and never to loopback", () => {
    const rules = rulesOf(["10.1.2.3", "192.168.0.0/16", "0.0.0.0/0", "10.7.7.7:8080", "*"], ["192.168.9.0/24"]);
    expect(namesAddress(rules, "10.1.2.3")?.value).toBe("10.1.2.3");
    expect(namesAddress(rules, "::ffff:192.168.1.1")?.value).toBe("192.168.0.0/16");
    expect(namesAddress(rules, "192.168.9.1")).toBeUndefined();
    expect(deniesAddress(rules, "::ffff:192.168.9.1")?.value).toBe("192.168.9.0/24");
    for (const ip of [
      "127.0.0.1",
      "::1",
      "0.0.0.0",
      "::ffff:127.0.0.1",
      "224.0.0.1",
      "169.254.169.254",
      "169.254.1.1",
      "fd00::1",
    ])
      expect(namesAddress(rules, ip)).toBeUndefined();
    const narrow = rulesOf(["10.7.7.7:8080"]);
    expect([namesAddress(narrow, "10.7.7.7", 8080), namesAddress(narrow, "10.7.7.7", 443)].map(Boolean)).toEqual([
      true,
      false,
    ]);
    for (const ip of ["169.254.169.254", "fd00:ec2::254", "fe80::1"])
      expect(namesAddress(rulesOf([ip]), ip)?.value).toBe(ip);
  });

  test("ports and literals for the listeners", () => {
    const rules = rulesOf(["a.example", "b.example:5432", "10.1.2.3:8080", "10.0.0.0/8", "fd00::1", "*.c.example:80"]);
    expect(portsOf(rules)).toEqual([22, 80, 443, 5432, 8080]);
    expect(literalsOf(rules)).toEqual(["10.1.2.3"]);
    expect(portsOf(rulesOf(["b.example:5432", "10.0.0.0/8"]))).toEqual([5432]);
  });
});

test("a name resolves when some port of it is allowed", () => {
  const rules = rulesOf(["db.example:5432", "a.example", "b.example"], ["a.example", "b.example:443"]);
  const verdicts = ["db.example", "DB.example.", "a.example", "b.example", "c.example", "10.1.2.3"].map((name) =>
    mayResolve(rules, name),
  );
  expect(verdicts.map(({ allowed }) => allowed)).toEqual([true, true, false, true, false, false]);
  expect(verdicts.map(({ reason }) => reason).slice(2)).toEqual(["denied-by-rule", "allowed", "no-rule", "bad-name"]);
});

test("rules change while they are in use", () => {
  const rules = rulesOf([]);
  addRule(rules, "allow", { value: "Example.com", origin: "cordon allow" });
  expect(decide(rules, "example.com", 443)).toMatchObject({ allowed: true, rule: { origin: "cordon allow" } });
  addRule(rules, "deny", { value: "example.com", origin: "cordon deny" });
  expect(decide(rules, "example.com", 443).reason).toBe("denied-by-rule");
  expect([removeRule(rules, "deny", "EXAMPLE.com."), removeRule(rules, "deny", "example.com")]).toEqual([true, false]);
  expect(decide(rules, "example.com", 443).allowed).toBe(true);
  let code = "";
  try {
    addRule(rules, "allow", { value: "a b", origin: "cordon allow" });
  } catch (error) {
    code = (error as CordonError).code;
  }
  expect([code, decide(rules, "example.com", 443).allowed]).toEqual(["E_OPTION_INVALID", true]);
});
