import { afterAll, expect, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Host } from "../../src/host.ts";
import { composeIgnore } from "../../src/workspace/ignore.ts";

const home = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "cordon-ignore-")));
afterAll(() => fs.rmSync(home, { recursive: true, force: true }));

const host = { home, project: "/p", env: {} } as Host;
const compose = (excludes: string, hidden: string[] = []): string | undefined => {
  const bytes = composeIgnore(host, [{ key: "core.excludesfile", value: excludes }], hidden);
  return bytes && Buffer.from(bytes).toString();
};

test("what the user ignores everywhere comes along, with what is hidden", () => {
  fs.writeFileSync(path.join(home, "own"), "*.swp");
  expect(compose("~/own")).toBe("*.swp\n");
  expect(compose(path.join(home, "own"), ["/p/a*b", "/elsewhere", "/p"])).toBe("*.swp\n/a\\*b\n");
});

test.each(["nothing", "a link to itself", "a directory", "below a file", "too large"])("%s is passed over", (what) => {
  const file = path.join(home, what);
  if (what === "a link to itself") fs.symlinkSync(file, file);
  if (what === "a directory") fs.mkdirSync(file);
  if (what === "too large") fs.writeFileSync(file, Buffer.alloc(2 * 1024 * 1024));
  expect(compose(what === "below a file" ? path.join(home, "own/x") : file)).toBeUndefined();
});
