/** What tells that this process lives in somebody's container. Texts as the kernel and the engines give them. */
export type ContainerMarks = {
  hasDockerenv: boolean;
  /** Text of /run/.containerenv (Podman), when it exists. */
  containerenv: string | undefined;
  /** Text of /proc/1/cgroup. */
  cgroup: string;
  /** The variable `container` (systemd-nspawn, lxc, Podman), and whether Kubernetes' own is there. */
  variable: string | undefined;
  hasKubernetes: boolean;
};

export type Engine = "docker" | "podman" | "kubernetes" | "lxc" | "systemd-nspawn" | "container";

/** The engine around this process, as narrowly as the marks tell; undefined outside any container. Pure. */
export const recogniseContainer = (marks: ContainerMarks): Engine | undefined => {
  if (marks.hasKubernetes || /\/kubepods/.test(marks.cgroup)) return "kubernetes";
  if (marks.containerenv !== undefined || marks.variable === "podman" || /\/libpod/.test(marks.cgroup)) return "podman";
  if (marks.hasDockerenv || /\/docker[/-]/.test(marks.cgroup)) return "docker";
  if (marks.variable === "lxc" || /\/lxc(\.payload)?[/.]/.test(marks.cgroup)) return "lxc";
  if (marks.variable === "systemd-nspawn") return "systemd-nspawn";
  return marks.variable === undefined || marks.variable === "" ? undefined : "container";
};

/** What proc(5) says about this process: the filter on it and the capabilities it could ever have. */
export type Confinement = { seccompMode: number | undefined; bounding: bigint; isNoNewPrivileges: boolean };

export const parseStatus = (status: string): Confinement => {
  const field = (name: string) => new RegExp(`^${name}:\\s*(\\S+)`, "m").exec(status)?.[1];
  const mode = field("Seccomp");
  return {
    seccompMode: mode === undefined ? undefined : Number(mode),
    bounding: BigInt(`0x${field("CapBnd") ?? "0"}`),
    isNoNewPrivileges: field("NoNewPrivs") === "1",
  };
};

const sysAdmin = 21n;

/** How much the surroundings take away, in words. */
export const describeConfinement = ({ seccompMode, bounding, isNoNewPrivileges }: Confinement): string => {
  const parts = [
    seccompMode === 2 ? "a seccomp filter" : "no seccomp filter",
    (bounding >> sysAdmin) & 1n ? "all the usual capabilities" : "no CAP_SYS_ADMIN",
    ...(isNoNewPrivileges ? ["no new privileges"] : []),
  ];
  return parts.join(", ");
};

type Wall = "namespaces" | "mounts" | "proc";

// Docker: its default seccomp profile keeps clone and unshare with namespace flags for CAP_SYS_ADMIN, its AppArmor
// profile `docker-default` denies mount, and the kernel refuses a second procfs beside a masked one ("too revealing").
const lifts: Partial<Record<Engine, Record<Wall, string>>> = {
  docker: {
    namespaces: "`--security-opt seccomp=unconfined` (or a profile that allows clone, unshare, mount, pivot_root)",
    mounts: "`--security-opt apparmor=unconfined`",
    proc: "`--security-opt systempaths=unconfined`",
  },
  podman: {
    namespaces: "`--security-opt seccomp=unconfined` (or a profile that allows clone, unshare, mount, pivot_root)",
    mounts: "`--security-opt label=disable` (SELinux) or `--security-opt apparmor=unconfined`",
    proc: "`--security-opt unmask=ALL`",
  },
  kubernetes: {
    namespaces: "`securityContext.seccompProfile: {type: Unconfined}` in the pod",
    mounts: "`securityContext.appArmorProfile: {type: Unconfined}` in the pod",
    proc: "`hostUsers: false` and `securityContext.procMount: Unmasked` in the pod",
  },
  lxc: {
    namespaces: "`security.nesting=true` (LXD, Incus) or `features: nesting=1` (Proxmox)",
    mounts: "`security.nesting=true` (LXD, Incus) or `features: nesting=1` (Proxmox)",
    proc: "`security.nesting=true` (LXD, Incus) or `features: nesting=1` (Proxmox)",
  },
};

/** The one option that takes this wall of the engine's away; the container itself must be started with it. */
export const liftWall = (engine: Engine, wall: Wall): string => {
  const option = lifts[engine]?.[wall];
  const otherwise = "or run cordon on the host, outside the container";
  return option === undefined
    ? `allow nested sandboxes for the ${engine}, ${otherwise}`
    : `start the ${engine} container with ${option}; ${otherwise}`;
};
