import { describe, expect, test } from "bun:test";
import { describeDenial, describeRefusedAddress } from "../../src/egress/denial.ts";
import { createRules, decide } from "../../src/egress/rules.ts";

const listed = (values: string[], origin = "test") => values.map((value) => ({ value, origin }));
const rulesOf = (allow: string[], deny: string[] = []) => createRules({ allow: listed(allow), deny: listed(deny) });
describe("the sentence of a denial", () => {
  const rules = rulesOf(["a.example"], ["bad.example"]);
  const sentence = (name: string, port: number) => describeDenial(decide(rules, name, port), name, port);

  test("names the command that allows", () => {
    expect(sentence("Example.com.", 443)).toBe(
      "example.com:443 is not allowed (no rule names it); allow it with: cordon allow example.com",
    );
    expect(sentence("example.com", 5432)).toEndWith("allow it with: cordon allow example.com:5432");
    expect(sentence("a.example", 5432)).toEndWith("allow it with: cordon allow a.example:5432");
    expect(sentence("bad.example", 443)).toBe("bad.example:443 is denied by the rule bad.example of test");
    expect(describeRefusedAddress("gitlab.corp", 443, "10.1.2.3", "private")).toBe(
      "gitlab.corp:443 leads to the private address 10.1.2.3; allow it with: cordon allow 10.1.2.3",
    );
    expect(describeRefusedAddress("x.corp", 443, "127.0.0.1", "loopback")).toContain("--host-port 443");
  });

  test.each(["a\r\nSet-Cookie: x", "\u001b]52;c;x\u0007", "ü.example", "a\0b", "x".repeat(5000)])(
    "is safe to print for %j",
    (name) => {
      expect(sentence(name, 443)).toMatch(/^[ -~]{1,300}$/);
    },
  );
});
