import { describe, expect, test } from "bun:test";
import { describeAsked, describeDenial, describeRefusedAddress, statusOfDenial } from "../../src/egress/denial.ts";
import { parsePattern } from "../../src/egress/pattern.ts";
import { createRules, decide, decideRequest } from "../../src/egress/rules.ts";

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

describe("the sentence of a refused request", () => {
  const rules = rulesOf(["GET api.example/repos/me", "open.example"], ["POST open.example/token", "bad.example"]);
  const sentence = (name: string, port: number, method: string, target: string) =>
    describeDenial(decideRequest(rules, name, port, method, target), name, port, { method, target });

  test("names the request, the rule and its origin, and the command that allows just that", () => {
    expect(sentence("API.example.", 443, "GET", "/repos?token=s3cret")).toBe(
      "GET api.example/repos is not allowed (the rule GET api.example/repos/me of test is for other requests); " +
        'allow it with: cordon allow "GET api.example/repos"',
    );
    expect(sentence("open.example", 80, "POST", "/token/x")).toBe(
      "POST open.example/token/x is denied by the rule POST open.example/token of test",
    );
    expect(sentence("bad.example", 443, "GET", "/")).toBe("GET bad.example/ is denied by the rule bad.example of test");
    expect(sentence("new.example", 443, "GET", "/@scope%2fname")).toBe(
      'GET new.example/@scope%2Fname is not allowed (no rule names it); allow it with: cordon allow "GET new.example/@scope%2Fname"',
    );
    expect(sentence("api.example", 8080, "GET", "/x")).toEndWith('cordon allow "GET api.example:8080/x"');
    expect(sentence("open.example", 443, "GET", "/a/../b?x")).toBe(
      "GET open.example/a/../b is not let through: its path has empty segments or dot segments",
    );
    expect(describeAsked("Api.example", 443, { method: "GET", target: "/x/?y" })).toBe("GET api.example/x");
  });

  test("the status is 400 for what cannot be judged, else 403", () => {
    const statusOf = (target: string) => statusOfDenial(decideRequest(rules, "open.example", 443, "POST", target));
    expect([statusOf("/token"), statusOf("//token")]).toEqual([403, 400]);
  });

  test.each([
    ...["/$(touch x)", "/`touch x`", '/"; touch x; "', "/\\", "/*", "/!!", "/x%24(y)", "/a'b", "/{a,b}", "/a|b&c>d"],
    ...["/%0atouch", "/a%22b", "/\u001b]52;c;x", "/x\r\nSet-Cookie: x", `/${"a".repeat(5000)}`, `/${"%24".repeat(60)}`],
  ])("the command for %j allows no more, and a shell makes nothing of it", (target) => {
    const said = sentence("api.example", 443, "GET", target);
    expect(said).toMatch(/^[ -~]{1,600}$/);
    const [, command] = /allow it with: (.*)$/.exec(said) ?? [];
    if (command === undefined) return;
    const [, rule = ""] = /^cordon allow "([A-Za-z0-9 ._~@:+,=&();%/-]+)"$/.exec(command) ?? [];
    expect(parsePattern(rule)).not.toHaveProperty("problem");
    const allowing = rulesOf([rule]);
    expect(decideRequest(allowing, "api.example", 443, "GET", target).allowed).toBe(true);
    expect(decideRequest(allowing, "api.example", 443, "GET", `${target}x`).allowed).toBe(false);
  });

  test.each(["get", "G$(x)", "`x`", "G*", "x".repeat(40)])("the method %j stands in no command", (method) => {
    const said = sentence("api.example", 443, method, "/");
    expect(said).toMatch(/^[ -~]{1,300}$/);
    expect(said).not.toContain("cordon allow");
  });
});
