import { afterEach, beforeEach, expect, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { hideSecrets } from "../../src/plan/secrets.ts";
import type { Policy } from "../../src/policy.ts";
import { samplePolicy } from "./sample.ts";

let project: string;
const at = (name: string): string => path.join(project, name);
beforeEach(() => {
  project = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "cordon-secrets-")));
  fs.mkdirSync(at("deep/er"), { recursive: true });
  for (const name of [".env", "deep/er/server.key", "README.md", ".env.example"]) fs.writeFileSync(at(name), "x");
});
afterEach(() => fs.rmSync(project, { recursive: true }));

const policyWith = (filesystem: Partial<Policy["filesystem"]>): Policy => ({
  ...samplePolicy,
  filesystem: { base: "platform", read: [], write: [], hide: [], ...filesystem },
});
const asked = { hideSecrets: { origin: "--hide-secrets" } };

test("nothing is looked for unless somebody asks", () => {
  const policy = policyWith({});
  expect(hideSecrets(policy, "/nowhere")).toEqual({ policy, paths: [], note: undefined });
});

test("secrets by their names become hidden paths, and are said", () => {
  const rule = { value: "/h", origin: "mine" };
  const { policy, paths, note } = hideSecrets(policyWith({ ...asked, hide: [rule] }), project);
  expect(paths).toEqual([".env", "deep/er/server.key"]);
  const origin = "filesystem.hide-secrets, --hide-secrets";
  expect(policy.filesystem.hide).toEqual([
    rule,
    { value: at(".env"), origin },
    { value: at("deep/er/server.key"), origin },
  ]);
  expect(note).toBe("hidden from the agent: .env, deep/er/server.key");
});

test("a file that a rule shows by its own name stays, one in a directory that is shown does not", () => {
  const read = [at(".env"), at("deep")].map((value) => ({ value, origin: "--allow-readonly" }));
  expect(hideSecrets(policyWith({ ...asked, read }), project).paths).toEqual(["deep/er/server.key"]);
});

test("what cannot be hidden is refused, not left out", () => {
  fs.writeFileSync(Buffer.concat([Buffer.from(`${project}/.env.`), Buffer.from([0xff])]), "x");
  expect(() => hideSecrets(policyWith(asked), project)).toThrow("cannot all be hidden");
});
