import { expect, test } from "bun:test";
import { catalog } from "../../src/agents/catalog.ts";
import { hostsOf, isSigning, placeholderOf, providerOf } from "../../src/credentials/providers.ts";

const names = [...new Set(catalog.flatMap(({ keys }) => keys))];
const known = names.filter((name) => providerOf(name));

test("the providers of most agents' keys are known", () => {
  const unknown = names.filter((name) => !providerOf(name) && !isSigning(name));
  expect(unknown.sort()).toEqual(["CODEX_ACCESS_TOKEN", "CURSOR_API_KEY", "CURSOR_AUTH_TOKEN"]);
});

test("placeholders differ, are the same each time, and are plainly cordon's", () => {
  const placeholders = known.map((name) => placeholderOf(name, providerOf(name)!.prefix));
  expect(new Set(placeholders).size).toBe(placeholders.length);
  for (const [at, placeholder] of placeholders.entries()) {
    expect(placeholder).toBe(placeholderOf(known[at]!, providerOf(known[at]!)!.prefix));
    expect(placeholder).toMatch(/^[\w-]*cordon-placeholder-[\w-]+$/);
    expect(placeholder.length).toBeGreaterThanOrEqual(40);
  }
});

test("every host is a name with a port, and every slot a header in lower case", () => {
  for (const name of known) {
    const provider = providerOf(name)!;
    for (const host of hostsOf(provider, { ANTHROPIC_FOUNDRY_RESOURCE: "mine" }))
      expect(host).toMatch(/^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+:443$/);
    for (const { header } of provider.slots) expect(header).toMatch(/^[a-z-]+$/);
  }
});

test("a region fills a host in, and nothing but a label does", () => {
  const bedrock = providerOf("AWS_BEARER_TOKEN_BEDROCK")!;
  expect(hostsOf(bedrock, {})).toEqual(["bedrock-runtime.us-east-1.amazonaws.com:443"]);
  expect(hostsOf(bedrock, { AWS_REGION: "eu-west-3" })).toEqual(["bedrock-runtime.eu-west-3.amazonaws.com:443"]);
  expect(hostsOf(bedrock, { AWS_REGION: "evil.test/" })).toEqual(["bedrock-runtime.us-east-1.amazonaws.com:443"]);
  expect(hostsOf(providerOf("ANTHROPIC_FOUNDRY_API_KEY")!, {})).toEqual([]);
});

test("no variable finds what nobody put there", () => {
  expect(providerOf("constructor")).toBeUndefined();
  expect(providerOf("__proto__")).toBeUndefined();
});
