import path from "node:path";
import type { Agent } from "../agents/agent.ts";
import type { Injection } from "../credentials/credential.ts";
import { describeCredential, type GitCredential } from "../credentials/git.ts";
import type { Egress } from "../egress/egress.ts";
import type { Host } from "../host.ts";
import type { ServedSocket } from "../launch.ts";
import { isWithin } from "../places.ts";
import type { Policy } from "../policy.ts";
import { composeEnvironment, type Variable } from "./environment.ts";
import { type Composition, composeMounts } from "./filesystem.ts";
import { namingMounts } from "./naming.ts";
import type { Mount, Plan } from "./plan.ts";

export type PlanInput = Omit<Composition, "extra"> & {
  id: string;
  /** Program and arguments as they run inside. */
  command: string[];
  agent: Agent | undefined;
  /** Mounts that carry state, caches and programs in. */
  carried: Mount[];
  /** The name of the machine, which stays the same inside. */
  hostname: string;
  /** Bytes of the host's resolv.conf, when its place is a link that leads out of /etc and the network is the host's. */
  resolver: Uint8Array | undefined;
  /** The user's git identity, aliases, diff and merge settings as a git configuration file. */
  gitConfig: Uint8Array | undefined;
  /** What git inside does not see. */
  gitIgnore: Uint8Array | undefined;
  /** Variables for the agent, each with its reason. */
  variables: Variable[];
  /** What stands for credentials: it wins over whatever is set or passed under the same name. */
  placeholders: Variable[];
  /** Credentials that the gateway puts into requests. */
  injections: Injection[];
  gitCredentials: GitCredential[];
  /** Somebody is still looking at the project. */
  isUnsure: boolean;
  /** What cordon serves while the run lasts; `carried` shows each one inside. */
  served: ServedSocket[];
  requested: Plan["requested"];
};

/** Decides everything about one run. Pure: what it needs to know of the machine is in its input. */
export const createPlan = (input: PlanInput): Plan & { variables: Variable[] } => {
  const { host, policy } = input;
  const variables = composeEnvironment(host, policy, input.variables, input.placeholders);
  return {
    id: input.id,
    command: input.command,
    workdir: host.cwd,
    home: host.home,
    identity: { uid: host.uid, gid: host.gid },
    mounts: composeMounts({ ...input, extra: [...input.carried, ...generated(input)] }),
    env: Object.fromEntries(variables.map(({ name, value }) => [name, value])),
    network: policy.network.mode,
    waits: policy.network.mode === "filtered" || input.isUnsure,
    ...(policy.network.mode === "filtered" && { egress: egressOf(input) }),
    ...(input.served.length > 0 && { sockets: input.served }),
    deniesHosts: policy.network.mode === "open" && policy.network.deny.length > 0,
    credentials: policy.credentials,
    resources: policy.resources,
    requested: input.requested,
    widen: [...policy.widen],
    tty: host.tty,
    variables,
  };
};

/** Ports that begin to listen inside are announced to a person who is there to read it. */
const egressOf = ({ policy: { network }, host: { tty }, injections }: PlanInput): Egress => ({
  allow: network.allow,
  deny: network.deny,
  inject: injections,
  hostPorts: [...new Set(network.hostPorts.map(({ value }) => value))],
  publish: network.publish,
  publishAll: network.publishAll,
  announce: tty.stderr,
});

const generated = ({ host, policy, hostname, resolver, facts, ...input }: PlanInput): Mount[] => [
  ...(policy.network.mode === "filtered" ? namingMounts(facts, hostname) : []),
  ...(resolver
    ? [bytesAt(facts["/etc/resolv.conf"]?.real ?? "/etc/resolv.conf", resolver, "the host's resolver")]
    : []),
  ...gitConfigOf(input).map((bytes) =>
    bytesAt(path.join(host.realHome, ".gitconfig"), bytes, "the user's git settings, filtered"),
  ),
  ...(input.gitIgnore
    ? [bytesAt(path.join(host.realHome, ignorePlace), input.gitIgnore, "what you have git ignore, and what is hidden")]
    : []),
];

/** One file, or none when there is nothing to say. */
const gitConfigOf = ({ gitConfig, gitCredentials }: Pick<PlanInput, "gitConfig" | "gitCredentials">): Uint8Array[] =>
  gitConfig || gitCredentials.length > 0
    ? [Buffer.concat([gitConfig ?? new Uint8Array(), Buffer.from(gitCredentials.map(describeCredential).join(""))])]
    : [];

/** Where git looks for what it ignores everywhere, unless a setting names another file (gitignore(5)). */
const ignorePlace = ".config/git/ignore";

const bytesAt = (target: string, bytes: Uint8Array, origin: string): Mount => ({
  kind: "bytes",
  target,
  bytes,
  permissions: 0o644,
  origin,
});

/**
 * cordon's own directories and binary that the writable parts of a policy would reach. Masks do not count: renaming the
 * parent of a mask uncovers it.
 */
export const exposedPlaces = (host: Host, policy: Policy, project: string, real: (target: string) => string) => {
  const writable = [{ value: project, origin: "the project" }, ...policy.filesystem.write];
  const precious = [...Object.values(host.places), host.executable].map(real);
  return writable.flatMap(({ value, origin }) => {
    const target = real(value);
    const reached = precious.find((place) => isWithin(place, target) || isWithin(target, place));
    return reached === undefined ? [] : [{ target, origin, place: reached }];
  });
};

/** Host paths on which a mount below a writable directory would come to stand; none of them may lead through a link. */
export const nestedSources = (mounts: Mount[]): string[] =>
  mounts.flatMap((mount, index) => {
    const above = mounts
      .slice(0, index)
      .findLast((other) => other.target === "/" || isWithin(mount.target, other.target));
    if (!above || (above.kind !== "bind" && above.kind !== "workspace") || above.mode !== "rw") return [];
    return [path.join(above.source, path.relative(above.target, mount.target))];
  });
