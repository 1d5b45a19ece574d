import { describe, expect, test } from "bun:test";
import { type Guard, guardOf } from "../../src/egress/dialler.ts";
import { createRules } from "../../src/egress/rules.ts";

describe("guardOf", () => {
  const ruleOf = (value: string) => ({ value, origin: "test" });
  const guardWith = (allow: string[], deny: string[] = []) =>
    guardOf(createRules({ allow: allow.map(ruleOf), deny: deny.map(ruleOf) }), { name: "name.test", port: 443 });
  const verdicts = (guard: Guard, addresses: string[]) => addresses.filter((address) => guard(address).ok);

  const inner = ["10.1.2.3", "192.168.1.1", "::ffff:10.1.2.3", "fd00::1", "169.254.1.1", "fe80::1", "169.254.169.254"];
  const never = ["127.0.0.1", "127.66.0.2", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "224.0.0.1", "ff02::1"];

  test("a name that the user's own settings use may be a private one, and nothing else", () => {
    const house = [{ ...ruleOf("name.test:443"), mayBePrivate: true } as const];
    const guardAt = (port: number) => guardOf(createRules({ allow: house, deny: [] }), { name: "name.test", port });
    expect(verdicts(guardAt(443), [...inner, ...never])).toEqual([
      "10.1.2.3",
      "192.168.1.1",
      "::ffff:10.1.2.3",
      "fd00::1",
    ]);
    expect(verdicts(guardAt(80), [...inner, ...never])).toEqual([]);
  });

  test("a name leads to public addresses only", () => {
    const guard = guardWith(["name.test", "*"]);
    expect(verdicts(guard, ["93.184.215.14", "2606:2800:220:1::1", ...inner, ...never])).toEqual([
      "93.184.215.14",
      "2606:2800:220:1::1",
    ]);
  });

  test("an address or range that is named opens itself, metadata and link-local only one by one", () => {
    const guard = guardWith(["*", "10.0.0.0/8", "169.254.0.0/16", "fe80::1"]);
    expect(verdicts(guard, inner)).toEqual(["10.1.2.3", "::ffff:10.1.2.3", "fe80::1"]);
    expect(verdicts(guardWith(["169.254.169.254"]), inner)).toEqual(["169.254.169.254"]);
    expect(verdicts(guardWith(["0.0.0.0/0", "::/0"]), never)).toEqual([]);
  });

  test("a denied range holds whatever name leads there", () => {
    const guard = guardWith(["*", "10.1.2.3"], ["93.184.0.0/16", "10.0.0.0/8"]);
    expect(verdicts(guard, ["93.184.215.14", "10.1.2.3", "1.1.1.1"])).toEqual(["1.1.1.1"]);
  });

  test("the reason is one sentence that names the address and the command", () => {
    const verdict = guardWith(["*"])("10.1.2.3");
    expect(verdict.ok ? "" : verdict.reason).toBe(
      "name.test:443 leads to the private address 10.1.2.3; allow it with: cordon allow 10.1.2.3",
    );
  });
});
