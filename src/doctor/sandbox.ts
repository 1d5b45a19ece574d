import fs from "node:fs";
import type { Check } from "../backends/backend.ts";
import { bubblewrap, type Observed } from "../backends/bubblewrap.ts";
import { defaultDiskBytes } from "../config/policy.ts";
import type { Finished } from "../exec.ts";
import { type Host, inspectPath } from "../host.ts";
import type { Launch } from "../launch.ts";
import { platformDirectories } from "../plan/locations.ts";
import type { Mount, Plan } from "../plan/plan.ts";
import { captureWith } from "./capture.ts";
import { isLocked } from "./kernel.ts";
import { type Refused, recogniseRefusal } from "./refusal.ts";

const searchPath = "/usr/local/bin:/usr/bin:/bin";

/** Prints the kernel's view of the process inside, with nothing but the shell's own words. */
const report = 'while read -r line; do echo "$line"; done </proc/self/status';

/** The smallest run: the same launch as a real one makes, and a shell that tells where it is. */
export const planProbe = (host: Host, network: Plan["network"]): Plan => ({
  id: "doctor",
  command: ["/bin/sh", "-c", report],
  workdir: "/tmp",
  home: host.realHome,
  identity: { uid: host.uid, gid: host.gid },
  mounts: [
    ...platformDirectories.flatMap(mountPlatform),
    { kind: "dev", target: "/dev", origin: "doctor" },
    { kind: "proc", target: "/proc", origin: "doctor" },
    { kind: "tmpfs", target: "/tmp", permissions: 0o700, sizeBytes: defaultDiskBytes, origin: "doctor" },
  ],
  env: { PATH: searchPath, HOME: "/tmp", LC_ALL: "C" },
  network,
  waits: network === "filtered",
  deniesHosts: false,
  credentials: "none",
  resources: {},
  requested: [],
  widen: [],
  tty: { stdin: false, stdout: false, stderr: false },
});

const mountPlatform = (target: string): Mount[] => {
  const { kind, link } = inspectPath(target);
  if (kind !== "directory") return [];
  return link === undefined
    ? [{ kind: "bind", source: target, target, mode: "ro", origin: "doctor" }]
    : [{ kind: "symlink", link, target, origin: "doctor" }];
};

/** Makes a sandbox with every namespace and the filter, and looks around inside. */
export const checkSandbox = async (host: Host, observed: Observed, about: Refused): Promise<Check> => {
  const { main } = bubblewrap.compile(planProbe(host, "none"), observed);
  const finished = await captureWith(main.file, main.args, { env: main.env, inputs: inputsOf(main) });
  return judge({ name: "sandbox", level: "required" }, finished, about);
};

const inputsOf = ({ fds }: Launch["main"]) => fds.map((fd) => (fd.kind === "bytes" ? fd.bytes : undefined));

/** Pure: what a probe's ending says. A program that only looks like bubblewrap does not pass. */
export const judge = (check: Pick<Check, "name" | "level">, finished: Finished, about: Refused): Check => {
  if (finished.isTimedOut)
    return { ...check, ok: false, found: "bubblewrap does not come to an end", fix: `look at \`${about.bwrap}\`` };
  if (finished.code === 0 && isLocked(finished.stdout)) {
    return { ...check, ok: true, found: "works: namespaces, no privileges, system call filter" };
  }
  if (finished.code === 0)
    return { ...check, ok: false, found: "it runs and confines nothing", fix: `\`${about.bwrap}\` is no bubblewrap` };
  const { reason, fix } = recogniseRefusal(finished.stderr, about);
  return { ...check, ok: false, found: reason, ...(fix !== undefined && { fix }) };
};

/** True when the file runs as root whoever starts it. */
export const isSetuidRoot = (file: string): boolean => {
  const { mode, uid } = fs.statSync(file);
  return uid === 0 && (mode & 0o4000) !== 0;
};
