import { describe, expect, test } from "bun:test";
import {
  addRule,
  createRules,
  decide,
  decideRequest,
  denialOf,
  deniesAddress,
  judgesRequests,
  literalsOf,
  mayResolve,
  namesAddress,
  portsOf,
  removeRule,
} from "../../src/egress/rules.ts";

const listed = (values: string[], origin = "test") => values.map((value) => ({ value, origin }));
const rulesOf = (allow: string[], deny: string[] = []) => createRules({ allow: listed(allow), deny: listed(deny) });
const passed = (allow: string[], deny: string[], requests: string[], name = "a.example", port = 443) =>
  requests.filter((request) => {
    const [method = "", target = ""] = request.split(" ");
    return decideRequest(rulesOf(allow, deny), name, port, method, target).allowed;
  });

describe("what a connection is allowed for", () => {
  test("rules about requests open it, and each request is to be judged", () => {
    const rules = rulesOf(["GET a.example/x", "GET *.b.example:8080/y", "c.example"], ["POST c.example/z"]);
    expect(decide(rules, "a.example", 443)).toEqual({
      ...{ allowed: true, rule: listed(["GET a.example/x"])[0], reason: "allowed", requests: true },
    });
    expect(decide(rules, "c.example", 443)).toMatchObject({
      allowed: true,
      rule: { value: "c.example" },
      requests: true,
    });
    expect(decide(rules, "c.example", 22)).not.toHaveProperty("requests");
    expect(decide(rules, "a.example", 22)).toMatchObject({ allowed: false, reason: "bad-port" });
    const judged = ["a.example:443", "a.example:80", "x.b.example:8080", "c.example:80", "c.example:443"];
    const others = [
      "a.example:22",
      "a.example:8443",
      "b.example:8080",
      "x.b.example:443",
      "c.example:22",
      "d.example:80",
    ];
    for (const where of [...judged, ...others]) {
      const [name = "", port] = where.split(":");
      expect([where, judgesRequests(rules, name, Number(port))]).toEqual([where, judged.includes(where)]);
    }
    expect(portsOf(rules)).toEqual([22, 80, 443, 8080]);
    expect(["a.example", "x.b.example", "b.example"].map((name) => mayResolve(rules, name).allowed)).toEqual([
      ...[true, true, false],
    ]);
  });

  test("an allowance beside one for the whole host changes nothing, and nothing is looked into for it", () => {
    const rules = rulesOf(["GET a.example/x", "*.example:443"]);
    expect(decide(rules, "a.example", 443)).toEqual({
      ...{ allowed: true, rule: listed(["*.example:443"])[0], reason: "allowed" },
    });
    expect(decideRequest(rules, "a.example", 443, "POST", "//y")).toMatchObject({ allowed: true });
    expect(decide(rules, "a.example", 80)).toMatchObject({ allowed: true, requests: true });
  });

  test("a denial of the host wins; one of requests leaves it open and opens nothing", () => {
    const rules = rulesOf(["GET a.example/x", "b.example"], ["a.example", "b.example/", "c.example/"]);
    expect(judgesRequests(rules, "a.example", 443)).toBe(false);
    expect(decideRequest(rules, "a.example", 443, "GET", "/x")).toMatchObject({
      ...{ allowed: false, reason: "denied-by-rule", rule: { value: "a.example" } },
    });
    expect(decide(rules, "b.example", 443).allowed).toBe(true);
    expect(decideRequest(rules, "b.example", 443, "GET", "/x")).toMatchObject({ reason: "denied-by-rule" });
    expect(decideRequest(rules, "c.example", 443, "GET", "/x")).toEqual({ allowed: false, reason: "no-rule" });
  });

  test("an address's own requests are judged; a name is not led there by a rule about requests", () => {
    const rules = rulesOf(["10.1.2.3/v1", "*", "10.9.9.9"], ["POST 10.9.9.9/x"]);
    expect(literalsOf(rules)).toEqual(["10.1.2.3", "10.9.9.9"]);
    expect(judgesRequests(rules, "10.1.2.3", 443)).toBe(true);
    expect(namesAddress(rules, "10.1.2.3", 443, "::ffff:10.1.2.3")?.value).toBe("10.1.2.3/v1");
    expect(namesAddress(rules, "10.1.2.3", 22, "10.1.2.3")).toBeUndefined();
    for (const name of ["b.example", "10.1.2.4", undefined])
      expect(namesAddress(rules, "10.1.2.3", 443, name)).toBeUndefined();
    expect(deniesAddress(rules, "10.9.9.9", 443, "10.9.9.9")).toBeUndefined();
    for (const name of ["b.example", undefined])
      expect(deniesAddress(rules, "10.9.9.9", 443, name)?.value).toBe("POST 10.9.9.9/x");
  });
});

describe("deciding about a request", () => {
  const requests = [
    "GET /repos/me",
    "GET /repos/me/x?y",
    "HEAD /repos/me",
    "POST /repos/me",
    "GET /repos/mega",
    "GET /",
  ];

  test("a host with rules about requests alone: what fits one of them", () => {
    expect(passed(["GET a.example/repos/me"], [], requests)).toEqual(requests.slice(0, 3));
    expect(passed(["HEAD,POST a.example/repos/me"], [], requests)).toEqual(requests.slice(2, 4));
    expect(passed(["a.example/repos/me"], [], requests)).toEqual(requests.slice(0, 4));
    expect(passed(["GET *.example/repos/me"], [], requests)).toEqual(requests.slice(0, 3));
    expect(passed(["GET a.example/repos/mega", "a.example/repos/*/x"], [], requests)).toEqual([
      ...[requests[1]!, requests[4]!],
    ]);
    expect(passed(["GET a.example:8080/"], [], ["GET /x"], "a.example", 8080)).toEqual(["GET /x"]);
  });

  test("a whole host: everything but what is denied, and a denial always wins", () => {
    expect(passed(["a.example"], ["GET a.example/repos/me"], requests)).toEqual(requests.slice(3));
    expect(passed(["a.example"], ["HEAD *.example/repos"], requests).length).toBe(5);
    expect(passed(["a.example"], ["*/repos"], requests)).toEqual(["GET /"]);
    expect(passed(["a.example/repos/me"], ["POST a.example/"], requests)).toEqual(requests.slice(0, 3));
    expect(passed(["a.example/repos/me/x"], ["a.example/repos"], requests)).toEqual([]);
  });

  test("methods are what they are for an allowance, and any case of them for a denial", () => {
    expect(passed(["GET a.example/"], [], ["get /", "Get /", "GETX /", "HEAD /"])).toEqual(["HEAD /"]);
    expect(passed(["a.example"], ["POST a.example/"], ["post /", "Post /", "PATCH /"])).toEqual(["PATCH /"]);
  });

  test("ports: 80 and 443, else the one that is named", () => {
    const ports = [80, 443, 22, 8443];
    const at = (allow: string[], deny: string[]) =>
      ports.filter((port) => decideRequest(rulesOf(allow, deny), "a.example", port, "GET", "/").allowed);
    expect(at(["a.example/"], [])).toEqual([80, 443]);
    expect(at(["a.example:8443/"], [])).toEqual([8443]);
    expect(at(["a.example", "a.example:8443"], ["a.example/"])).toEqual([22, 8443]);
    expect(at(["a.example", "a.example:8443"], ["a.example:8443/"])).toEqual([80, 443, 22]);
    // Judged at both ports, each by its own rules.
    expect(at(["a.example/", "a.example:8443/x"], [])).toEqual([80, 443]);
    expect(at(["a.example/", "a.example:8443/"], ["a.example:8443/"])).toEqual([80, 443]);
  });

  test("the reason and the deciding rule, the most specific one", () => {
    const rules = rulesOf(["GET a.example/x", "GET *.example/x", "b.example"], ["*/x/no", "*.example/x/no"]);
    const decided = (name: string, method: string, target: string) => decideRequest(rules, name, 443, method, target);
    expect(decided("a.example", "GET", "/x/y")).toMatchObject({
      reason: "allowed",
      rule: { value: "GET a.example/x" },
    });
    expect(decided("c.example", "GET", "/x")).toMatchObject({ rule: { value: "GET *.example/x" } });
    expect(decided("a.example", "PUT", "/x")).toMatchObject({
      reason: "other-request",
      rule: { value: "GET a.example/x" },
    });
    expect(decided("a.example", "GET", "/x/no")).toMatchObject({
      ...{ reason: "denied-by-rule", rule: { value: "*.example/x/no" } },
    });
    expect(decided("b.example", "GET", "/y")).toMatchObject({ reason: "allowed", rule: { value: "b.example" } });
    expect(decided("a.example", "GET", "/x/../y")).toMatchObject({ allowed: false, reason: "unclear-path" });
    expect(decided("a_b", "GET", "/")).toEqual({ allowed: false, reason: "bad-name" });
    expect(decideRequest(rules, "a.example", 0, "GET", "/")).toEqual({ allowed: false, reason: "bad-port" });
  });

  test.each([
    ...["a.example.evil.test", "xa.example.test", "a.example@evil.test", "a.example\0", "a.example/x", "a.example:443"],
    ...["a.example ", "a\uff0eexample", "a%2eexample", ""],
  ])("%j is another host", (name) => {
    expect(passed(["a.example/", "*.a.example/"], [], ["GET /"], name)).toEqual([]);
    expect(judgesRequests(rulesOf(["a.example/"]), name, 443)).toBe(false);
  });
});

test("rules change while they are in use, however they are spelt", () => {
  const rules = rulesOf(["a.example"]);
  addRule(rules, "deny", { value: "POST A.example/x/", origin: "cordon deny" });
  expect(judgesRequests(rules, "a.example", 443)).toBe(true);
  expect(decideRequest(rules, "a.example", 443, "POST", "/x").allowed).toBe(false);
  expect([removeRule(rules, "deny", "GET a.example/x"), removeRule(rules, "deny", "POST a.example/%78")]).toEqual([
    ...[false, true],
  ]);
  expect(judgesRequests(rules, "a.example", 443)).toBe(false);
});

test("what keeps an allowance from having any effect is found", () => {
  const rules = rulesOf([], ["GET a.example/x", "b.example:443", "*.c.example/"]);
  const found = (value: string) => denialOf(rules, value)?.value;
  expect(["GET a.example/x/y", "HEAD a.example/x/*", "GET,HEAD a.example/X"].map(found)).toEqual(
    Array(3).fill("GET a.example/x"),
  );
  expect(
    ["a.example", "a.example/x", "POST a.example/x", "GET,POST a.example/x", "GET a.example/*"].map(found),
  ).toEqual(Array(5).fill(undefined));
  expect(["b.example", "GET b.example/x", "GET x.c.example/", "x.c.example"].map(found)).toEqual([
    ...["b.example:443", "b.example:443", "*.c.example/", undefined],
  ]);
});
