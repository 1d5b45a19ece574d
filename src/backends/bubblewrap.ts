import fs from "node:fs";
import path from "node:path";
import { errorOf } from "../errors.ts";
import { findProgram } from "../exec.ts";
import type { Host } from "../host.ts";
import type { FdSource, Launch } from "../launch.ts";
import { isWithin } from "../places.ts";
import type { Feature, Mount, Plan } from "../plan/plan.ts";
import { statusName } from "../run/processes.ts";
import { supervise, terminalFds } from "../terminal/supervisor.ts";
import { encodeName } from "../workspace/name-bytes.ts";
import type { Backend } from "./backend.ts";
import { type Cgroups, confine, limitsOf, observeCgroups } from "./cgroup.ts";
import { findOverlayTools, mergedOf, type OverlayTools, overlayPrefix, overlaysOf } from "./overlay.ts";
import { compileSeccomp } from "./seccomp.ts";
import { isOlder, versionOf } from "./version.ts";

export type Observed = {
  bwrap: string;
  /** The file belongs to the user who runs it (root, or a private installation), so that user could rewrite it. */
  isOwn: boolean;
  isSetuid: boolean;
  /** [major, minor, patch] */
  version: number[];
  cgroups: Cgroups | undefined;
  arch: "x64" | "arm64";
  /** Files of /proc that tell about the machine and exist on this kernel. */
  leakyProc: string[];
  /** Looked for when the plan has an overlay. */
  overlay?: OverlayTools;
};

const leakyProc = [
  "kallsyms",
  "kcore",
  "key-users",
  "keys",
  "kpagecgroup",
  "kpagecount",
  "kpageflags",
  "latency_stats",
  "sched_debug",
  "scsi",
  "slabinfo",
  "timer_list",
  "timer_stats",
  "vmallocinfo",
];

/** The native Linux boundary: namespaces made by bubblewrap, a seccomp filter of our own, limits by control groups. */
export const bubblewrap: Backend<Observed> = {
  name: "native",
  isolation: "process",

  observe(host, plan) {
    const bwrap = findBwrap(host, plan.workdir);
    if (!bwrap)
      throw errorOf(
        "E_BACKEND_MISSING",
        "bubblewrap (`bwrap`) is not installed",
        "`cordon doctor` says how to install it",
      );
    const overlay = overlaysOf(plan).length > 0 ? findOverlayTools(host, plan.workdir) : undefined;
    return {
      bwrap,
      ...ownership(bwrap, host),
      version: versionOf(bwrap, host.places.cache),
      cgroups: observeCgroups(findProgram("systemd-run", host.env["PATH"], plan.workdir)),
      arch: host.arch === "arm64" ? "arm64" : "x64",
      leakyProc: leakyProc.map((name) => `/proc/${name}`).filter((file) => fs.existsSync(file)),
      ...(overlay && { overlay }),
    };
  },

  enforces: (observed) =>
    new Set<Feature>([
      "private-filesystem",
      "private-processes",
      "private-environment",
      "syscall-filter",
      "network-none",
      "network-open",
      // The user namespace that a setuid one makes belongs to root: the gateway could not get in.
      ...(observed.isSetuid ? [] : (["network-filtered", "http-rules", "credential-broker"] as const)),
      ...(canSize(observed) ? (["limit-diskBytes"] as const) : []),
      // In a user namespace of ours a setuid one is no root.
      ...(observed.overlay && !observed.isSetuid ? (["overlay"] as const) : []),
      "widen-userns",
      "widen-browser",
      "widen-ssh-agent",
      "widen-paste-images",
      ...limitsOf(observed.cgroups).map((limit): Feature => `limit-${limit}`),
    ]),

  compile(plan, observed) {
    const confinement = confine(observed.cgroups, plan.id, plan.resources);
    const fds: FdSource[] = [];
    // Descriptors are numbered behind those that the private terminal takes for itself.
    const provide = (source: FdSource) => String(terminalFds(plan.tty) + 3 + fds.push(source) - 1);
    const status = provide({ kind: "run-file", name: statusName });
    const groupIsRoot = plan.identity.uid === 0 || plan.identity.gid === 0;
    const seccomp = compileSeccomp({ arch: observed.arch, allowUserns: nests(plan), groupIsRoot });
    const filter = provide({ kind: "bytes", name: "seccomp", bytes: seccomp });
    const args = [
      ...isolation(plan, observed),
      ...["--seccomp", filter, "--json-status-fd", status],
      ...(plan.waits ? ["--block-fd", provide({ kind: "release", name: "release" })] : []),
      ...plan.mounts.flatMap((mount) => mountArgs(mount, plan.mounts, provide, canSize(observed))),
      ...hardening(plan, observed),
      ...["--chdir", plan.workdir],
    ];
    const argsFd = provide({ kind: "bytes", name: "args", bytes: Buffer.from(encodeName(`${args.join("\0")}\0`)) });
    const inner = isTerminal(plan) ? supervise(plan.command, plan.tty) : plan.command;
    const overlays = overlaysOf(plan);
    const prefix = overlayPrefix(overlays, observed.overlay, observed.isOwn ? observed.bwrap : undefined);
    const command = [...confinement.prefix, ...prefix, observed.bwrap, "--args", argsFd, "--", ...inner];
    return {
      backend: "native",
      setup: confinement.setup,
      main: {
        file: command[0]!,
        args: command.slice(1),
        env: plan.env,
        cwd: "/",
        fds,
        depth: isTerminal(plan) ? 2 : 1,
        ...(observed.isOwn && overlays.length === 0 && { sealed: confinement.prefix.length }),
      },
      tty: plan.tty,
      ...(confinement.oomEvents !== undefined && { oomEvents: confinement.oomEvents }),
      waits: plan.waits,
      ...(plan.egress && { egress: plan.egress }),
      ...(plan.sockets && { sockets: plan.sockets }),
      teardown: confinement.teardown,
      join: { env: plan.env, groups: confinement.groups, filter: Buffer.from(seccomp).toString("base64") },
    } satisfies Launch;
  },

  check: async (host) => (await import("../doctor/native.ts")).checkNative(host),
};

/** A root-owned copy of bubblewrap that `cordon doctor` proposes where AppArmor restricts every other one. */
export const privateBwrap = "/usr/local/lib/cordon/bwrap";

/** The bubblewrap of this machine that a run uses: the private copy when root put one there, else the one on PATH. */
export const findBwrap = (host: Host, workdir: string): string | undefined => {
  const stat = fs.statSync(privateBwrap, { throwIfNoEntry: false });
  if (stat?.uid === 0 && (stat.mode & 0o022) === 0) return privateBwrap;
  return findProgram("bwrap", host.env["PATH"], workdir);
};

const ownership = (bwrap: string, host: Host): { isOwn: boolean; isSetuid: boolean } => {
  const { uid, mode } = fs.statSync(bwrap);
  return { isOwn: uid === host.uid, isSetuid: (mode & 0o4000) !== 0 };
};

/** `--size` came with bubblewrap 0.7, and a setuid one refuses it. */
const canSize = ({ version, isSetuid }: Observed): boolean => !isSetuid && !isOlder(version, [0, 7]);

const isTerminal = ({ tty }: Plan): boolean => tty.stdin || tty.stdout || tty.stderr;

/** Programs that build sandboxes of their own need user namespaces inside. */
const nests = (plan: Plan): boolean => plan.widen.includes("userns") || plan.widen.includes("browser");

const isolation = (plan: Plan, { version, isSetuid }: Observed): string[] => [
  "--unshare-user",
  ...["--uid", String(plan.identity.uid), "--gid", String(plan.identity.gid)],
  ...["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup"],
  ...(plan.network === "open" ? [] : ["--unshare-net"]),
  ...(nests(plan) || isSetuid || isOlder(version, [0, 8]) ? [] : ["--disable-userns"]),
  ...["--cap-drop", "ALL", "--die-with-parent"],
  ...(isTerminal(plan) ? [] : ["--new-session"]),
];

const hardening = (plan: Plan, { leakyProc }: Observed): string[] => [
  // As root the global sysctls would be writable through a fresh /proc.
  ...["--ro-bind", "/proc/sys", "/proc/sys"],
  ...leakyProc.flatMap((file) => ["--ro-bind", "/dev/null", file]),
  ...plan.mounts.flatMap((mount) =>
    mount.kind === "mask" && mount.of === "directory" ? ["--remount-ro", mount.target] : [],
  ),
  ...["--remount-ro", "/dev", "--remount-ro", "/"],
];

const mountArgs = (mount: Mount, all: Mount[], provide: (source: FdSource) => string, sized: boolean): string[] => {
  switch (mount.kind) {
    case "workspace":
    case "bind":
      return [
        `${mount.mode === "rw" ? "--bind" : "--ro-bind"}${mount.optional ? "-try" : ""}`,
        mount.source,
        mount.target,
      ];
    case "overlay":
      return [mount.mode === "rw" ? "--bind" : "--ro-bind", mergedOf(mount), mount.target];
    case "tmpfs":
      return [
        ...["--perms", octal(mount.permissions)],
        ...(mount.sizeBytes === undefined || !sized ? [] : ["--size", String(mount.sizeBytes)]),
        ...["--tmpfs", mount.target],
      ];
    case "symlink":
      return ["--symlink", mount.link, mount.target];
    case "bytes": {
      const fd = provide({ kind: "bytes", name: path.basename(mount.target), bytes: mount.bytes });
      return ["--perms", octal(mount.permissions), "--ro-bind-data", fd, mount.target];
    }
    case "mask":
      return mount.of === "directory"
        ? ["--perms", isPassage(mount, all) ? "0111" : "0000", "--tmpfs", mount.target]
        : ["--ro-bind", "/dev/null", mount.target];
    case "dev":
      return ["--dev", mount.target];
    case "proc":
      return ["--proc", mount.target];
  }
};

/** True when something that is allowed by name lies below a hidden directory: one may go through it, not list it. */
const isPassage = (mask: Mount, all: Mount[]): boolean =>
  all.some(({ kind, target }) => kind !== "mask" && target !== mask.target && isWithin(target, mask.target));

const octal = (permissions: number): string => permissions.toString(8).padStart(4, "0");
