import type { Check } from "../backends/backend.ts";
import type { Cgroups } from "../backends/cgroup.ts";
import { limitsOf } from "../backends/cgroup.ts";
import { asRoot } from "./distribution.ts";
import type { Situation } from "./situation.ts";

const ways: Record<Cgroups["kind"], string> = {
  v1: "control groups, version 1",
  v2: "a control group of this user's",
  scope: "a scope of the user's systemd",
};

const options = { cpus: "--cpus", memoryBytes: "--memory", pids: "--pids" } as const;

/** Which limits can be held here, and how to get the others. Pure. */
export const checkLimits = (
  cgroups: Cgroups | undefined,
  { uid, engine }: Pick<Situation, "uid" | "engine">,
  user: string,
): Check => {
  const held = limitsOf(cgroups);
  const lacking = Object.entries(options).filter(([limit]) => !held.includes(limit as keyof typeof options));
  const names = Object.entries(options).flatMap(([limit, name]) => (held.includes(limit as never) ? [name] : []));
  const base = { name: "limits", level: "advice" as const };
  if (cgroups && lacking.length === 0)
    return { ...base, ok: true, found: `${names.join(", ")} by ${ways[cgroups.kind]}` };
  const missing = lacking.map(([, name]) => name).join(", ");
  const found =
    cgroups && names.length > 0
      ? `${names.join(", ")} by ${ways[cgroups.kind]}; not ${missing}`
      : `none: no control group can be made, so ${missing} are refused`;
  return { ...base, ok: false, found, fix: fixOf(cgroups, uid, engine, user) };
};

const fixOf = (cgroups: Cgroups | undefined, uid: number, engine: Situation["engine"], user: string): string => {
  if (engine !== undefined) return `start the ${engine} container with a writable /sys/fs/cgroup of its own`;
  if (cgroups || uid === 0) {
    const unit = uid === 0 ? "the service" : "`user@.service`";
    return `let ${unit} delegate the controllers: \`${asRoot(uid, "systemctl edit user@.service")}\`, then "[Service]" and "Delegate=cpu memory pids"`;
  }
  return `have systemd run for this user: \`${asRoot(uid, `loginctl enable-linger ${user}`)}\`, log in again, and \`systemctl --user status\` must answer`;
};
