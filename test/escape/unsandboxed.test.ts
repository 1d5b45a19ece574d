import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { probes } from "./catalog.ts";
import type { Outcome } from "./facts.ts";
import { makeBase, prepareKit } from "./plant.ts";
import { runCommand } from "./spawn.ts";

const isRoot = process.getuid?.() === 0;

/** Probes that detect nothing even without a boundary, each with the reason. */
const cannotBreachHere: Record<string, string> = {
  "RS-05": "measured from outside",
  ...(process.arch === "x64" ? {} : { "KI-03": "x86-64 only" }),
  ...(isRoot
    ? {}
    : {
        "FS-14": "only root of the host opens files by handle",
        "FS-15": "only root of the host has devices",
        "X-09": "only root of the host has control groups",
      }),
};

const base = makeBase();
let report: Record<string, Outcome> = {};

beforeAll(async () => {
  const kit = prepareKit(base);
  const namespaces = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--net", "--ipc", "--uts"];
  const container = ["unshare", ...(isRoot ? [] : ["--map-root-user"]), ...namespaces, "--", "sh"];
  // The last words stand for a supervisor that carries its mounts on its command line.
  const demonstration = [join(kit, "bun"), join(kit, "escape/demonstration.ts"), "--bind", base];
  const { stdout, stderr } = await runCommand({
    argv: [...container, join(kit, "escape/container.sh"), base, ...demonstration],
    env: { HOME: base, PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", TERM: "xterm" },
    cwd: base,
  });
  if (!stdout.includes("{")) throw new Error(`the demonstration did not run: ${stderr}`);
  report = JSON.parse(stdout);
}, 180_000);
afterAll(() => rmSync(base, { recursive: true, force: true }));

for (const { id, attack } of probes) {
  const reason = cannotBreachHere[id];
  const title = `without a boundary: ${id} ${attack}`;
  if (reason) test.skip(`${title} (${reason})`, () => {});
  else test(title, () => expect(report[id]).toEqual({ verdict: "breached", detail: expect.any(String) }));
}
