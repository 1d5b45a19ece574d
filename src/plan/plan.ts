import type { Egress } from "../egress/egress.ts";
import { isRequestRule } from "../egress/pattern.ts";
import type { ServedSocket, Streams } from "../launch.ts";
import type { CredentialMode, NetworkMode, Resources, Widening } from "../policy.ts";

/** What one run will be: everything decided, nothing started. The same value means the same thing to every backend. */
export type Plan = {
  id: string;
  /** Program and arguments as they run inside. */
  command: string[];
  workdir: string;
  home: string;
  identity: { uid: number; gid: number };
  mounts: Mount[];
  /** The whole environment inside; nothing else is inherited. */
  env: Record<string, string>;
  network: NetworkMode;
  /** Its first command waits until everything around it is known and ready. */
  waits: boolean;
  /** What the gateway is told when the network is filtered. */
  egress?: Egress;
  /** What cordon serves while the run lasts. */
  sockets?: ServedSocket[];
  /** Hosts are denied one by one, in a network that nothing filters. */
  deniesHosts: boolean;
  credentials: CredentialMode;
  resources: Resources;
  /** The limits that somebody asked for; the others are applied where the host offers cgroups. */
  requested: (keyof Resources)[];
  widen: Widening[];
  tty: Streams;
};

/**
 * What is written lies beside the files it seems to change: `lower` stays as it is, and the room (a directory that
 * holds `lower`, `upper`, `work` and `merged`, which nothing inside sees) keeps every change in `upper`. Other mounts
 * below `lower` do not show. `room` and `lower` are absolute; one room serves one run at a time that writes.
 */
export type Overlay = { kind: "overlay"; lower: string; room: string; mode: "ro" | "rw" };

/**
 * Later mounts lie over earlier ones; parents come before their children. An optional source may have vanished since
 * somebody looked; then nothing stands there.
 */
export type Mount = { target: string; origin: string } & (
  | { kind: "workspace" | "bind"; source: string; mode: "ro" | "rw"; optional?: true }
  | Overlay
  | { kind: "tmpfs"; permissions: number; sizeBytes?: number }
  | { kind: "symlink"; link: string }
  | { kind: "bytes"; bytes: Uint8Array; permissions: number }
  | { kind: "mask"; of: "file" | "directory" }
  | { kind: "dev" }
  | { kind: "proc" }
);

/** What a plan asks of a backend. A backend that does not enforce one of them refuses the plan. */
export type Feature =
  | "private-filesystem"
  | "private-processes"
  | "private-environment"
  | "syscall-filter"
  | `network-${NetworkMode}`
  | "network-deny"
  | "http-rules"
  | "credential-broker"
  | "overlay"
  | `limit-${keyof Resources}`
  | `widen-${Widening}`;

export const featuresOf = (plan: Plan): Feature[] => [
  "private-filesystem",
  "private-processes",
  "private-environment",
  "syscall-filter",
  `network-${plan.network}`,
  ...(plan.deniesHosts ? (["network-deny"] as const) : []),
  ...(hasRequestRules(plan) ? (["http-rules"] as const) : []),
  ...(plan.credentials === "broker" && plan.network === "filtered" ? (["credential-broker"] as const) : []),
  ...(plan.mounts.some(({ kind }) => kind === "overlay") ? (["overlay"] as const) : []),
  ...plan.requested.map((limit): Feature => `limit-${limit}`),
  ...plan.widen.map((widening): Feature => `widen-${widening}`),
];

const hasRequestRules = ({ egress }: Plan): boolean =>
  egress !== undefined && [...egress.allow, ...egress.deny].some(({ value }) => isRequestRule(value));

/** The mount that decides what stands at a path inside, if any. */
export const mountAt = (mounts: Mount[], target: string): Mount | undefined =>
  mounts.findLast((mount) => covers(mount, target));

const covers = (mount: Mount, target: string): boolean =>
  mount.target === "/" || target === mount.target || target.startsWith(`${mount.target}/`);
