import { afterAll, describe, expect, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Agent } from "../../src/agents/agent.ts";
import { claude } from "../../src/agents/catalog/claude.ts";
import { locateState } from "../../src/agents/state.ts";
import { createPlan } from "../../src/plan/create.ts";
import { explainHost, readRequest } from "../../src/plan/explain.ts";
import { withNetwork } from "../../src/plan/network.ts";
import { featuresOf } from "../../src/plan/plan.ts";
import type { Policy } from "../../src/policy.ts";
import { sampleHost, sampleInput, samplePolicy } from "./sample.ts";

const listed = (...values: string[]) => values.map((value) => ({ value, origin: "test" }));
const policyOf = (network: Partial<Policy["network"]>): Policy => ({
  ...samplePolicy,
  network: { ...samplePolicy.network, mode: "filtered", ...network },
});
const planOf = (network: Partial<Policy["network"]>) => createPlan(sampleInput(policyOf(network)));

describe("the plan of a filtered network", () => {
  test("tells the gateway the rules and ports, each once", () => {
    const hostPorts = [80, 80, 5432].map((value) => ({ value, origin: "test" }));
    const publish = [{ inside: 1, outside: 2 }];
    const plan = planOf({ allow: listed("a.example"), deny: listed("b.example"), hostPorts, publish });
    expect(plan.egress).toEqual({
      allow: listed("a.example"),
      deny: listed("b.example"),
      inject: [],
      hostPorts: [80, 5432],
      publish,
      publishAll: false,
      announce: false,
    });
    expect(featuresOf(plan)).toContain("network-filtered");
    expect(featuresOf(plan)).not.toContain("network-deny");
    for (const mode of ["open", "none"] as const) expect(planOf({ mode }).egress).toBeUndefined();
  });

  test("a rule about requests is a feature of its own, allowed or denied", () => {
    expect(featuresOf(planOf({ allow: listed("a.example") }))).not.toContain("http-rules");
    expect(featuresOf(planOf({ allow: listed("a.example/v1") }))).toContain("http-rules");
    expect(featuresOf(planOf({ deny: listed("GET a.example/v1") }))).toContain("http-rules");
  });

  test("denials in an open network ask for what no backend has", () => {
    expect(featuresOf(planOf({ mode: "open", deny: listed("a.example") }))).toContain("network-deny");
    expect(featuresOf(planOf({ mode: "none", deny: listed("a.example") }))).not.toContain("network-deny");
  });

  test("the variables lead to the gateway's proxy, never to the host's", () => {
    const policy = { ...policyOf({}), env: { pass: listed("HTTPS_PROXY", "http_proxy"), set: {} } };
    const host = { ...sampleHost, env: { ...sampleHost.env, http_proxy: "http://proxy.example:3128" } };
    const { env } = createPlan(sampleInput(policy, host));
    for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"])
      expect(env[name]).toBe("http://127.66.0.1:1066");
    for (const name of ["ALL_PROXY", "all_proxy"]) expect(env[name]).toBe("socks5h://127.66.0.1:1066");
    for (const name of ["NO_PROXY", "no_proxy"]) expect(env[name]).toBe("localhost,127.0.0.1,::1");
    expect(JSON.stringify(env)).not.toContain("proxy.example");
    expect(Object.keys(env).filter((name) => name.startsWith("NODE_"))).toEqual([]);
    expect(planOf({ mode: "open" }).env["HTTPS_PROXY"]).toBe("http://proxy.example:3128");
    expect(planOf({ mode: "none" }).env["HTTPS_PROXY"]).toBeUndefined();
  });
});

describe("what is allowed besides the user's own rules", () => {
  const home = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "cordon-network-")));
  afterAll(() => fs.rmSync(home, { recursive: true }));
  fs.mkdirSync(path.join(home, ".claude"));
  fs.writeFileSync(
    path.join(home, ".claude/settings.json"),
    JSON.stringify({ env: { ANTHROPIC_BASE_URL: "https://llm.example.test/v1" } }),
  );
  fs.writeFileSync(
    path.join(home, ".npmrc"),
    "registry=https://npm.example.test/\n//npm.example.test/:_authToken=s3cret\n",
  );
  fs.mkdirSync(path.join(home, ".gemrc"));

  const gather = (network: Partial<Policy["network"]>, agent?: Agent, env: Record<string, string> = {}, set = {}) => {
    const host = { ...sampleHost, home, realHome: home, env };
    const states = agent ? locateState(agent, host, "/p", "none") : [];
    const policy = { ...policyOf(network), env: { pass: [], set } };
    return withNetwork(policy, { agent, host, states }).policy.network;
  };
  const originOf = ({ allow }: Policy["network"], value: string) => allow.find((rule) => rule.value === value)?.origin;

  test("strict: the agent's own hosts, and where its settings point", () => {
    const { allow, hostPorts } = gather({ presets: [], allow: listed("own.example") }, claude);
    expect(allow.map(({ value }) => value)).toEqual([
      "own.example",
      ...claude.hosts.map((host) => `${host}:443`),
      "llm.example.test:443",
    ]);
    expect([allow[1]?.origin, allow.at(-1)?.origin]).toEqual([
      "agent claude",
      "~/.claude/settings.json (ANTHROPIC_BASE_URL)",
    ]);
    expect(hostPorts).toEqual([]);
    expect(gather({ presets: [] }).allow).toEqual([]);
  });

  test("registries come from the user's files, and one that is a directory counts as none", () => {
    const network = gather({ presets: ["registries", "git-hosts"] });
    expect(originOf(network, "npm.example.test:443")).toBe("preset registries (~/.npmrc)");
    expect(originOf(network, "*.npmjs.org:443")).toBeUndefined();
    expect(originOf(network, "rubygems.org:443")).toBe("preset registries");
    expect(originOf(network, "github.com:22")).toBe("preset git-hosts");
    expect(JSON.stringify(network)).not.toContain("s3cret");
    expect(originOf(gather({ presets: ["git-hosts"] }), "npm.example.test:443")).toBeUndefined();
  });

  test("a base URL on this machine is a port of its loopback; what is set by hand comes before what is passed", () => {
    const outside = { ANTHROPIC_BASE_URL: "http://localhost:4000" };
    expect(gather({ presets: [] }, claude, outside).hostPorts).toEqual([{ value: 4000, origin: "ANTHROPIC_BASE_URL" }]);
    const inside = gather({ presets: [] }, claude, outside, { ANTHROPIC_BASE_URL: "http://10.1.2.3:8080" });
    expect([originOf(inside, "10.1.2.3:8080"), inside.hostPorts]).toEqual(["ANTHROPIC_BASE_URL", []]);
    expect(originOf(inside, "api.anthropic.com:443")).toBe("agent claude");
  });

  test("nothing is read or added when nothing is filtered", () => {
    for (const mode of ["open", "none"] as const)
      expect(gather({ mode, presets: ["registries"] }, claude)).toEqual(
        policyOf({ mode, presets: ["registries"] }).network,
      );
  });
});

describe("explaining a host", () => {
  const policy = policyOf({
    allow: listed("*.a.example", "b.example:8080"),
    deny: listed("bad.a.example"),
    hostPorts: [{ value: 5432, origin: "--host-port" }],
  });
  test.each([
    ["X.a.example", "allowed", /^rule \*\.a\.example, test$/],
    ["x.a.example:22", "allowed", /./],
    ["x.a.example:23", "not allowed", /other ports/],
    ["bad.a.example", "denied", /^rule bad\.a\.example, test$/],
    ["b.example", "not allowed", /cordon allow b\.example:443/],
    ["c.example", "not allowed", /cordon allow c\.example$/],
    ["10.1.2.3:80", "not allowed", /cordon allow 10\.1\.2\.3/],
    ["localhost:5432", "this machine's port, inside as well", /--host-port/],
    ["127.0.0.1:80", "the sandbox's own loopback", /--host-port 80/],
    ["[::1]:80", "the sandbox's own loopback", /--host-port 80/],
  ])("%s: %s", (word, verdict, origin) => {
    expect(explainHost(policy, word)).toMatchObject({ verdict, origin: expect.stringMatching(origin) });
  });
});

describe("explaining a request", () => {
  const policy = policyOf({
    allow: listed("GET api.example/repos/me", "plain.example"),
    deny: listed("POST plain.example/token"),
  });
  const explain = (word: string, of: Policy = policy) => {
    const request = readRequest(word);
    return request ? explainHost(of, request.host, request) : undefined;
  };
  test.each([
    [
      "https://api.example/repos/me/x?y#z",
      "GET api.example/repos/me/x",
      "allowed",
      /^rule GET api\.example\/repos\/me, test$/,
    ],
    ["https://u:s3cret@api.example/repos/me", "GET api.example/repos/me", "allowed", /./],
    [
      "https://api.example",
      "GET api.example/",
      "not allowed",
      /of test is for other requests\); .*"GET api\.example\/"$/,
    ],
    ["POST api.example/repos/me", "POST api.example/repos/me", "not allowed", /"POST api\.example\/repos\/me"$/],
    [
      "http://api.example:8080/x",
      "GET api.example:8080/x",
      "not allowed",
      /other ports\); .*"GET api\.example:8080\/x"$/,
    ],
    [
      "POST http://plain.example/token/",
      "POST plain.example/token",
      "denied",
      /^rule POST plain\.example\/token, test$/,
    ],
    ["https://plain.example/token", "GET plain.example/token", "allowed", /^rule plain\.example, test$/],
    ["https://plain.example/a/../token", "GET plain.example/a/../token", "not allowed", /dot segments$/],
    ["https://other.example/", "GET other.example/", "not allowed", /no rule names it/],
    ["https://localhost:3000/x", "localhost:3000", "the sandbox's own loopback", /--host-port 3000/],
  ])("%s", (word, subject, verdict, origin) => {
    expect(explain(word)).toEqual({ subject, verdict, origin: expect.stringMatching(origin) });
  });

  test("hosts whose requests are judged, networks without a filter, and words that are no request", () => {
    for (const host of ["api.example", "plain.example"])
      expect(explainHost(policy, host).verdict).toBe("allowed, and each request is judged");
    expect(explain("https://api.example/x?y", policyOf({ mode: "open" }))).toMatchObject({
      ...{ subject: "GET api.example/x", verdict: "reachable" },
    });
    for (const word of ["/etc/hosts", "api.example", "src/x.ts", "~/x", "HOME", "get a.example/x", "ftp://a.example/x"])
      expect(readRequest(word)).toBeUndefined();
  });
});
