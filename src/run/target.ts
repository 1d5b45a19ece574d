import fs from "node:fs";
import path from "node:path";
import { errorOf } from "../errors.ts";
import { loadLibc } from "../libc.ts";
import { childrenOf, parentOf, readStatus } from "./processes.ts";
import type { Run } from "./registry.ts";

/** ioctl_ns(2): the user namespace that owns a namespace, and the parent of a user namespace. */
const NS_GET_USERNS = 0xb701;
const NS_GET_PARENT = 0xb702;

/** In the order of joining: the last one decides which processes can be seen. */
const kinds = ["net", "ipc", "uts", "cgroup", "mnt", "pid"] as const;
const startTimeoutMs = 5_000;

/** The namespaces of a running sandbox, opened in the order of joining; the caller closes them. */
export type Target = { pid: number; namespaces: number[] };

/**
 * Opens the namespaces of the sandbox's first process, which nobody inside can change, once its command has started.
 * Throws E_LAUNCH_FAILED when they are not those of this run's sandbox.
 */
export const openTarget = async (run: Run, directory: string): Promise<Target> => {
  const pid = await findFirst(run, directory);
  const opened: number[] = [];
  const open = (kind: string) => opened[opened.push(fs.openSync(`/proc/${pid}/ns/${kind}`, "r")) - 1]!;
  try {
    const command = open("user");
    const joined = kinds.map((kind) => [kind, open(kind)] as const).filter(([kind, fd]) => !isOwn(kind, fd));
    const mounts = joined.find(([kind]) => kind === "mnt")?.[1];
    if (mounts === undefined || isOwn("user", command) || !joined.some(([kind]) => kind === "pid")) throw left(run);
    const owner = opened[opened.push(askNamespace(mounts, NS_GET_USERNS)) - 1]!;
    const isDirect = identityOf(owner) === identityOf(command);
    if (!isDirect && parentIdentityOf(command) !== identityOf(owner)) throw left(run);
    // Opened from the right process only if that one still lives.
    if (!isFirst(run, pid)) throw left(run);
    const order = [owner, ...joined.map(([, fd]) => fd), ...(isDirect ? [] : [command])];
    for (const fd of opened.filter((fd) => !order.includes(fd))) fs.closeSync(fd);
    return { pid, namespaces: order };
  } catch (error) {
    for (const fd of opened) fs.closeSync(fd);
    throw (error as NodeJS.ErrnoException).errno === undefined ? error : left(run);
  }
};

const left = (run: Run): Error => errorOf("E_LAUNCH_FAILED", `sandbox ${run.id}`, "it cannot be joined (any more)");

/** bubblewrap has set up everything before it starts the command. */
const findFirst = async (run: Run, directory: string): Promise<number> => {
  for (let waitedMs = 0; waitedMs < startTimeoutMs; waitedMs += 10) {
    const pid = readStatus(directory).childPid;
    if (pid !== undefined && childrenOf(pid).length > 0 && isFirst(run, pid)) return pid;
    await Bun.sleep(10);
  }
  throw left(run);
};

/** A pid may be in use again: only a child of bubblewrap, itself a child of the run's cordon, is meant. */
const isFirst = (run: Run, pid: number): boolean => parentOf(parentOf(pid)) === run.pid;

const identityOf = (fd: number): string => {
  const { dev, ino } = fs.fstatSync(fd);
  return `${dev}:${ino}`;
};

const isOwn = (kind: string, fd: number): boolean => {
  const { dev, ino } = fs.statSync(`/proc/self/ns/${kind}`);
  return identityOf(fd) === `${dev}:${ino}`;
};

const askNamespace = (fd: number, question: number): number => {
  const { ioctl } = loadLibc({ ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" } });
  const answer = ioctl(fd, BigInt(question), null);
  if (answer < 0) throw errorOf("E_LAUNCH_FAILED", "namespaces", "this kernel does not tell to whom they belong");
  return answer;
};

const parentIdentityOf = (fd: number): string => {
  const parent = askNamespace(fd, NS_GET_PARENT);
  try {
    return identityOf(parent);
  } finally {
    fs.closeSync(parent);
  }
};

/** Opens what a process writes itself into to come under the limits; the caller closes them. Throws E_LAUNCH_FAILED. */
export const openLimits = (run: Run, pid: number): number[] =>
  groupsOfLimits(run, pid).map((group) => {
    try {
      return fs.openSync(path.join(group, "cgroup.procs"), "w");
    } catch (cause) {
      throw errorOf("E_LAUNCH_FAILED", "cannot join the limits of the sandbox", (cause as Error).message);
    }
  });

/** A scope of systemd has its place chosen by systemd: it is where the sandbox is (cgroups(7), the row of v2). */
const groupsOfLimits = (run: Run, pid: number): string[] => {
  if (run.join.groups.length > 0) return run.join.groups;
  const group = /^0::(.*)$/m.exec(fs.readFileSync(`/proc/${pid}/cgroup`, "utf8"))?.[1];
  if (!group?.endsWith(`/cordon-${run.id}.scope`)) return [];
  const mounts = fs.readFileSync("/proc/self/mounts", "utf8").split("\n");
  const mount = mounts.map((row) => row.split(" ")).find((fields) => fields[2] === "cgroup2")?.[1];
  return [path.join(mount ?? "/sys/fs/cgroup", group)];
};
