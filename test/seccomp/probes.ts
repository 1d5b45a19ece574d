import { refusedAlways } from "./verdicts.ts";

/** A real call with arguments that do no harm, and the name of the error that the filter owes it. */
export interface Probe {
  name: string;
  args: bigint[];
  errno: string;
}

// An address that no process has, and a descriptor that is never open.
const BAD = 1n;
const NO_FD = -1n;
const NO_PID = 0x7ffffff0n;
// Without the filter each call fails on these arguments, with another error than the filter's.
const refusedArguments: Record<string, bigint[]> = {
  ...{ setns: [NO_FD], mount: [BAD, BAD, BAD], umount2: [0n, 0x1000n], pivot_root: [BAD, BAD], chroot: [BAD] },
  ...{ move_mount: [NO_FD, BAD, NO_FD, BAD, 0xffff0000n], open_tree: [NO_FD, BAD, 0x80000000n] },
  ...{ open_tree_attr: [NO_FD, BAD, 0x80000000n], fsopen: [BAD], fsconfig: [NO_FD], fsmount: [NO_FD] },
  ...{ fspick: [NO_FD, BAD, 0xffff0000n], mount_setattr: [NO_FD, BAD, 0xffff0000n], open_by_handle_at: [NO_FD, BAD] },
  ...{ sethostname: [BAD, -1n], setdomainname: [BAD, -1n], ptrace: [2n, NO_PID], kcmp: [NO_PID, NO_PID] },
  ...{ process_vm_readv: [0n, 0n, 0n, 0n, 0n, 1n], process_vm_writev: [0n, 0n, 0n, 0n, 0n, 1n] },
  ...{ process_madvise: [NO_FD, 0n, 0n, 0n, 1n], pidfd_getfd: [NO_FD], bpf: [0n, BAD, 0x10000n] },
  ...{ perf_event_open: [BAD, 0n, 0n, NO_FD, 0xffff0000n], userfaultfd: [0x11n], fanotify_init: [0x80000200n] },
  ...{ move_pages: [0n, 0n, 0n, 0n, 0n, 0x1000n], migrate_pages: [NO_PID], kexec_load: [0n, 0n, 0n, 0xffffn] },
  ...{ kexec_file_load: [NO_FD, NO_FD, 0n, 0n, 0xffff0000n], init_module: [BAD, 0n, BAD], delete_module: [BAD] },
  ...{ finit_module: [NO_FD, BAD, 0xff00n], swapon: [BAD, 0x10000000n], swapoff: [BAD], acct: [BAD] },
  ...{ quotactl: [0xffn], quotactl_fd: [NO_FD], reboot: [], syslog: [3n, 0n, -1n], vhangup: [] },
  ...{ settimeofday: [BAD], clock_settime: [0n, BAD], clock_adjtime: [0n, BAD], adjtimex: [BAD], iopl: [7n] },
  ...{ ioperm: [70000n, 1n, 1n], modify_ldt: [99n], create_module: [], query_module: [], get_kernel_syms: [] },
  ...{ nfsservctl: [], lookup_dcookie: [], uselib: [BAD], ustat: [0n, BAD], sysfs: [99n], _sysctl: [BAD] },
  ...{ clone3: [BAD, 0n], sched_setattr: [-1n], keyctl: [9999n], add_key: [BAD], request_key: [BAD] },
  ...{ io_uring_setup: [0n, BAD], io_uring_enter: [NO_FD, 0n, 0n, 0xffff0000n], io_uring_register: [NO_FD] },
  openat2: [NO_FD, BAD, BAD, 24n],
};

// A type that has a bit which is no flag: EINVAL before the kernel looks at the family.
const NO_TYPE = 0x100n;
// CLONE_THREAD without CLONE_SIGHAND and a signal bit in unshare(): EINVAL before anything is cloned or unshared.
const NO_CLONE = 0x10000n;
const HIGH_BITS = 1n << 32n;
/** Each call that gives a file its mode: BAD is no name, so that without the filter nothing is made or changed. */
const changes = (mode: bigint): [name: string, args: bigint[], errno: string][] => [
  ["chmod", [BAD, mode], "EPERM"],
  ["fchmod", [NO_FD, mode], "EPERM"],
  ["fchmodat", [NO_FD, BAD, mode], "EPERM"],
  ["fchmodat2", [NO_FD, BAD, mode, 0xffff0000n], "EPERM"],
];
const O_CREAT = 0o100n;
const O_TMPFILE = process.arch === "arm64" ? 0o20040002n : 0o20200002n;
const creations = (mode: bigint): [name: string, args: bigint[], errno: string][] => [
  ["creat", [BAD, mode], "EPERM"],
  ["mknod", [BAD, 0o100000n | mode], "EPERM"],
  ["mknodat", [NO_FD, BAD, 0o100000n | mode], "EPERM"],
  ...[O_CREAT, O_TMPFILE].flatMap((flags): [string, bigint[], string][] => [
    ["open", [BAD, flags, mode], "EPERM"],
    ["openat", [NO_FD, BAD, flags, mode], "EPERM"],
  ]),
];

const byArguments: [name: string, args: bigint[], errno: string][] = [
  ...[0x5412n, 0x541cn, 0x5423n, 0x5412n | HIGH_BITS, 0x541cn | HIGH_BITS].map(
    (request): [string, bigint[], string] => ["ioctl", [NO_FD, request], "EPERM"],
  ),
  ...[0x20000n, 0x2000000n, 0x4000000n, 0x8000000n, 0x10000000n, 0x20000000n, 0x40000000n].flatMap(
    (flag): [string, bigint[], string][] => [
      ["clone", [flag | NO_CLONE], "EPERM"],
      ["unshare", [flag | 1n], "EPERM"],
    ],
  ),
  ...[15n, 17n, 21n, 29n, 30n, 31n, 38n, 40n, 44n].flatMap((family): [string, bigint[], string][] => [
    ["socket", [family, 1n | NO_TYPE], "EAFNOSUPPORT"],
    ["socketpair", [family, 1n | NO_TYPE], "EAFNOSUPPORT"],
  ]),
  ["socket", [17n, 3n, 0n], "EAFNOSUPPORT"],
  ["socket", [2n, 3n | NO_TYPE, 1n], "EPERM"],
  ["socket", [10n, 3n | NO_TYPE, 58n], "EPERM"],
  ["socket", [2n, 10n | NO_TYPE, 0n], "EPERM"],
  ["socket", [2n, 3n, 1n], "EPERM"],
  ["socket", [2n, 1n | NO_TYPE, 132n], "EPROTONOSUPPORT"],
  ["socket", [16n, 3n | NO_TYPE, 9n], "EPROTONOSUPPORT"],
  ["personality", [8n], "EPERM"],
  ["sched_setscheduler", [-1n, 1n, BAD], "EPERM"],
  ...changes(0o4755n),
  ...changes(0o4000n | HIGH_BITS),
  ...[0o4755n, 0o2755n].flatMap(creations),
];

/** One probe at least for every call that the filter refuses. */
export const probes: Probe[] = [
  ...Object.entries(refusedAlways).flatMap(([errno, names]) =>
    names.map((name): Probe => ({ name, args: refusedArguments[name]!, errno })),
  ),
  ...byArguments.map(([name, args, errno]): Probe => ({ name, args, errno })),
];

/** Refused only where files made inside belong to the group root. */
export const rootGroupProbes: Probe[] = changes(0o2755n).map(([name, args, errno]) => ({ name, args, errno }));

/** Calls where some kernels look at the machine's own capabilities before the arguments: only root can see the difference. */
export const visibleToRoot = new Set([
  ...["kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "swapoff", "acct", "vhangup"],
  ...["open_by_handle_at", "syslog", "bpf", "fanotify_init"],
]);
