import { expect, test } from "bun:test";
import { isGiven, readVariables } from "../../src/cli/given.ts";
import type { CordonError } from "../../src/errors.ts";

const codeOf = (environment: Record<string, string>): string => {
  try {
    readVariables(environment);
  } catch (error) {
    return (error as CordonError).code;
  }
  return "";
};

test("every setting has a variable; lists take a line each, empty means absent", () => {
  const given = readVariables({
    CORDON_PRESET: "strict",
    CORDON_ADD_DIR: "/a:ro\n/b c\n",
    CORDON_JSON: "1",
    CORDON_DRY_RUN: "0",
    CORDON_NET: "",
    PATH: "/bin",
  });
  expect(given.map(({ flag, value, origin }) => [flag.long, value, origin])).toEqual([
    ["preset", "strict", "CORDON_PRESET"],
    ["add-dir", "/a:ro", "CORDON_ADD_DIR"],
    ["add-dir", "/b c", "CORDON_ADD_DIR"],
    ["dry-run", "false", "CORDON_DRY_RUN"],
    ["json", "true", "CORDON_JSON"],
  ]);
  expect(isGiven(given, "json")).toBe(true);
  expect(isGiven(given, "dry-run")).toBe(false);
});

test.each([
  [{ CORDON_PRESSET: "strict" }, "E_VARIABLE_UNKNOWN"],
  [{ CORDON_NETT: "none" }, "E_VARIABLE_UNKNOWN"],
  [{ CORDON_SOMETHING_ELSE: "x" }, ""],
  [{ CORDON_EVENT: "waiting", CORDON_AGENT: "claude", CORDON_PROJECT: "/p", CORDON_EXIT_CODE: "1" }, ""],
  [{ CORDON_HELP: "1" }, ""],
  [{ CORDON_NET: "of" }, "E_OPTION_INVALID"],
  [{ CORDON_SAFE: "maybe" }, "E_OPTION_INVALID"],
  [{ CORDON_MEMORY: "-4g" }, "E_OPTION_INVALID"],
  [{ CORDON_IMAGE: "x" }, "E_FEATURE_UNBUILT"],
] as const)("%j is %p", (environment, code) => {
  expect(codeOf(environment as Record<string, string>)).toBe(code);
});
