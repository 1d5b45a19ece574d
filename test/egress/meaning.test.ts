import { expect, test } from "bun:test";
import { createRules, decide, mayResolve } from "../../src/egress/rules.ts";

const listed = (values: string[], origin = "test") => values.map((value) => ({ value, origin }));
const rulesOf = (allow: string[], deny: string[] = []) => createRules({ allow: listed(allow), deny: listed(deny) });
const isAllowed = (allow: string[], name: string, port = 443, deny: string[] = []) =>
  decide(rulesOf(allow, deny), name, port).allowed;

/** The meaning of a list, as plainly as it can be said; names are canonical. */
const naive = (allow: string[], deny: string[], name: string, port: number): boolean => {
  const fits = (rule: string, ports: number[] | undefined): boolean => {
    const [host = "", written] = rule.split(":");
    if (written === undefined ? ports && !ports.includes(port) : Number(written) !== port) return false;
    return (
      host === "*" || (host.startsWith("*.") ? name.endsWith(host.slice(1)) && name !== host.slice(2) : host === name)
    );
  };
  return !deny.some((rule) => fits(rule, undefined)) && allow.some((rule) => fits(rule, [22, 80, 443]));
};

test("lists drawn at random mean what they say", () => {
  let state = 1;
  const below = (most: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) % most;
  };
  const labels = ["a", "b", "aa", "a-b", "com"];
  const drawName = () => Array.from({ length: 1 + below(3) }, () => labels[below(labels.length)]!).join(".");
  const drawRule = () => `${["", "*.", ""][below(3)]}${drawName()}${["", ":443", ":8080"][below(3)]}`;
  const drawList = (most: number) => Array.from({ length: below(most) }, () => (below(20) === 0 ? "*" : drawRule()));
  const noise = ["\0", "\n", " ", "。", "@", "#", "%2e", "\\", "/", ":", "_", "\u212A", "*"];
  const counts = { allowed: 0, denied: 0 };
  for (let round = 0; round < 20_000; round++) {
    const [allow, deny, name, port] = [drawList(5), drawList(3), drawName(), [443, 8080, 80, 25][below(4)]!];
    const rules = rulesOf(allow, deny);
    const expected = naive(allow, deny, name, port);
    expect({ allow, deny, name, port, allowed: decide(rules, name, port).allowed }).toEqual({
      allow,
      deny,
      name,
      port,
      allowed: expected,
    });
    if (expected) expect(mayResolve(rules, name).allowed).toBe(true);
    const at = below(name.length + 1);
    expect(isAllowed(["*", ...allow], name.slice(0, at) + noise[below(noise.length)] + name.slice(at), port)).toBe(
      false,
    );
    counts[expected ? "allowed" : "denied"] += 1;
  }
  expect(Math.min(counts.allowed, counts.denied)).toBeGreaterThan(1000);
});
