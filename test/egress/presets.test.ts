import { expect, test } from "bun:test";
import { catalog } from "../../src/agents/catalog.ts";
import { agentRules, gitHostRules, networkPresetsOf } from "../../src/egress/presets.ts";
import { createRules, decide } from "../../src/egress/rules.ts";

const allows = (name: string, port: number) =>
  decide(createRules({ allow: gitHostRules(), deny: [] }), name, port).allowed;

test("strict brings no set of hosts, the others bring both", () => {
  expect(networkPresetsOf.strict).toEqual([]);
  expect(networkPresetsOf.standard).toEqual(["registries", "git-hosts"]);
});

test("git hosts: cloning over https and ssh, and nothing that takes texts from strangers", () => {
  for (const name of ["github.com", "gitlab.com", "bitbucket.org", "codeberg.org"])
    expect([22, 443, 80].map((port) => allows(name, port))).toEqual([true, true, false]);
  expect(allows("raw.githubusercontent.com", 443)).toBe(true);
  for (const name of ["gist.github.com", "api.github.com", "uploads.github.com", "pages.github.com"])
    expect([22, 443].map((port) => allows(name, port))).toEqual([false, false]);
});

test.each(catalog.map((agent) => [agent.name, agent] as const))(
  "the hosts of %s are reached on port 443 alone",
  (name, agent) => {
    const rules = createRules({ allow: agentRules(agent), deny: [] });
    expect(agent.hosts.length).toBeGreaterThan(0);
    for (const host of agent.hosts) {
      const member = host.replace("*", "any");
      expect(decide(rules, member, 443)).toMatchObject({ allowed: true, rule: { origin: `agent ${name}` } });
      expect(decide(rules, member, 80).allowed).toBe(false);
    }
  },
);
