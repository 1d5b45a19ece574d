import type { Condition, SeccompRule } from "./rules.ts";

// <linux/stat.h>
const S_ISUID = 0o4000;
const S_ISGID = 0o2000;
// <asm-generic/fcntl.h>: O_CREAT and __O_TMPFILE, the same on both architectures. Without one of them the kernel
// ignores the mode, and what stands in its place may be anything.
const CREATING = 0o100 | 0o20000000;

const hasBits = (argument: Condition["argument"], bits: number): Condition => ({
  argument,
  test: "anyBit",
  values: [bits],
});

const setuidReason =
  "Outside, such a file runs as its owner for every user of the machine: as root, where root runs the sandbox.";
const setgidReason =
  "The group root often owns the sockets of container engines. Also refused for directories: the call does not tell.";

/**
 * Refusals of setuid and setgid files, which stay in the workspace when the sandbox is gone. Where a mode can only be
 * one of a file, both bits are refused. chmod also makes the setgid directories of shared repositories, and a filter
 * cannot tell them from programs: there the setgid bit is refused only where it would give away the group root.
 * (mkdir is not named: the kernel drops both bits from its mode.)
 */
export const modeRules: readonly SeccompRule[] = [
  {
    name: "setuid-change",
    syscalls: ["chmod", "fchmod"],
    errno: "EPERM",
    when: [hasBits(1, S_ISUID)],
    reason: setuidReason,
  },
  {
    name: "setuid-change-at",
    syscalls: ["fchmodat", "fchmodat2"],
    errno: "EPERM",
    when: [hasBits(2, S_ISUID)],
    reason: setuidReason,
  },
  {
    name: "setgid-change",
    syscalls: ["chmod", "fchmod"],
    errno: "EPERM",
    when: [hasBits(1, S_ISGID)],
    onlyForRootGroup: true,
    reason: setgidReason,
  },
  {
    name: "setgid-change-at",
    syscalls: ["fchmodat", "fchmodat2"],
    errno: "EPERM",
    when: [hasBits(2, S_ISGID)],
    onlyForRootGroup: true,
    reason: setgidReason,
  },
  {
    name: "setuid-creation",
    syscalls: ["creat", "mknod"],
    errno: "EPERM",
    when: [hasBits(1, S_ISUID | S_ISGID)],
    reason: setuidReason,
  },
  {
    name: "setuid-creation-at",
    syscalls: ["mknodat"],
    errno: "EPERM",
    when: [hasBits(2, S_ISUID | S_ISGID)],
    reason: setuidReason,
  },
  {
    name: "setuid-open",
    syscalls: ["open"],
    errno: "EPERM",
    when: [hasBits(1, CREATING), hasBits(2, S_ISUID | S_ISGID)],
    reason: setuidReason,
  },
  {
    name: "setuid-open-at",
    syscalls: ["openat"],
    errno: "EPERM",
    when: [hasBits(2, CREATING), hasBits(3, S_ISUID | S_ISGID)],
    reason: setuidReason,
  },
  {
    name: "openat2",
    syscalls: ["openat2"],
    errno: "ENOSYS",
    reason: "Its mode lies in memory, where a filter cannot look. ENOSYS leads users to openat, as on old kernels.",
  },
];
