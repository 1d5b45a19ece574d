import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { breached, held, judge, type Probe, skipped } from "../facts.ts";
import { attempt, describeWritable, listNames, readSome } from "../reach.ts";
import { addressOf, describeAdmitted, runMachineCode } from "../syscall.ts";

/** Value of a line such as `CapEff:\t0000` in /proc/self/status. */
const readStatus = (name: string): string | undefined =>
  new RegExp(`^${name}:\\s*(\\S+)`, "m").exec(readSome("/proc/self/status") ?? "")?.[1];

function findWritableKnobs(dir: string, depth = 0): string[] {
  return listNames(dir).flatMap((name) => {
    const path = join(dir, name);
    if (attempt(() => statSync(path))?.isDirectory()) return depth < 3 ? findWritableKnobs(path, depth + 1) : [];
    return describeWritable(path) ?? [];
  });
}

const CLONE_NEWUSER = 0x10000000;
const SIGCHLD = 17;
/** rax = first argument, rdi and rsi the next two; the child that a clone makes leaves at once. */
const CLONE_AND_LEAVE = [
  0x48, 0x89, 0xf8, 0x48, 0x89, 0xf7, 0x48, 0x89, 0xd6, 0x31, 0xd2, 0x45, 0x31, 0xd2, 0x45, 0x31, 0xc0, 0x0f, 0x05,
  0x85, 0xc0, 0x75, 0x09, 0x31, 0xff, 0xb8, 0xe7, 0x00, 0x00, 0x00, 0x0f, 0x05, 0xc3,
];

/** A bare clone: `unshare` always fails in a process with several threads, which would look like a refusal. */
function cloneUserNamespace(): (string | false)[] {
  if (process.arch !== "x64") return [];
  const args = Buffer.alloc(88);
  args.writeBigUInt64LE(BigInt(CLONE_NEWUSER), 0);
  args.writeBigUInt64LE(BigInt(SIGCHLD), 32);
  return [
    runMachineCode(CLONE_AND_LEAVE, 56, CLONE_NEWUSER | SIGCHLD, 0) > 0 && "clone made a user namespace",
    runMachineCode(CLONE_AND_LEAVE, 435, addressOf(args), 88) > 0 && "clone3 made a user namespace",
  ];
}

/** Attribute of a software clock counter for user space only: what any user may open where the default is lax. */
function perfAttribute(): Buffer {
  const attribute = Buffer.alloc(112);
  attribute.writeUInt32LE(1, 0);
  attribute.writeUInt32LE(112, 4);
  const DISABLED_EXCLUDE_KERNEL_AND_HYPERVISOR = 0b1100001;
  attribute.writeUInt32LE(DISABLED_EXCLUDE_KERNEL_AND_HYPERVISOR, 40);
  return attribute;
}

export const kernelProbes: Probe[] = [
  {
    id: "FS-16",
    attack: "kernel knobs that make the kernel run code as root of the host",
    attempt: () =>
      judge([
        ...findWritableKnobs("/proc/sys/kernel"),
        ...findWritableKnobs("/proc/sys/vm"),
        ...findWritableKnobs("/proc/sys/fs"),
        describeWritable("/proc/sysrq-trigger"),
        describeWritable("/sys/kernel/uevent_helper"),
        describeWritable("/sys/power/state"),
        ...listNames("/sys/fs/cgroup").map((name) => describeWritable(`/sys/fs/cgroup/${name}/release_agent`)),
      ]),
  },
  {
    id: "FS-17",
    attack: "read files of proc and sys that tell about the host",
    attempt() {
      const files = ["acpi/wakeup", "kcore", "keys", "kmsg", "latency_stats", "sched_debug", "scsi/scsi", "timer_list"];
      const more = ["timer_stats", "slabinfo", "vmallocinfo", "kpageflags", "iomem"].map((name) => `/proc/${name}`);
      const isZeroed = (text: string): boolean => /^[\s0:-]*$/.test(text.replace(/[^0-9a-f\n]+.*$/gm, ""));
      const leak = (path: string): string | false => {
        const text = readSome(path, 4096) ?? "";
        return text !== "" && !(path === "/proc/iomem" && isZeroed(text)) && `${path} can be read`;
      };
      const DEV_NULL = (1 << 8) | 3;
      return judge([
        ...files.map((name) => leak(`/proc/${name}`)),
        ...more.map(leak),
        ...["/sys/firmware", "/sys/kernel/debug", "/sys/devices/virtual/powercap"].map(
          (dir) => listNames(dir).length > 0 && `${dir} can be listed`,
        ),
        attempt(() => statSync("/dev/null"))?.rdev !== DEV_NULL && "/dev/null is not the null device",
      ]);
    },
  },
  {
    id: "FS-19",
    attack: "use privileges that were left over",
    attempt: (facts) =>
      judge([
        readStatus("NoNewPrivs") !== "1" && "no_new_privs is off",
        ...["CapEff", "CapPrm", "CapInh", "CapAmb"].map(
          (set) => !/^0+$/.test(readStatus(set) ?? "?") && `${set} is ${readStatus(set)}`,
        ),
        facts.seccomp && readStatus("Seccomp") !== "2" && "no seccomp filter",
      ]),
  },
  {
    id: "FS-20",
    attack: "gain another uid through a setuid program",
    async attempt() {
      if (readStatus("NoNewPrivs") !== "1") return breached("no_new_privs is off: setuid programs take effect");
      const child = Bun.spawn(["su"], { stdin: "pipe", stdout: "ignore", stderr: "ignore" });
      const uids =
        /^Uid:(.*)$/m
          .exec(readSome(`/proc/${child.pid}/status`) ?? "")?.[1]
          ?.trim()
          .split(/\s+/) ?? [];
      child.kill("SIGKILL");
      await child.exited;
      return new Set(uids).size > 1 ? breached(`su runs with uids ${uids.join(" ")}`) : held();
    },
  },
  {
    id: "KI-03",
    attack: "go around the filter by the 32-bit and the x32 calling convention",
    attempt() {
      if (process.arch !== "x64") return skipped("x86-64 only");
      const run = (abi: string) =>
        spawnSync(process.execPath, [join(import.meta.dirname, "../foreign-abi.ts"), abi], { encoding: "utf8" });
      return judge(["i386", "x32"].map((abi) => run(abi).stdout.includes("admitted") && `${abi} calls are admitted`));
    },
  },
  {
    id: "KI-13",
    attack: "make a nested user namespace",
    attempt: () =>
      judge([
        ...cloneUserNamespace(),
        spawnSync("unshare", ["-U", "true"]).status === 0 && "unshare made a user namespace",
        spawnSync("unshare", ["-m", "true"]).status === 0 && "unshare made a mount namespace",
      ]),
  },
  {
    id: "KI-16",
    attack: "system calls that only widen the attack surface",
    attempt: () =>
      judge([
        describeAdmitted("io_uring_setup", 0, null),
        describeAdmitted("bpf", 0, Buffer.alloc(72), 72),
        describeAdmitted("perf_event_open", perfAttribute(), 0, -1, -1, 0),
        describeAdmitted("userfaultfd", 1),
        describeAdmitted("kexec_load", 0, 0, null, 0xffff),
        describeAdmitted("init_module", null, 0, ""),
        describeAdmitted("finit_module", -1, "", 0),
        describeAdmitted("delete_module", "no_such_module", 0),
        describeAdmitted("swapon", "", 0),
        describeAdmitted("acct", ""),
        describeAdmitted("quotactl", 0x80000500, "/no-such-device", 0, null),
        describeAdmitted("reboot", 0, 0, 0, null),
        describeAdmitted("settimeofday", null, null),
        describeAdmitted("sethostname", "", -1),
        describeAdmitted("syslog", 10, null, 0),
        describeAdmitted("iopl", 3),
        describeAdmitted("pivot_root", null, null),
      ]),
  },
];
