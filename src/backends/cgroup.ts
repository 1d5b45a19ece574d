import fs from "node:fs";
import path from "node:path";
import type { Step } from "../launch.ts";
import type { Resources } from "../policy.ts";

/**
 * Where this process may make control groups of its own. `v1`: one hierarchy a controller, as root. `v2`: a directory
 * delegated to this user, or root's. `scope`: none is writable, but the user's systemd starts a transient scope.
 */
export type Cgroups =
  | { kind: "v1"; parents: Partial<Record<Controller, string>> }
  | { kind: "v2"; parent: string; controllers: Controller[] }
  | { kind: "scope"; systemdRun: string; controllers: Controller[] };

type Controller = "cpu" | "memory" | "pids";
const controllers: Controller[] = ["cpu", "memory", "pids"];

/** How a launch enters its limits: steps around it, a command in front of it, a file that counts memory kills. */
export type Confinement = { setup: Step[]; teardown: Step[]; prefix: string[]; groups: string[]; oomEvents?: string };

/** Looks at the mounted hierarchies (cgroups(7)); undefined when this user can limit nothing here. */
export const observeCgroups = (systemdRun: string | undefined): Cgroups | undefined => {
  const own = ownGroups();
  const parents = Object.fromEntries(
    controllers.flatMap((controller) => {
      const parent = own.v1[controller];
      return parent !== undefined && isWritable(parent) ? [[controller, parent]] : [];
    }),
  );
  if (Object.keys(parents).length > 0) return { kind: "v1", parents };
  const delegated = own.v2 && [path.dirname(own.v2), own.v2].find((parent) => delegatedControllers(parent).length > 0);
  if (delegated) return { kind: "v2", parent: delegated, controllers: delegatedControllers(delegated) };
  if (systemdRun && own.v2 && fs.existsSync(`/run/user/${process.getuid?.()}/bus`)) {
    return { kind: "scope", systemdRun, controllers };
  }
  return undefined;
};

/** The limits that these groups can hold. */
export const limitsOf = (cgroups: Cgroups | undefined): (keyof Resources)[] => {
  const names = !cgroups ? [] : cgroups.kind === "v1" ? Object.keys(cgroups.parents) : cgroups.controllers;
  const limits: Record<Controller, keyof Resources> = { cpu: "cpus", memory: "memoryBytes", pids: "pids" };
  return controllers.filter((controller) => names.includes(controller)).map((controller) => limits[controller]);
};

/** Pure. The limits that the groups cannot hold are left out; the caller has refused the requested ones before. */
export const confine = (cgroups: Cgroups | undefined, id: string, wanted: Resources): Confinement => {
  const supported = limitsOf(cgroups);
  const resources = Object.fromEntries(Object.entries(wanted).filter(([name]) => supported.includes(name as never)));
  if (!cgroups || Object.keys(resources).length === 0) return { setup: [], teardown: [], prefix: [], groups: [] };
  if (cgroups.kind === "scope") return inScope(cgroups.systemdRun, id, resources);
  return cgroups.kind === "v1"
    ? inHierarchies(cgroups.parents, id, resources)
    : inDirectory(cgroups.parent, id, resources);
};

// The shell joins the groups itself and becomes the command: no moment in which the command runs unlimited.
const joinScript = 'while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs" || exit 125; shift; done; shift; exec "$@"';

const inGroups = (files: Record<string, Record<string, string>>, oomEvents: string | undefined): Confinement => {
  const groups = Object.keys(files);
  return {
    setup: groups.flatMap((group): Step[] => [
      { kind: "make-directory", path: group },
      ...Object.entries(files[group]!).map(
        ([name, text]): Step => ({ kind: "write", path: path.join(group, name), text }),
      ),
    ]),
    teardown: groups.map((group) => ({ kind: "remove-directory", path: group })),
    prefix: ["/bin/sh", "-c", joinScript, "sh", ...groups, "--"],
    groups,
    ...(oomEvents !== undefined && { oomEvents }),
  };
};

const inHierarchies = (parents: Partial<Record<Controller, string>>, id: string, wanted: Resources): Confinement => {
  const group = (controller: Controller) => path.join(parents[controller]!, `cordon-${id}`);
  const files: Record<string, Record<string, string>> = {};
  if (wanted.memoryBytes !== undefined)
    files[group("memory")] = { "memory.limit_in_bytes": String(wanted.memoryBytes) };
  if (wanted.pids !== undefined) files[group("pids")] = { "pids.max": String(wanted.pids) };
  if (wanted.cpus !== undefined) {
    files[group("cpu")] = {
      "cpu.cfs_period_us": "100000",
      "cpu.cfs_quota_us": String(Math.round(wanted.cpus * 100_000)),
    };
  }
  const memory = wanted.memoryBytes === undefined ? undefined : path.join(group("memory"), "memory.oom_control");
  return inGroups(files, memory);
};

const inDirectory = (parent: string, id: string, wanted: Resources): Confinement => {
  const group = path.join(parent, `cordon-${id}`);
  const files: Record<string, string> = {};
  if (wanted.memoryBytes !== undefined) {
    files["memory.max"] = String(wanted.memoryBytes);
    files["memory.swap.max"] = "0";
  }
  if (wanted.pids !== undefined) files["pids.max"] = String(wanted.pids);
  if (wanted.cpus !== undefined) files["cpu.max"] = `${Math.round(wanted.cpus * 100_000)} 100000`;
  return inGroups({ [group]: files }, wanted.memoryBytes === undefined ? undefined : path.join(group, "memory.events"));
};

const inScope = (systemdRun: string, id: string, wanted: Resources): Confinement => {
  const properties = [
    ...(wanted.memoryBytes === undefined ? [] : [`MemoryMax=${wanted.memoryBytes}`, "MemorySwapMax=0"]),
    ...(wanted.pids === undefined ? [] : [`TasksMax=${wanted.pids}`]),
    ...(wanted.cpus === undefined ? [] : [`CPUQuota=${Math.round(wanted.cpus * 100)}%`]),
  ];
  const options = properties.flatMap((property) => ["-p", property]);
  const prefix = [systemdRun, "--user", "--scope", "--quiet", "--collect", `--unit=cordon-${id}`, ...options, "--"];
  return { setup: [], teardown: [], prefix, groups: [] };
};

const ownGroups = (): { v1: Partial<Record<Controller, string>>; v2?: string } => {
  const found: { v1: Partial<Record<Controller, string>>; v2?: string } = { v1: {} };
  const mounts = readLines("/proc/self/mounts").map((line) => line.split(" "));
  for (const line of readLines("/proc/self/cgroup")) {
    const [number, names, ...rest] = line.split(":");
    const group = rest.join(":");
    if (number === "0") {
      const mount = mounts.find((fields) => fields[2] === "cgroup2")?.[1];
      if (mount) found.v2 = path.join(mount, group);
    }
    for (const controller of controllers.filter((name) => names?.split(",").includes(name))) {
      const mount = mounts.find((fields) => fields[2] === "cgroup" && fields[3]?.split(",").includes(controller))?.[1];
      if (mount) found.v1[controller] = path.join(mount, group);
    }
  }
  return found;
};

/** Controllers that children of this group would have, when this user may make children and move into them. */
const delegatedControllers = (group: string): Controller[] => {
  if (!isWritable(group) || !isWritable(path.join(group, "cgroup.procs"))) return [];
  const enabled = readLines(path.join(group, "cgroup.subtree_control")).join(" ").split(" ");
  return controllers.filter((controller) => enabled.includes(controller));
};

const isWritable = (target: string): boolean => {
  try {
    fs.accessSync(target, fs.constants.W_OK);
    return true;
  } catch {
    return false;
  }
};

const readLines = (file: string): string[] => {
  try {
    return fs.readFileSync(file, "utf8").split("\n").filter(Boolean);
  } catch {
    return [];
  }
};
