import fs from "node:fs";
import { bubblewrap } from "../backends/bubblewrap.ts";
import { planProbe } from "../doctor/sandbox.ts";
import type { Program } from "../exec.ts";
import type { Host } from "../host.ts";
import type { Launch } from "../launch.ts";
import { copyAbove } from "../libc.ts";
import { isWithin } from "../places.ts";
import type { Mount, Plan } from "../plan/plan.ts";
import { sealProgram } from "../run/hardening.ts";
import { openUnnamed } from "../unnamed-file.ts";

/** A sandbox without a network for one tool of cordon's own, which touches files that somebody hostile may have made. */
export type ClosedRoom = {
  program: Program;
  /** Closes what was opened for it; call it when the program has ended. */
  release(): void;
};

/** Nothing stands in it but programs, libraries and these mounts. Throws E_BACKEND_MISSING and E_LAUNCH_FAILED. */
export const openClosedRoom = (host: Host, command: string[], mounts: Mount[]): ClosedRoom => {
  const base = planProbe(host, "none");
  const cache: Mount = { ...bindAt("/etc/ld.so.cache", "/etc/ld.so.cache", "ro"), optional: true } as Mount;
  const plan: Plan = { ...base, command, mounts: [...base.mounts.filter(isNeeded), cache, ...mounts] };
  return startable(bubblewrap.compile(plan, bubblewrap.observe(host, plan)));
};

/** What starts a launch whose set-up, if it has one, is done. */
export const startable = ({ main }: Launch): ClosedRoom => {
  const words = [main.file, ...main.args];
  if (main.sealed !== undefined) words[main.sealed] = sealProgram(words[main.sealed]!);
  const fds = main.fds.map((source) => openInput(source.kind === "bytes" ? source.bytes : new Uint8Array()));
  const release = () => {
    for (const fd of fds.splice(0)) fs.closeSync(fd);
  };
  return { program: { file: words[0]!, args: words.slice(1), env: main.env, fds: [...fds] }, release };
};

export const bindAt = (source: string, target: string, mode: "ro" | "rw"): Mount => ({
  ...{ kind: "bind", source, target, mode, origin: "closed room" },
});

const openInput = (bytes: Uint8Array): number => {
  const fd = openUnnamed(bytes);
  const copy = copyAbove(fd);
  fs.closeSync(fd);
  return copy;
};

/** Of the system only programs and libraries: as root even /etc would hold secrets that a link could lead to. */
export const isNeeded = ({ target }: Mount): boolean =>
  !["/etc", "/var", "/opt", "/snap"].some((top) => isWithin(target, top));
