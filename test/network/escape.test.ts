import { afterAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { cordonBinary } from "../binary.ts";
import { registerEscape } from "../escape/escape.ts";
import type { Outcome } from "../escape/facts.ts";
import { makeBase } from "../escape/plant.ts";
import { runCommand } from "../escape/spawn.ts";
import { createLab, processesWith, until, users } from "../run/lab.ts";
import { networkProbes } from "./catalog.ts";
import { type NetworkProbe, usualOptions } from "./facts.ts";
import { openFarSide } from "./far-side.ts";
import { openNaiveProxy } from "./naive-proxy.ts";
import { proxy } from "./probes/proxy-client.ts";
import { type Mode, prepareNetworkKit, tryProbe } from "./trial.ts";

const base = makeBase();
const kit = prepareNetworkKit(base);
const farSide = await openFarSide();
afterAll(() => {
  farSide.close();
  fs.rmSync(base, { recursive: true, force: true });
});

/** In a world that an ordinary user has made there is only that user. */
const present = users.filter(({ uid }) => uid === 0 || spawnSync("setpriv", [`--reuid=${uid}`, "true"]).status === 0);

/** `NT_ONLY=NT-14,NT-15` while somebody works on a probe. */
const only = process.env["NT_ONLY"]?.split(",");
const chosen = networkProbes.filter(({ id }) => only?.includes(id) ?? true);

/** One after the other, so that what arrives anywhere belongs to one probe. */
const tryAll = async (
  probes: readonly NetworkProbe[],
  uid: number,
  modeOf: (id: string) => Mode,
): Promise<Record<string, Outcome>> => {
  const lab = createLab(uid);
  const report: Record<string, Outcome> = {};
  try {
    for (const probe of probes) report[probe.id] = await tryProbe(probe, { lab, kit, farSide, mode: modeOf(probe.id) });
  } finally {
    lab.close();
  }
  return report;
};

for (const { name, uid } of present) {
  const report = await tryAll(chosen, uid, () => "filtered");
  for (const { id, attack } of chosen)
    test(`filtered, ${name}: ${id} ${attack}`, () => {
      const { verdict, detail } = report[id]!;
      expect({ verdict, detail }).toEqual({ verdict: "held", detail });
    });
}

/** Not the network keeps these from anything but missing privileges and files: they are shown to fail without a sandbox. */
const bare = ["X-10", "X-11"];

/** Probes that detect nothing without a gateway, each with the reason. */
const cannotBreach: Record<string, string> = { "X-12": "without a gateway no addresses stand for names" };

const naive = openNaiveProxy(proxy.address, proxy.port);
const breaching = chosen.filter(({ id }) => !cannotBreach[id]);
const report = await tryAll(breaching, users[0]!.uid, (id) => (bare.includes(id) ? "bare" : "open"));
naive.close();
for (const { id, attack } of chosen) {
  const reason = cannotBreach[id];
  const title = `without a gateway: ${id} ${attack}`;
  if (reason) test.skip(`${title} (${reason})`, () => {});
  else test(title, () => expect(report[id]).toEqual({ verdict: "breached", detail: expect.any(String) }));
}

for (const { name, uid } of present) {
  test(`filtered, ${name}: NT-26 a killed gateway takes the sandbox with it`, async () => {
    const lab = createLab(uid);
    try {
      farSide.clear();
      const script = "while :; do getent hosts denied.test; exec 3<>/dev/tcp/11.1.1.2/80; sleep 0.02; done 2>/dev/null";
      const { pid, ended } = await lab.start(`exec bash -c '${script}'`, ["--net", "filtered", ...usualOptions]);
      expect(processesWith(lab.directory).length).toBeGreaterThan(1);
      process.kill(pid, "SIGKILL");
      await ended;
      await until(() => processesWith(lab.directory).length === 0);
      expect(farSide.arrivals).toEqual([]);
      expect(farSide.queries).toEqual([]);
    } finally {
      lab.close();
    }
  }, 60_000);
}

/** Of the escape suite what a gateway could have opened: descriptors, sockets, processes, kernel interfaces. */
const related = [
  ...["FS-03", "FS-04", "FS-05", "FS-18", "FS-19", "KI-05", "KI-06", "KI-07", "KI-08", "KI-09", "KI-10", "KI-11"],
  ...["KI-12", "KI-13", "KI-14", "KI-17", "X-01", "X-05", "CF-14"],
];
for (const { name, uid } of only ? [] : present) {
  await registerEscape({
    name: `filtered, ${name}`,
    kit,
    ...(uid !== process.getuid?.() && { uid }),
    only: related,
    runInside: (argv, { env, facts, lower, leaks }, terminal) =>
      runCommand({
        argv: [
          ...lower,
          cordonBinary(),
          "run",
          "--allow-readonly",
          kit,
          "--net",
          "filtered",
          ...usualOptions,
          "--",
          ...argv,
        ],
        env,
        cwd: facts.workspace,
        leaks,
        terminal,
      }),
  });
}
