import path from "node:path";
import type { Facts, Host } from "../host.ts";
import { isWithin } from "../places.ts";
import type { Policy, Rule } from "../policy.ts";
import { homeForks, platformDirectories, pseudoDirectories, systemSecrets, toolchains } from "./locations.ts";
import { namingFiles } from "./naming.ts";
import type { Mount } from "./plan.ts";

/** What the file system of a run is composed from, besides the policy. All paths absolute. */
export type Composition = {
  host: Host;
  policy: Policy;
  /** What stands at the project's place. */
  workspace: Mount[];
  /** Facts of every path in `pathsOf`. */
  facts: Facts;
  /** Names in every directory above home and in the forks of home, only filled when the whole host is shown. */
  listings: Record<string, string[]>;
  /** Sockets that host programs listen on. */
  sockets: string[];
  /** Mounts of the agent and of cordon itself: state, programs, generated files. */
  extra: Mount[];
};

/** Every path whose fact `composeMounts` will ask for. */
export const pathsOf = (given: Omit<Composition, "facts">): string[] => [
  ...platformDirectories,
  ...pseudoDirectories,
  ...systemSecrets,
  ...toolchains.map((name) => path.join(given.host.home, name)),
  ...Object.entries(given.listings).flatMap(([directory, names]) => names.map((name) => path.join(directory, name))),
  ...[...given.policy.filesystem.read, ...given.policy.filesystem.write, ...given.policy.filesystem.hide].map(
    (rule) => rule.value,
  ),
  ...namingFiles,
];

/**
 * The mounts of a run, parents first. A deeper target wins over what lies above it, so a hidden directory stays
 * hidden except for a more specific allowance; at one target a later entry wins, so hiding beats showing.
 */
export const composeMounts = (given: Composition): Mount[] => {
  const { host, policy } = given;
  const composed: Mount[] = [
    ...(policy.filesystem.base === "host" ? wholeHost(given) : platform(given)),
    ...privateDirectories(given),
    ...given.workspace,
    ...policy.filesystem.read.flatMap((rule) => binds(rule, "ro", given.facts)),
    ...policy.filesystem.write.flatMap((rule) => binds(rule, "rw", given.facts)),
    ...given.extra,
    ...policy.filesystem.hide.flatMap((rule) => hidden(rule, given)),
    ...systemSecrets.flatMap((value) => masks({ value, origin: "secrets of the system" }, given.facts)),
    ...Object.values(host.places).flatMap((value) => maskPlace(value, given)),
  ];
  return parentsFirst(composed);
};

/** System directories read-only, an empty home with the tool chains in it. */
const platform = ({ facts, host, policy }: Composition): Mount[] => [
  ...platformDirectories.flatMap((target) => shown(target, "system directory", facts)),
  ...(policy.preset === "strict"
    ? []
    : toolchains.flatMap((name) => shown(path.join(host.home, name), "tool chain", facts))),
];

/** Everything read-only, entry by entry, so that new directories can be laid beside what is there. */
const wholeHost = ({ facts, host, listings }: Composition): Mount[] => {
  const forks = new Set([...homeForks.map((name) => path.join(host.realHome, name)), ...pseudoDirectories]);
  return Object.entries(listings).flatMap(([directory, names]) =>
    names
      .map((name) => path.join(directory, name))
      .filter((target) => !forks.has(target) && !isWithin(host.realHome, target))
      .flatMap((target) => shown(target, "preset open", facts))
      .map((mount) => (mount.kind === "bind" ? { ...mount, optional: true } : mount)),
  );
};

const privateDirectories = (given: Composition): Mount[] => {
  const { host, policy, sockets, facts } = given;
  const size = policy.resources.diskBytes;
  const tmpfs = (target: string, permissions: number): Mount => ({
    kind: "tmpfs",
    target,
    permissions,
    origin: "private directory",
    ...(size !== undefined && { sizeBytes: size }),
  });
  const origin = "pseudo file system";
  return [
    { kind: "proc", target: "/proc", origin },
    { kind: "dev", target: "/dev", origin },
    tmpfs("/dev/shm", 0o1777),
    tmpfs("/tmp", 0o1777),
    tmpfs("/var/tmp", 0o1777),
    tmpfs("/run", 0o755),
    tmpfs(`/run/user/${host.uid}`, 0o700),
    ...runLinks(given),
    tmpfs(host.realHome, 0o700),
    ...(host.home === host.realHome
      ? []
      : [{ kind: "symlink", target: host.home, link: host.realHome, origin: "home" } satisfies Mount]),
    ...(policy.filesystem.base === "host"
      ? sockets
          .filter((socket) => !pseudoDirectories.some((hidden) => isWithin(socket, hidden)))
          .flatMap((value) => masks({ value, origin: "socket of a host program" }, facts))
      : []),
  ];
};

/** The old names of /run. Where the whole host is shown its own links stand there already, or else directories to hide. */
const runLinks = ({ policy, facts }: Composition): Mount[] =>
  ["/var/run", "/var/lock"].flatMap((target): Mount[] => {
    const link = target === "/var/run" ? "/run" : "/run/lock";
    if (policy.filesystem.base === "platform") return [{ kind: "symlink", target, link, origin: "pseudo file system" }];
    const fact = facts[target];
    return fact?.kind === "directory" && fact.link === undefined
      ? [{ kind: "tmpfs", target, permissions: 0o755, origin: "private directory" }]
      : [];
  });

/** A path of the host at its own place: as a link when it is one in the root, else bound read-only. */
const shown = (target: string, origin: string, facts: Facts): Mount[] => {
  const fact = facts[target];
  if (!fact || fact.kind === "missing" || fact.kind === "other" || fact.kind === "socket") return [];
  if (fact.link !== undefined && path.dirname(target) === "/")
    return [{ kind: "symlink", target, link: fact.link, origin }];
  return [{ kind: "bind", source: fact.real, target, mode: "ro", origin }];
};

/** A rule's path, and the place its links lead to, so that either spelling works inside. */
const binds = (rule: Rule, mode: "ro" | "rw", facts: Facts): Mount[] => {
  const fact = facts[rule.value];
  if (!fact || fact.kind === "missing") return [];
  return [...new Set([fact.real, rule.value])].map((target) => ({
    kind: "bind",
    source: fact.real,
    target,
    mode,
    origin: rule.origin,
  }));
};

const masks = (rule: Rule, facts: Facts): Mount[] => {
  const fact = facts[rule.value];
  if (!fact || fact.kind === "missing") return [];
  const of = fact.kind === "directory" ? "directory" : "file";
  return [...new Set([fact.real, rule.value])].map((target) => ({ kind: "mask", of, target, origin: rule.origin }));
};

/**
 * A denied path in a writable directory may have become a link since: then what it leads to is hidden as long as it
 * lies below that directory. Otherwise one run could hide the system, or the whole project, from the next.
 */
const hidden = (rule: Rule, { facts, policy, host }: Composition): Mount[] => {
  const mounts = masks(rule, facts);
  const roots = [host.project, ...policy.filesystem.write.map(({ value }) => facts[value]?.real ?? value)];
  const root = roots.find((candidate) => rule.value !== candidate && isWithin(rule.value, candidate));
  if (root === undefined || facts[rule.value]?.real === rule.value) return mounts;
  return mounts.filter(({ target }) => target !== rule.value && target !== root && isWithin(target, root));
};

/** cordon's own directories are hidden wherever the host around them shows. */
const maskPlace = (place: string, { policy }: Composition): Mount[] =>
  policy.filesystem.base === "host"
    ? [{ kind: "mask", of: "directory", target: place, origin: "cordon's own directories" }]
    : [];

const parentsFirst = (mounts: Mount[]): Mount[] => {
  const last = new Map(mounts.map((mount) => [mount.target, mount]));
  const depth = (mount: Mount) => (mount.target === "/" ? 0 : mount.target.split("/").length);
  return [...last.values()].sort((a, b) => depth(a) - depth(b));
};
