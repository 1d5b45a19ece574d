import type { Check } from "../backends/backend.ts";
import { isOlder } from "../backends/version.ts";
import { parseStatus } from "./container.ts";
import { asRoot } from "./distribution.ts";
import type { Situation } from "./situation.ts";

/** cgroup namespaces came with Linux 4.6 (cgroup_namespaces(7)); the sandbox has one. */
const oldestKernel = [4, 6];

/** WSL names itself in the release: `4.4.0-19041-Microsoft` is version 1, `5.15.90.1-microsoft-standard-WSL2` is 2. */
export const recogniseWsl = (release: string): 1 | 2 | undefined => {
  if (!/microsoft/i.test(release)) return undefined;
  return /WSL2|microsoft-standard/i.test(release) || !/^4\.4\./.test(release) ? 2 : 1;
};

export const checkSystem = (situation: Situation, arch: string): Check => {
  const { distribution, kernel, wsl } = situation;
  const found = `${distribution.title}, Linux ${kernel}, ${arch}${wsl === undefined ? "" : `, WSL ${wsl}`}`;
  const fail = (problem: string, fix: string): Check => ({
    name: "system",
    level: "required",
    ok: false,
    found: `${found}: ${problem}`,
    fix,
  });
  if (wsl === 1) {
    const fix = "`wsl --set-version DISTRIBUTION 2` in PowerShell (`wsl -l -v` lists the names)";
    return fail("WSL 1 has no namespaces", fix);
  }
  if (arch !== "x64" && arch !== "arm64") return fail("no system call filter for this processor", "use x64 or arm64");
  const version = kernel.split(/[.-]/).slice(0, 2).map(Number);
  if (isOlder(version, oldestKernel))
    return fail("this kernel has no cgroup namespaces", "update the kernel to 4.6 or later");
  return { name: "system", level: "required", ok: true, found };
};

export const checkUserns = ({ uid, userns }: Situation): Check => {
  const { clone, max, apparmor } = userns;
  const named = {
    unprivileged_userns_clone: clone,
    max_user_namespaces: max,
    apparmor_restrict_unprivileged_userns: apparmor,
  };
  const present = Object.entries(named).filter(([, value]) => value !== undefined);
  const found = present.map(([name, value]) => `${name}=${value}`).join(", ") || "no setting restricts them";
  const base: Check = { name: "user namespaces", level: "required", ok: true, found };
  const fix = fixUserns({ uid, userns });
  return fix === undefined ? base : { ...base, ok: false, fix };
};

/** What to type when a sysctl of the kernel's forbids user namespaces to this user. */
export const fixUserns = ({ uid, userns }: Pick<Situation, "uid" | "userns">): string | undefined => {
  if (userns.max === 0) return setForGood(uid, "user.max_user_namespaces=15000");
  if (userns.clone === 0 && uid !== 0) return setForGood(uid, "kernel.unprivileged_userns_clone=1");
  return undefined;
};

const setForGood = (uid: number, setting: string): string => {
  const keep = asRoot(uid, "tee /etc/sysctl.d/60-cordon.conf");
  return `\`echo ${setting} | ${keep} && ${asRoot(uid, "sysctl --system")}\``;
};

export const checkSeccomp = ({ confinement, seccompActions }: Situation): Check => {
  const actions = seccompActions?.trim().split(/\s+/);
  const isThere = confinement.seccompMode !== undefined && (!actions || actions.includes("kill_process"));
  const around = confinement.seccompMode === 2 ? "available; this process is under a filter already" : "available";
  const check: Check = { name: "system call filter", level: "required", ok: isThere, found: around };
  if (isThere) return check;
  return {
    ...check,
    found: confinement.seccompMode === undefined ? "the kernel has no seccomp" : "this seccomp cannot kill a process",
    fix: "a kernel from 4.14 on with CONFIG_SECCOMP_FILTER",
  };
};

/** Signals for the command inside find it through this file. */
export const checkChildrenFile = ({ hasChildrenFile }: Situation): Check => ({
  name: "process tree",
  level: "required",
  ok: hasChildrenFile,
  found: hasChildrenFile ? "readable" : "/proc/PID/task/PID/children does not exist",
  ...(hasChildrenFile ? {} : { fix: "a kernel with CONFIG_PROC_CHILDREN" }),
});

/** True when the text of /proc/self/status, read inside, shows the locks that a sandbox of cordon's has. */
export const isLocked = (status: string): boolean => {
  const { seccompMode, isNoNewPrivileges } = parseStatus(status);
  return seccompMode === 2 && isNoNewPrivileges && /^CapEff:\s*0+$/m.test(status);
};
