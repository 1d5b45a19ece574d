import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { flags } from "../../src/cli/flags.ts";
import { readGiven } from "../../src/cli/given.ts";
import type { Config, ConfigValues } from "../../src/config/config.ts";
import { listSettings } from "../../src/config/listing.ts";
import { readProjectFile } from "../../src/config/load.ts";
import { policyOf } from "../../src/config/policy.ts";
import { resolveConfig } from "../../src/config/resolve.ts";
import { checkValues } from "../../src/config/schema.ts";
import type { CordonError } from "../../src/errors.ts";
import { setupOf } from "../../src/plan/setup.ts";

const resolve = (user: ConfigValues, project: ConfigValues = {}, given: [string, string?][] = []): Config =>
  resolveConfig(
    {
      home: "/h",
      project: "/h/p",
      user: { values: user, label: "user", directory: "/h" },
      projectFile: { values: project, label: "project", trusted: false },
    },
    given.map(([long, value]) => readGiven(flags.find((flag) => flag.long === long)!, value, `--${long}`)),
  );
const refused = (...settings: Parameters<typeof resolve>): string => {
  try {
    resolve(...settings);
    return "nothing";
  } catch (cause) {
    return (cause as CordonError).message;
  }
};

describe("setup", () => {
  test("a project may name it without trust, a flag replaces it, --no-setup wins", () => {
    expect(resolve({}, { setup: "npm ci" }).setup).toEqual({ value: "npm ci", origin: "project (setup)" });
    expect(resolve({}, { setup: "npm ci" }, [["setup", "make"]]).setup?.value).toBe("make");
    expect(resolve({}, { setup: "npm ci" }, [["no-setup"]]).setup).toBeUndefined();
    expect(resolve({}, {}, [["setup", "make"], ["no-setup"]]).setup).toBeUndefined();
  });

  test("a line is the shell's, a list stays words; neither has the agent's input or output", () => {
    const wrapper = ["/bin/sh", "-c", 'exec "$@" </dev/null >&2', "setup"];
    expect(setupOf(resolve({ setup: "a; b" }))?.command).toEqual([...wrapper, "/bin/sh", "-c", "a; b"]);
    expect(setupOf(resolve({ setup: ["a b", "$(c)"] }))?.command).toEqual([...wrapper, "a b", "$(c)"]);
    expect(setupOf(resolve({}))).toBeUndefined();
  });

  test("inputs lie in the project", () => {
    for (const outside of ["/etc/passwd", "../x", "a/../../x", ""])
      expect(checkValues({ "setup-inputs": [outside] })).toHaveProperty("problems");
    expect(checkValues({ "setup-inputs": ["a/b..c"], setup: ["x"] })).toHaveProperty("values");
    expect(checkValues({ setup: [] })).toHaveProperty("problems");
    expect(checkValues({ setup: "" })).toHaveProperty("problems");
  });
});

describe("hiding secrets and sharing caches", () => {
  test("a project may hide more and not less", () => {
    expect(policyOf(resolve({}, { filesystem: { "hide-secrets": true } })).filesystem.hideSecrets?.origin).toBe(
      "project (filesystem.hide-secrets)",
    );
    expect(refused({ filesystem: { "hide-secrets": true } }, { filesystem: { "hide-secrets": false } })).toContain(
      "filesystem.hide-secrets",
    );
    expect(policyOf(resolve({})).filesystem.hideSecrets).toBeUndefined();
  });

  test("caches are private unless somebody who may says otherwise", () => {
    expect(policyOf(resolve({})).caches).toBeUndefined();
    expect(refused({}, { caches: "shared" })).toContain("caches");
    expect(policyOf(resolve({ caches: "shared" }, { caches: "private" })).caches?.value).toBe("private");
    expect(policyOf(resolve({ preset: "open" })).caches).toBeUndefined();
    expect(policyOf(resolve({}, {}, [["caches", "shared"]])).caches).toEqual({ value: "shared", origin: "--caches" });
  });
});

describe("notify", () => {
  let project: string;
  beforeEach(() => {
    project = fs.mkdtempSync(path.join(os.tmpdir(), "cordon-notify-"));
  });
  afterEach(() => fs.rmSync(project, { recursive: true }));

  test("ways add up, and --no-notify takes back all of it", () => {
    const user: ConfigValues = { notify: { by: ["bell"], command: ["tell", "me"], after: "1m" } };
    expect(resolve(user, {}, [["notify", "desktop"]]).notify).toEqual({
      by: [
        { value: "bell", origin: "user (notify.by)" },
        { value: "desktop", origin: "--notify" },
      ],
      command: { value: ["tell", "me"], origin: "user (notify.command)" },
      afterMs: { value: 60_000, origin: "user (notify.after)" },
    });
    expect(resolve(user, {}, [["no-notify"]]).notify).toEqual({ by: [] });
    expect(() => resolve({}, {}, [["notify", "pager"]])).toThrow();
  });

  test.each(['[notify]\ncommand = ["touch", "x"]\n', '[notify]\nby = ["bell"]\n', "[notify]\n"])(
    "a project's file may not say %j",
    async (text) => {
      fs.writeFileSync(path.join(project, ".cordon.toml"), text);
      const places = { config: "", state: "", cache: "", runtime: "" };
      const reading = readProjectFile({ home: "/h", cwd: project, project, places });
      await expect(reading).rejects.toThrow("`notify` belongs in the user's own configuration");
    },
  );
});

test("`cordon config` shows every one of them", () => {
  const rows = listSettings(
    resolve({
      setup: ["a", "b"],
      "setup-inputs": ["x"],
      caches: "shared",
      filesystem: { "hide-secrets": true },
      notify: { by: ["bell"], command: ["c", "d"], after: "1s" },
    }),
  );
  const shown = Object.fromEntries(rows.map(({ key, value }) => [key, value]));
  expect(shown).toMatchObject({
    setup: "a b",
    "setup-inputs": "x",
    caches: "shared",
    "filesystem.hide-secrets": true,
    "notify.by": "bell",
    "notify.command": "c d",
    "notify.afterMs": 1000,
  });
});
