/** What the filter owes, written down apart from its rules: refused whatever the arguments are. */
export const refusedAlways: Record<string, string[]> = {
  EPERM: [
    ...["setns", "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "open_tree_attr", "fsopen"],
    ...["fsconfig", "fsmount", "fspick", "mount_setattr", "open_by_handle_at", "sethostname", "setdomainname"],
    ...["ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp", "bpf"],
    ...["perf_event_open", "userfaultfd", "fanotify_init", "move_pages", "migrate_pages", "kexec_load"],
    ...["kexec_file_load", "init_module", "finit_module", "delete_module", "swapon", "swapoff", "acct", "quotactl"],
    ...["quotactl_fd", "reboot", "syslog", "vhangup", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex"],
    ...["iopl", "ioperm", "modify_ldt", "create_module", "query_module", "get_kernel_syms", "nfsservctl"],
    ...["lookup_dcookie", "uselib", "ustat", "sysfs", "_sysctl"],
  ],
  ENOSYS: [
    ...["clone3", "sched_setattr", "keyctl", "add_key", "request_key", "io_uring_setup", "io_uring_enter"],
    ...["io_uring_register", "openat2"],
  ],
};

/** Refused calls that a policy with nested sandboxes allows. */
export const liftedByUserns = new Set([
  ...["setns", "clone3", "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "open_tree_attr"],
  ...["fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "sethostname", "setdomainname"],
]);

const HIGH_BITS = 1n << 32n;
const CLOEXEC_NONBLOCK = 0x80800n;
const AT_FDCWD = -100n;
const ANYTHING = -1n;
// O_CREAT alone and as programs give it (with O_WRONLY, O_TRUNC, O_EXCL, O_CLOEXEC), and O_TMPFILE.
const creating = [0o100n, 0o1101n, 0o2000302n, 0o20200002n, 0o100n | HIGH_BITS];
// Read, write, append, O_DIRECTORY of both architectures, O_PATH.
const notCreating = [0n, 0o1n, 0o2002n, 0o200000n, 0o40000n, 0o10000000n];
const programModes = [0o4755n, 0o4000n, 0o6755n, 0o104755n, 0o4755n | HIGH_BITS];
const plainModes = [0n, 0o644n, 0o755n, 0o1777n, 0o100755n, 0o644n | (0o4000n << 32n)];
const setgidModes = [0o2755n, 0o2000n, 0o2775n, 0o3770n, 0o2755n | HIGH_BITS];

/** Changes of mode that are refused only where files belong to the group root. */
export const byRootGroup: [name: string, args: bigint[]][] = setgidModes.flatMap((mode): [string, bigint[]][] => [
  ["chmod", [0n, mode]],
  ["fchmod", [3n, mode]],
  ["fchmodat", [AT_FDCWD, 0n, mode]],
  ["fchmodat2", [AT_FDCWD, 0n, mode, 0x100n]],
]);

type Verdict = [name: string, args: bigint[], verdict: string, withUserns?: string];

/** Every call that takes the mode of a file, with what stands around the mode being anything. */
const judgeModes = (verdict: string, changes: bigint[], creations: bigint[]): Verdict[] => [
  ...changes.flatMap((mode): Verdict[] => [
    ["chmod", [ANYTHING, mode, ANYTHING], verdict],
    ["fchmod", [ANYTHING, mode, ANYTHING], verdict],
    ["fchmodat", [AT_FDCWD, ANYTHING, mode, ANYTHING], verdict],
    ["fchmodat2", [AT_FDCWD, ANYTHING, mode, ANYTHING], verdict],
  ]),
  ...creations.flatMap((mode): Verdict[] => [
    ["creat", [ANYTHING, mode, ANYTHING], verdict],
    ["mknod", [ANYTHING, mode, ANYTHING], verdict],
    ["mknodat", [AT_FDCWD, ANYTHING, mode, ANYTHING], verdict],
    ...creating.flatMap((flags): Verdict[] => [
      ["open", [ANYTHING, flags, mode, ANYTHING], verdict],
      ["openat", [AT_FDCWD, ANYTHING, flags, mode, ANYTHING], verdict],
    ]),
  ]),
];

/** Verdicts that hang on the arguments: call, arguments, verdict, and the verdict with nested sandboxes where it differs. */
export const byArguments: Verdict[] = [
  ...judgeModes("EPERM", programModes, [...programModes, ...setgidModes]),
  ...judgeModes("ALLOW", plainModes, plainModes),
  // Without a flag that creates, the mode is whatever the register held.
  ...notCreating.flatMap((flags): Verdict[] => [
    ["open", [ANYTHING, flags, 0o6755n], "ALLOW"],
    ["openat", [ANYTHING, ANYTHING, flags, ANYTHING], "ALLOW"],
  ]),
  ["ioctl", [0n, 0x5412n], "EPERM"],
  ["ioctl", [0n, 0x5412n | HIGH_BITS], "EPERM"],
  ["ioctl", [0n, 0x541cn | (0xffffffffn << 32n)], "EPERM"],
  ["ioctl", [0n, 0x541cn], "EPERM"],
  ["ioctl", [0n, 0x5423n], "EPERM"],
  ["ioctl", [0x5412n, 0x5413n, 0x5412n], "ALLOW"],
  ["ioctl", [0n, 0x5401n], "ALLOW"],
  ...[0x20000n, 0x2000000n, 0x4000000n, 0x8000000n, 0x10000000n, 0x20000000n, 0x40000000n].flatMap(
    (flag): [string, bigint[], string, string][] => [
      ["clone", [flag | 17n], "EPERM", "ALLOW"],
      ["clone", [flag | 17n | HIGH_BITS], "EPERM", "ALLOW"],
      ["unshare", [flag], "EPERM", "ALLOW"],
    ],
  ),
  ["unshare", [0x80n], "EPERM", "ALLOW"],
  ["unshare", [0x400n], "ALLOW"],
  ["clone", [0x3d0f00n], "ALLOW"],
  ["clone", [0x1200011n], "ALLOW"],
  ["clone", [0x4111n], "ALLOW"],
  ["clone", [17n, 0x10000000n], "ALLOW"],
  ["socket", [1n, 1n | CLOEXEC_NONBLOCK, 0n], "ALLOW"],
  ["socket", [1n, 5n, 0n], "ALLOW"],
  ...[2n, 10n].flatMap((family): [string, bigint[], string][] => [
    ["socket", [family, 1n, 0n], "ALLOW"],
    ["socket", [family, 1n | CLOEXEC_NONBLOCK, 6n], "ALLOW"],
    ["socket", [family, 2n | CLOEXEC_NONBLOCK, 17n], "ALLOW"],
    ["socket", [family, 2n, 1n], "ALLOW"],
    ["socket", [family, 2n, 58n], "ALLOW"],
    ["socket", [family, 3n, 1n], "EPERM"],
    ["socket", [family, 3n | CLOEXEC_NONBLOCK, 255n], "EPERM"],
    ["socket", [family, 3n | HIGH_BITS, 6n], "EPERM"],
    ["socket", [family | HIGH_BITS, 3n, 6n], "EPERM"],
    ["socket", [family, 10n, 0x300n], "EPERM"],
    ["socket", [family, 5n, 132n], "EPERM"],
    ["socket", [family, 6n, 33n], "EPERM"],
    ["socket", [family, 1n, 132n], "EPROTONOSUPPORT"],
    ["socket", [family, 1n, 262n], "EPROTONOSUPPORT"],
    ["socket", [family, 2n, 115n], "EPROTONOSUPPORT"],
    ["socket", [family, 2n, 136n | HIGH_BITS], "EPROTONOSUPPORT"],
  ]),
  ["socket", [16n, 3n | CLOEXEC_NONBLOCK, 0n], "ALLOW"],
  ["socket", [16n, 2n, 0n], "ALLOW"],
  ...[4n, 6n, 9n, 12n, 15n, 16n, 21n].map((protocol): [string, bigint[], string] => [
    "socket",
    [16n, 3n, protocol],
    "EPROTONOSUPPORT",
  ]),
  // Among them AX25 3, KEY 15, PACKET 17, RDS 21, CAN 29, TIPC 30, BLUETOOTH 31, ALG 38, VSOCK 40, SMC 43, XDP 44.
  ...[0n, 3n, 15n, 17n, 21n, 29n, 30n, 31n, 38n, 40n, 43n, 44n, 45n, 0xffffffffn, 40n | HIGH_BITS].flatMap(
    (family): [string, bigint[], string][] => [
      ["socket", [family, 1n, 0n], "EAFNOSUPPORT"],
      ["socket", [family, 3n, 3n], "EAFNOSUPPORT"],
      ["socketpair", [family, 1n, 0n], "EAFNOSUPPORT"],
    ],
  ),
  ["socketpair", [1n, 1n | CLOEXEC_NONBLOCK, 0n], "ALLOW"],
  ["socketpair", [2n, 1n, 0n], "EAFNOSUPPORT"],
  ...[0n, 0xffffffffn, 0x40000n].map((value): [string, bigint[], string] => ["personality", [value], "ALLOW"]),
  ...[8n, 0x20000n, 0x20008n, 0x400000n, 0x440000n, 8n | HIGH_BITS].map((value): [string, bigint[], string] => [
    "personality",
    [value],
    "EPERM",
  ]),
  ...[0n, 3n, 5n, 0x40000000n, 0x40000003n].map((value): [string, bigint[], string] => [
    "sched_setscheduler",
    [0n, value],
    "ALLOW",
  ]),
  ...[1n, 2n, 6n, 0x40000001n, 2n | HIGH_BITS].map((value): [string, bigint[], string] => [
    "sched_setscheduler",
    [0n, value],
    "EPERM",
  ]),
];
