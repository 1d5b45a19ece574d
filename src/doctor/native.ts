import type { Check } from "../backends/backend.ts";
import { bubblewrap, type Observed } from "../backends/bubblewrap.ts";
import { observeCgroups } from "../backends/cgroup.ts";
import { CordonError } from "../errors.ts";
import { findProgram } from "../exec.ts";
import type { Host } from "../host.ts";
import { checkBwrap } from "./bwrap.ts";
import { checkContainer, checkUser } from "./identity.ts";
import { checkChildrenFile, checkSeccomp, checkSystem, checkUserns } from "./kernel.ts";
import { checkLimits } from "./limits.ts";
import { checkFiltered } from "./network.ts";
import { checkSandbox, isSetuidRoot, planProbe } from "./sandbox.ts";
import { gatherSituation, type Situation } from "./situation.ts";
import { userName } from "./user.ts";

/** Everything that the native Linux backend needs, with real sandboxes made at the same time. */
export const checkNative = async (host: Host): Promise<Check[]> => {
  if (host.platform !== "linux") return [noLinux(host.platform)];
  const situation = gatherSituation(host);
  const system = checkSystem(situation, host.arch);
  const kernel = [checkUserns(situation), checkSeccomp(situation), checkChildrenFile(situation)];
  const around = [
    checkLimits(
      observeCgroups(findProgram("systemd-run", host.env["PATH"], host.project)),
      situation,
      userName(host.uid),
    ),
    checkContainer(situation),
    checkUser(host.uid, host.env["SUDO_UID"]),
  ];
  // Without namespaces or a filter for this processor there is nothing to try.
  const probes = system.ok ? await probe(host, situation) : [];
  return [system, ...probes.slice(0, 1), ...kernel, ...probes.slice(1), ...around];
};

const noLinux = (platform: string): Check => ({
  name: "system",
  level: "required",
  ok: false,
  found: `the native backend needs Linux, and this is ${platform}`,
  fix: platform === "win32" ? "`wsl --install`, then cordon inside WSL 2" : "run cordon on Linux",
});

const probe = async (host: Host, situation: Situation): Promise<Check[]> => {
  const observed = observe(host);
  if (!observed) return [checkBwrap(undefined, situation.distribution, host.uid)];
  const isSetuid = isSetuidRoot(observed.bwrap);
  const about = { ...situation, bwrap: observed.bwrap, isSetuid };
  const facts = { path: observed.bwrap, version: observed.version, isSetuid };
  return [
    checkBwrap(facts, situation.distribution, host.uid),
    ...(await Promise.all([checkSandbox(host, observed, about), checkFiltered(host, observed, about)])),
  ];
};

/** The backend's own look, so that what is checked is what a run would use. */
const observe = (host: Host): Observed | undefined => {
  try {
    return bubblewrap.observe(host, { ...planProbe(host, "none"), workdir: host.cwd });
  } catch (error) {
    if (error instanceof CordonError && error.code === "E_BACKEND_MISSING") return undefined;
    throw error;
  }
};
