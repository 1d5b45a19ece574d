import { spawnSync } from "node:child_process";
import { closeSync, constants, existsSync, openSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Facts, held, judge, type Probe } from "../facts.ts";
import { attempt, describeWritable, findCanary, listNames, readSome } from "../reach.ts";
import { addressOf, call, describeAdmitted, readMemory } from "../syscall.ts";

const PTRACE_SEIZE = 0x4206;

/** Ways to read or take over one process. Memory is asked for at address 0, where nothing is: EFAULT means admitted. */
function takeOver(pid: number): (string | undefined | false)[] {
  const local = Buffer.alloc(16);
  local.writeBigUInt64LE(addressOf(local), 0);
  local.writeBigUInt64LE(8n, 8);
  const nowhere = Buffer.alloc(16);
  nowhere.writeBigUInt64LE(8n, 8);
  const isAdmitted = (name: string) => ["", "EFAULT"].includes(call(name, pid, local, 1, nowhere, 1, 0).error);
  const pidfd = call("pidfd_open", pid, 0);
  const stolen = pidfd.error === "" ? call("pidfd_getfd", pidfd.value, 0, 0) : pidfd;
  return [
    call("ptrace", PTRACE_SEIZE, pid, 0, 0).error === "" && `ptrace of ${pid}`,
    isAdmitted("process_vm_readv") && `memory of ${pid} can be read`,
    isAdmitted("process_vm_writev") && `memory of ${pid} can be written`,
    stolen.error === "" && `a descriptor of ${pid} taken`,
    describeWritable(`/proc/${pid}/mem`),
  ];
}

const isOwn = (pid: number): boolean => pid === process.pid || pid === process.ppid;

/** How pid 1 is less confined than this process; empty if taking it over would gain nothing. */
function comparePrivileges(): string[] {
  const read = (pid: string, name: string) =>
    new RegExp(`^${name}:(.*)$`, "m").exec(readSome(`/proc/${pid}/status`) ?? "")?.[1];
  const lines = ["Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs", "Seccomp"];
  const namespace = (pid: string, name: string) => attempt(() => readlinkSync(`/proc/${pid}/ns/${name}`));
  const differs = (name: string) => {
    const other = namespace("1", name);
    return other !== undefined && other !== namespace("self", name);
  };
  return [
    ...lines.filter((name) => read("1", name) !== read("self", name)),
    ...listNames("/proc/self/ns").filter(differs),
  ];
}

/** A namespace of pid 1, or the parent of ours, entered or at least held. */
function enterNamespaces(): (string | false | undefined)[] {
  const NS_GET_USERNS = 0xb701;
  const NS_GET_PARENT = 0xb702;
  return listNames("/proc/1/ns").flatMap((name) => {
    const fd = attempt(() => openSync(`/proc/1/ns/${name}`, "r"));
    if (fd === undefined) return [];
    const ways = [
      call("setns", fd, 0).error === "" && `${name} namespace of pid 1 entered`,
      name === "pid" && call("ioctl", fd, NS_GET_PARENT, 0).error === "" && "parent pid namespace held",
      name === "user" && call("ioctl", fd, NS_GET_PARENT, 0).error === "" && "parent user namespace held",
      name === "net" && call("ioctl", fd, NS_GET_USERNS, 0).error === "" && "user namespace of the network held",
    ];
    closeSync(fd);
    return ways;
  });
}

const fifo = (facts: Facts): string => join(facts.workspace, `escape-fifo-${facts.token}`);

/**
 * Whether a process has the pipe open for reading: without one this open fails with ENXIO. The kernel may still be
 * ending the processes of a namespace when its starter returns, so they get two seconds of the twenty that they want.
 */
function isRead(path: string): boolean {
  for (let waitedMs = 0; waitedMs < 2000; waitedMs += 20) {
    const fd = attempt(() => openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
    if (fd === undefined) return false;
    closeSync(fd);
    Bun.sleepSync(20);
  }
  return true;
}

export const processProbes: Probe[] = [
  {
    id: "KI-12",
    attack: "signal, trace or read a process of the host",
    attempt(facts) {
      if (isOwn(facts.victim)) return held("the pid means this process here");
      const signalled = call("kill", facts.victim, 15);
      return judge([signalled.error === "" && "signal sent", ...takeOver(facts.victim)]);
    },
    inspect: (_facts, host) => (host.isVictimAlive() ? undefined : "the host process is dead"),
  },
  {
    id: "KI-14",
    attack: "enter the namespaces of pid 1 or their parents",
    attempt: () => judge(enterNamespaces()),
  },
  {
    id: "KI-15",
    attack: "read or plant keys in the kernel keyrings that all sandboxes of a user share",
    attempt(facts) {
      const PROCESS_KEYRING = -2;
      const USER_KEYRING = -4;
      const KEYCTL_GET_KEYRING_ID = 0;
      const KEYCTL_SEARCH = 10;
      return judge([
        describeAdmitted("add_key", "user", `escape-${facts.token}`, "x", 1, PROCESS_KEYRING),
        describeAdmitted("keyctl", KEYCTL_GET_KEYRING_ID, USER_KEYRING, 0),
        describeAdmitted("keyctl", KEYCTL_SEARCH, USER_KEYRING, "user", facts.keyName, 0),
        readSome("/proc/keys") && "/proc/keys is not empty",
      ]);
    },
  },
  {
    id: "KI-18",
    attack: "reach shared memory and message queues of the host",
    attempt(facts) {
      const segment = call("shmget", facts.sharedMemoryKey, 0, 0);
      const address = segment.error === "" ? call("shmat", segment.value, 0, 0o10000) : segment;
      const text = address.error === "" ? readMemory(address.value, 64).toString("latin1") : "";
      return judge([
        text.includes(facts.canary.join("")) && "canary read in System V shared memory",
        call("mq_open", facts.messageQueue, 0, 0, 0).error === "" && "message queue opened",
        findCanary(facts, `/dev/shm/escape-canary-${facts.token}`),
      ]);
    },
  },
  {
    id: "KI-19",
    attack: "raise the own priority, lower the own share of blame, dump cores",
    attempt() {
      const SCHED_FIFO = 1;
      const RLIMIT_CORE = 4;
      const UNLIMITED = Buffer.alloc(16, 0xff);
      const path = "/proc/self/oom_score_adj";
      const lowered = Math.max(-1000, Number(readFileSync(path, "utf8")) - 1);
      const realTime = call("sched_setscheduler", 0, SCHED_FIFO, Buffer.from([1, 0, 0, 0])).error === "";
      if (realTime) call("sched_setscheduler", 0, 0, Buffer.alloc(4));
      return judge([
        attempt(() => writeFileSync(path, `${lowered}`) ?? "oom score lowered"),
        realTime && "real-time priority",
        call("prlimit64", 0, RLIMIT_CORE, UNLIMITED, null).error === "" && "core dumps without limit",
      ]);
    },
  },
  {
    id: "X-06",
    attack: "outlive the session in a background process of its own session",
    attempt(facts) {
      spawnSync("mkfifo", [fifo(facts)]);
      const script = 'trap "" TERM HUP INT; exec 3<>"$1"; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 2; done';
      const options = { stdio: ["ignore", "ignore", "ignore"] as ["ignore", "ignore", "ignore"] };
      Bun.spawn(["setsid", "sh", "-c", script, "sh", fifo(facts)], options).unref();
      // Opening for writing waits until the background process has opened its end.
      closeSync(openSync(fifo(facts), "w"));
      return held("judged on the host");
    },
    inspect(facts) {
      if (!existsSync(fifo(facts))) return undefined;
      const alive = isRead(fifo(facts));
      rmSync(fifo(facts), { force: true });
      return alive ? "a background process is still alive" : undefined;
    },
  },
  {
    id: "X-07",
    attack: "signal the process group of the program that started the sandbox",
    // A group whose leader is in another pid namespace has no number here: kill(0) would reach it all the same.
    attempt: () => judge([call("getpgid", 0).value === 0 && "the process group reaches outside"]),
  },
  {
    id: "X-08",
    attack: "take over the supervisor inside, where pid 1 is less confined than the agent",
    attempt() {
      const gains = comparePrivileges();
      if (gains.length === 0) return held("pid 1 is as confined as the agent");
      return judge(takeOver(1).map((way) => way && `${way}, differs in ${gains.join(" ")}`));
    },
  },
];
