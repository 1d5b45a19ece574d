import type { Check } from "../backends/backend.ts";
import { describeConfinement } from "./container.ts";
import { asRoot } from "./distribution.ts";
import type { Situation } from "./situation.ts";

export const checkUser = (uid: number, sudoUid: string | undefined): Check => {
  const base = { name: "user", level: "advice" as const };
  if (uid !== 0) return { ...base, ok: true, found: `uid ${uid}` };
  const found =
    "root: whatever is writable inside is written as root, and a hole in the kernel is met with root's rights";
  return {
    ...base,
    ok: false,
    found,
    fix: sudoUid
      ? `leave \`sudo\` away: \`cordon\` as uid ${sudoUid} needs no root`
      : "run cordon as an ordinary user; it needs no root",
  };
};

const riskyGroups: Record<string, string> = {
  docker: "its socket is root on this host",
  lxd: "its socket is root on this host",
  disk: "the raw disks",
  kvm: "the virtual machine device",
};

/** Groups of this process by /etc/group (group(5)). Pure. */
export const checkGroups = (gids: number[], groupFile: string, user: string, uid: number): Check => {
  const rows = groupFile.split("\n").map((row) => row.split(":"));
  const mine = rows.filter((row) => row[2] && gids.includes(Number(row[2]))).map((row) => row[0]!);
  const risky = mine.filter((name) => Object.hasOwn(riskyGroups, name));
  const base = { name: "groups", level: "advice" as const };
  if (risky.length === 0) return { ...base, ok: true, found: "none that reaches around the sandbox" };
  const reasons = risky.map((name) => `${name} (${riskyGroups[name]})`).join(", ");
  return {
    ...base,
    ok: false,
    found: `${reasons}: groups stay with a process inside; cordon hides the sockets and devices, and that is all`,
    fix: `\`${risky.map((name) => asRoot(uid, `gpasswd -d ${user} ${name}`)).join(" && ")}\` if you can do without`,
  };
};

export const checkContainer = ({ engine, confinement }: Situation): Check => ({
  name: "container",
  level: "advice",
  ok: true,
  found: engine === undefined ? "none" : `inside ${engine}: ${describeConfinement(confinement)}`,
});

/** Who may open /dev/kvm. Only a microVM needs it. */
export const checkKvm = (access: "open" | "denied" | "missing", user: string, uid: number): Check => {
  const base = { name: "kvm", level: "advice" as const };
  if (access === "open") return { ...base, ok: true, found: "/dev/kvm can be used" };
  if (access === "denied") {
    const fix = `\`${asRoot(uid, `setfacl -m u:${user}:rw /dev/kvm`)}\` (narrower than the group)`;
    return { ...base, ok: false, found: "/dev/kvm is not open to this user; only microVMs need it", fix };
  }
  const fix = "switch on virtualisation in the firmware, or nested virtualisation in the surrounding machine";
  return { ...base, ok: false, found: "no /dev/kvm; only microVMs need it", fix };
};
