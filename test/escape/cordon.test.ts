import { afterAll } from "bun:test";
import { chmodSync, copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cordonBinary } from "../binary.ts";
import { type RunInside, registerEscape } from "./escape.ts";
import type { Facts } from "./facts.ts";
import { makeBase, prepareKit } from "./plant.ts";
import { runCommand } from "./spawn.ts";

const base = makeBase();
afterAll(() => rmSync(base, { recursive: true, force: true }));
const kit = prepareKit(base);
// Any uid must be able to run the program, wherever the working tree lies.
const cordon = join(base, "cordon");
copyFileSync(cordonBinary(), cordon);
chmodSync(cordon, 0o755);

const policyOf = ({ hidden }: Facts): string[] => [
  ...["--allow-readonly", kit],
  ...hidden.flatMap((file) => ["--deny-path", file]),
];

const runInside =
  (net: "none" | "open", limits: string[] = []): RunInside =>
  (argv, { facts, env, lower, leaks }, terminal) =>
    runCommand({
      argv: [...lower, cordon, "run", ...policyOf(facts), "--net", net, ...limits, "--", ...argv],
      env,
      cwd: facts.workspace,
      leaks,
      terminal,
    });

const isRoot = process.getuid?.() === 0;
for (const net of ["none", "open"] as const) {
  const options = { runInside: runInside(net), kit, facts: { net } };
  await registerEscape({ name: `cordon --net ${net}`, ...options });
  if (isRoot) await registerEscape({ name: `cordon --net ${net}, uid 1234`, ...options, uid: 1234 });
}

if (isRoot) {
  // Each limit lies well below the bound at which its probe gives up.
  const limits = ["--memory", "300M", "--pids", "300", "--disk", "64M"];
  await registerEscape({
    name: "cordon with limits",
    runInside: runInside("none", limits),
    kit,
    facts: { limits: true, bounds: { processes: 5000, megabytes: 512, inodes: 50_000 } },
    only: ["RS-01", "RS-02", "RS-03", "RS-04", "X-09"],
  });
}
