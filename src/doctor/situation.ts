import fs from "node:fs";
import type { Host } from "../host.ts";
import { type Confinement, type Engine, parseStatus, recogniseContainer } from "./container.ts";
import { type Distribution, parseRelease } from "./distribution.ts";
import { recogniseWsl } from "./kernel.ts";

/** What the recognisers know of the machine. Gathered once; every one of them is a pure function over it. */
export type Situation = {
  uid: number;
  distribution: Distribution;
  /** Text of /proc/sys/kernel/osrelease. */
  kernel: string;
  wsl: 1 | 2 | undefined;
  engine: Engine | undefined;
  confinement: Confinement;
  userns: UsernsSettings;
  /** Text of /proc/sys/kernel/seccomp/actions_avail. */
  seccompActions: string | undefined;
  hasChildrenFile: boolean;
};

/** sysctls that decide who may make user namespaces; undefined where this kernel has no such setting. */
export type UsernsSettings = {
  /** kernel.unprivileged_userns_clone (Debian, Arch hardened kernels). */
  clone: number | undefined;
  /** user.max_user_namespaces. */
  max: number | undefined;
  /** kernel.apparmor_restrict_unprivileged_userns (Ubuntu 23.10 and later). */
  apparmor: number | undefined;
};

export const gatherSituation = ({ uid, env }: Pick<Host, "uid" | "env">): Situation => {
  const kernel = readText("/proc/sys/kernel/osrelease")?.trim() ?? "";
  return {
    uid,
    distribution: parseRelease(readText("/etc/os-release") ?? readText("/usr/lib/os-release") ?? ""),
    kernel,
    wsl: recogniseWsl(kernel),
    engine: recogniseContainer({
      hasDockerenv: fs.existsSync("/.dockerenv"),
      containerenv: readText("/run/.containerenv"),
      cgroup: readText("/proc/1/cgroup") ?? "",
      variable: env["container"],
      hasKubernetes: env["KUBERNETES_SERVICE_HOST"] !== undefined,
    }),
    confinement: parseStatus(readText("/proc/self/status") ?? ""),
    userns: {
      clone: readNumber("/proc/sys/kernel/unprivileged_userns_clone"),
      max: readNumber("/proc/sys/user/max_user_namespaces"),
      apparmor: readNumber("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
    },
    seccompActions: readText("/proc/sys/kernel/seccomp/actions_avail"),
    hasChildrenFile: fs.existsSync(`/proc/${process.pid}/task/${process.pid}/children`),
  };
};

/** Text of a file, or nothing when it is not there or not readable. */
export const readText = (file: string): string | undefined => {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
};

const readNumber = (file: string): number | undefined => {
  const text = readText(file)?.trim();
  return text === undefined || text === "" ? undefined : Number(text);
};
