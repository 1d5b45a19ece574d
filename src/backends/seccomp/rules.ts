import { modeRules } from "./modes.ts";
import type { SyscallName } from "./numbers.ts";

/** Answers of a refused call, as errno numbers of <asm-generic/errno.h>; equal on both architectures. */
export const errnos = { EPERM: 1, ENOSYS: 38, EPROTONOSUPPORT: 93, EAFNOSUPPORT: 97 } as const;

/**
 * A test on the low 32 bits of one argument, after `mask`. The kernel takes each of these arguments as a 32-bit value,
 * so looking at the high bits would only open a way around the rule (CVE-2019-10063).
 */
export interface Condition {
  argument: 0 | 1 | 2 | 3;
  mask?: number;
  test: "in" | "notIn" | "anyBit";
  values: readonly number[];
}

/** One refusal: the calls, the answer they get, and when (always, or when every condition holds). */
export interface SeccompRule {
  name: string;
  syscalls: readonly SyscallName[];
  errno: keyof typeof errnos;
  when?: readonly Condition[];
  /** The rule falls away when the policy allows nested sandboxes. */
  liftedByUserns?: true;
  /** The rule holds only where files made inside belong to the group root. */
  onlyForRootGroup?: true;
  reason: string;
}

// <asm-generic/ioctls.h>
const TIOCSTI = 0x5412;
const TIOCLINUX = 0x541c;
const TIOCSETD = 0x5423;
// <linux/sched.h>: NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. (In clone() the bit of NEWTIME
// belongs to the exit signal, where no valid signal has it.)
const CLONE_NEW = 0x7e020080;
// <linux/socket.h>, <linux/net.h>, <linux/in.h>
const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const SOCK_TYPE_MASK = 0xf;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const IP_PROTOCOLS = [0, 1, 6, 17, 58]; // default, ICMP (ping without privilege), TCP, UDP, ICMPv6
const NETLINK_ROUTE = 0;
// <linux/personality.h>
const PER_LINUX = 0;
const PERSONALITY_QUERY = 0xffffffff;
const ADDR_NO_RANDOMIZE = 0x0040000;
// <linux/sched.h>: OTHER, BATCH, IDLE, EXT (all below real time); the mask leaves out SCHED_RESET_ON_FORK.
const FAIR_POLICIES = [0, 3, 5, 7];
const SCHED_POLICY_MASK = 0xbfffffff;

const ipSocket: Condition = { argument: 0, test: "in", values: [AF_INET, AF_INET6] };

/**
 * What the filter refuses, as data for the compiler and for the documentation. Where several rules name one call, the first that holds answers.
 * EPERM is the plain refusal; ENOSYS stands where callers take "this kernel lacks it" as the cue for their fallback.
 */
export const seccompRules: readonly SeccompRule[] = [
  {
    name: "terminal",
    syscalls: ["ioctl"],
    errno: "EPERM",
    when: [{ argument: 1, test: "in", values: [TIOCSTI, TIOCLINUX, TIOCSETD] }],
    reason: "Typing or pasting into the user's terminal runs commands outside; a line discipline loads kernel drivers.",
  },
  {
    name: "namespaces",
    syscalls: ["clone", "unshare"],
    errno: "EPERM",
    when: [{ argument: 0, test: "anyBit", values: [CLONE_NEW] }],
    liftedByUserns: true,
    reason: "A nested namespace gives back capabilities: a large kernel surface, and a way to take mounts apart.",
  },
  {
    name: "clone3",
    syscalls: ["clone3"],
    errno: "ENOSYS",
    liftedByUserns: true,
    reason: "Its flags lie in memory, where a filter cannot look. ENOSYS makes the C library use clone instead.",
  },
  {
    name: "setns",
    syscalls: ["setns"],
    errno: "EPERM",
    liftedByUserns: true,
    reason: "Joins the namespaces of another process.",
  },
  {
    name: "mounts",
    syscalls: [
      ...(["mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "open_tree_attr"] as const),
      ...(["fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr"] as const),
    ],
    errno: "EPERM",
    liftedByUserns: true,
    reason: "Undoes read-only and hiding mounts, or builds a view of the files without them.",
  },
  {
    name: "hostname",
    syscalls: ["sethostname", "setdomainname"],
    errno: "EPERM",
    liftedByUserns: true,
    reason: "No program needs to rename the machine that it runs on.",
  },
  {
    name: "file-handles",
    syscalls: ["open_by_handle_at"],
    errno: "EPERM",
    reason: "Opens any file of a file system by number, past every mount.",
  },
  ...modeRules,
  {
    name: "other-processes",
    syscalls: ["ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp"],
    errno: "EPERM",
    reason: "Reads, changes or compares the memory and the descriptors of another process.",
  },
  {
    name: "keyrings",
    syscalls: ["keyctl", "add_key", "request_key"],
    errno: "ENOSYS",
    reason: "Kernel keyrings belong to the user, not to the sandbox. Tools know ENOSYS as a kernel without keyrings.",
  },
  {
    name: "io_uring",
    syscalls: ["io_uring_setup", "io_uring_enter", "io_uring_register"],
    errno: "ENOSYS",
    reason: "Opens sockets without passing this filter, and has many kernel bugs. ENOSYS leads users to epoll.",
  },
  {
    name: "kernel-surface",
    syscalls: ["bpf", "perf_event_open", "userfaultfd", "fanotify_init"],
    errno: "EPERM",
    reason: "Large interfaces that observe or steer the kernel, often used to exploit it.",
  },
  {
    name: "socket-family",
    syscalls: ["socket"],
    errno: "EAFNOSUPPORT",
    when: [{ argument: 0, test: "notIn", values: [AF_UNIX, AF_INET, AF_INET6, AF_NETLINK] }],
    reason: "Vsock reaches the hypervisor and packet sockets the wire; other families load rarely used kernel modules.",
  },
  {
    name: "socket-pair-family",
    syscalls: ["socketpair"],
    errno: "EAFNOSUPPORT",
    when: [{ argument: 0, test: "notIn", values: [AF_UNIX] }],
    reason: "TIPC makes socket pairs too; only those of AF_UNIX are in use.",
  },
  {
    name: "socket-type",
    syscalls: ["socket"],
    errno: "EPERM",
    when: [ipSocket, { argument: 1, mask: SOCK_TYPE_MASK, test: "notIn", values: [SOCK_STREAM, SOCK_DGRAM] }],
    reason: "Raw sockets forge packets; so does the old SOCK_PACKET type, which turns AF_INET into AF_PACKET.",
  },
  {
    name: "socket-protocol",
    syscalls: ["socket"],
    errno: "EPROTONOSUPPORT",
    when: [ipSocket, { argument: 2, test: "notIn", values: IP_PROTOCOLS }],
    reason: "SCTP, DCCP, L2TP and the like load rarely used kernel modules; callers of MPTCP fall back to TCP.",
  },
  {
    name: "netlink-protocol",
    syscalls: ["socket"],
    errno: "EPROTONOSUPPORT",
    when: [
      { argument: 0, test: "in", values: [AF_NETLINK] },
      { argument: 2, test: "notIn", values: [NETLINK_ROUTE] },
    ],
    reason: "Only the list of network interfaces is needed. Audit clients know this error as a kernel without audit.",
  },
  {
    name: "personality",
    syscalls: ["personality"],
    errno: "EPERM",
    when: [{ argument: 0, test: "notIn", values: [PER_LINUX, PERSONALITY_QUERY, ADDR_NO_RANDOMIZE] }],
    reason: "Other execution domains weaken memory protection or change the system interface.",
  },
  {
    name: "realtime",
    syscalls: ["sched_setscheduler"],
    errno: "EPERM",
    when: [{ argument: 1, mask: SCHED_POLICY_MASK, test: "notIn", values: FAIR_POLICIES }],
    reason: "A real-time process starves the machine; a user with an rtprio limit could make one.",
  },
  {
    name: "realtime-attributes",
    syscalls: ["sched_setattr"],
    errno: "ENOSYS",
    reason: "Sets the policy in memory, where a filter cannot look. ENOSYS leads users to sched_setscheduler.",
  },
  {
    name: "memory-migration",
    syscalls: ["move_pages", "migrate_pages"],
    errno: "EPERM",
    reason: "Moves the memory of other processes between nodes, and shows where pages lie.",
  },
  {
    name: "kernel-code",
    syscalls: ["kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module"],
    errno: "EPERM",
    reason: "Replaces or extends the running kernel.",
  },
  {
    name: "administration",
    syscalls: ["swapon", "swapoff", "acct", "quotactl", "quotactl_fd", "reboot", "syslog", "vhangup"],
    errno: "EPERM",
    reason: "Administers the whole machine, or reads its kernel log.",
  },
  {
    name: "clock",
    syscalls: ["settimeofday", "clock_settime", "clock_adjtime", "adjtimex"],
    errno: "EPERM",
    reason: "The clock belongs to the whole machine.",
  },
  {
    name: "hardware",
    syscalls: ["iopl", "ioperm", "modify_ldt"],
    errno: "EPERM",
    reason: "Port access, and segment tables that only old 16-bit programs use.",
  },
  {
    name: "obsolete",
    syscalls: [
      ...(["create_module", "query_module", "get_kernel_syms", "nfsservctl", "lookup_dcookie"] as const),
      ...(["uselib", "ustat", "sysfs", "_sysctl"] as const),
    ],
    errno: "EPERM",
    reason: "Left over from old kernels; nothing current calls them.",
  },
];
