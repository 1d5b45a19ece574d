import fs from "node:fs";
import path from "node:path";
import { errorOf } from "../errors.ts";
import { findProgram } from "../exec.ts";
import type { FdSource, Launch } from "../launch.ts";
import { isWithin } from "../places.ts";
import type { Feature, Mount, Plan } from "../plan/plan.ts";
import { statusName } from "../run/processes.ts";
import { supervise, terminalFds } from "../terminal/supervisor.ts";
import type { Backend } from "./backend.ts";
import { type Cgroups, confine, limitsOf, observeCgroups } from "./cgroup.ts";
import { compileSeccomp } from "./seccomp.ts";
import { isOlder, versionOf } from "./version.ts";

export type Observed = {
  bwrap: string;
  /** The file belongs to the user who runs it (root, or a private installation), so that user could rewrite it. */
  isOwn: boolean;
  /** [major, minor, patch] */
  version: number[];
  cgroups: Cgroups | undefined;
  arch: "x64" | "arm64";
  /** Files of /proc that tell about the machine and exist on this kernel. */
  leakyProc: string[];
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
    const bwrap = findProgram("bwrap", host.env["PATH"], plan.workdir);
    if (!bwrap)
      throw errorOf(
        "E_BACKEND_MISSING",
        "bubblewrap (`bwrap`) is not installed",
        "`cordon doctor` says how to install it",
      );
    return {
      bwrap,
      isOwn: fs.statSync(bwrap).uid === host.uid,
      version: versionOf(bwrap, host.places.cache),
      cgroups: observeCgroups(findProgram("systemd-run", host.env["PATH"], plan.workdir)),
      arch: host.arch === "arm64" ? "arm64" : "x64",
      leakyProc: leakyProc.map((name) => `/proc/${name}`).filter((file) => fs.existsSync(file)),
    };
  },

  enforces: ({ cgroups }) =>
    new Set<Feature>([
      "private-filesystem",
      "private-processes",
      "private-environment",
      "syscall-filter",
      "network-none",
      "network-open",
      "limit-diskBytes",
      "widen-userns",
      "widen-browser",
      ...limitsOf(cgroups).map((limit): Feature => `limit-${limit}`),
    ]),

  compile(plan, observed) {
    const confinement = confine(observed.cgroups, plan.id, plan.resources);
    const fds: FdSource[] = [];
    // Descriptors are numbered behind those that the private terminal takes for itself.
    const provide = (source: FdSource) => String(terminalFds(plan.tty) + 3 + fds.push(source) - 1);
    const status = provide({ kind: "run-file", name: statusName });
    const seccomp = compileSeccomp({ arch: observed.arch, allowUserns: nests(plan) });
    const filter = provide({ kind: "bytes", name: "seccomp", bytes: seccomp });
    const args = [
      ...isolation(plan, observed),
      ...["--seccomp", filter, "--json-status-fd", status],
      ...plan.mounts.flatMap((mount) => mountArgs(mount, plan.mounts, provide)),
      ...hardening(plan, observed),
      ...["--chdir", plan.workdir],
    ];
    const argsFd = provide({ kind: "bytes", name: "args", bytes: Buffer.from(`${args.join("\0")}\0`) });
    const inner = isTerminal(plan) ? supervise(plan.command, plan.tty) : plan.command;
    const command = [...confinement.prefix, observed.bwrap, "--args", argsFd, "--", ...inner];
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
        ...(observed.isOwn && { sealed: confinement.prefix.length }),
      },
      tty: plan.tty,
      ...(confinement.oomEvents !== undefined && { oomEvents: confinement.oomEvents }),
      teardown: confinement.teardown,
      join: { env: plan.env, groups: confinement.groups },
    } satisfies Launch;
  },

  check: async (host) => (await import("../doctor/native.ts")).checkNative(host),
};

const isTerminal = ({ tty }: Plan): boolean => tty.stdin || tty.stdout || tty.stderr;

/** Programs that build sandboxes of their own need user namespaces inside. */
const nests = (plan: Plan): boolean => plan.widen.includes("userns") || plan.widen.includes("browser");

const isolation = (plan: Plan, { version }: Observed): string[] => [
  "--unshare-user",
  ...["--uid", String(plan.identity.uid), "--gid", String(plan.identity.gid)],
  ...["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup"],
  ...(plan.network === "open" ? [] : ["--unshare-net"]),
  ...(nests(plan) || isOlder(version, [0, 8]) ? [] : ["--disable-userns"]),
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

const mountArgs = (mount: Mount, all: Mount[], provide: (source: FdSource) => string): string[] => {
  switch (mount.kind) {
    case "workspace":
    case "bind":
      return [mount.mode === "rw" ? "--bind" : "--ro-bind", mount.source, mount.target];
    case "tmpfs":
      return [
        ...["--perms", octal(mount.permissions)],
        ...(mount.sizeBytes === undefined ? [] : ["--size", String(mount.sizeBytes)]),
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
