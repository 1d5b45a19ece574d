import { describe, expect, test } from "bun:test";
import { catalog } from "../../../src/agents/catalog.ts";
import { refuseOutside } from "../../../src/agents/outside.ts";
import type { CordonError } from "../../../src/errors.ts";
import type { CredentialMode } from "../../../src/policy.ts";

const codeOf = (name: string, words: string[], mode: CredentialMode = "broker"): string | undefined => {
  try {
    refuseOutside(catalog.find((agent) => agent.name === name)!, words, mode);
    return undefined;
  } catch (error) {
    return (error as CordonError).code;
  }
};

describe("words of an agent that come to nothing inside", () => {
  test.each([
    ["claude", ["update"]],
    ["claude", ["install", "latest"]],
    ["codex", ["update"]],
    ["opencode", ["upgrade", "1.2.3"]],
    ["copilot", ["update"]],
  ])("%s %j updates", (name, words) => {
    expect(codeOf(name, words)).toBe("E_UPDATE_OUTSIDE");
    expect(codeOf(name, words, "share")).toBe("E_UPDATE_OUTSIDE");
  });

  test.each([
    ["claude", ["auth", "login"]],
    ["claude", ["auth", "login", "--console"]],
    ["claude", ["setup-token"]],
    ["codex", ["login"]],
    ["codex", ["login", "--device-auth"]],
    ["opencode", ["auth", "login"]],
  ])("%s %j signs in", (name, words) => {
    expect(codeOf(name, words)).toBe("E_LOGIN_OUTSIDE");
    expect(codeOf(name, words, "share")).toBeUndefined();
    expect(codeOf(name, words, "none")).toBeUndefined();
  });

  test.each([
    ["claude", []],
    ["claude", ["update the README"]],
    ["claude", ["-p", "update"]],
    ["claude", ["auth", "status"]],
    ["claude", ["update", "--help"]],
    ["codex", ["login", "status"]],
    ["codex", ["exec", "login"]],
    ["gemini", ["update"]],
    ["opencode", ["auth", "list"]],
  ])("%s %j goes in", (name, words) => {
    expect(codeOf(name, words)).toBeUndefined();
  });
});
