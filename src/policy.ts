import type { Publish } from "./egress/egress.ts";

/** What the user allows, independent of how any backend enforces it. Every rule remembers where it came from. */
export type Preset = "open" | "standard" | "strict";
export type NetworkMode = "none" | "filtered" | "open";
export type CredentialMode = "broker" | "share" | "none";
/** Whether the host's package caches are read inside. They are never written. */
export type CacheMode = "shared" | "private";
/** A set of hosts that belong together. */
export type NetworkPreset = "registries" | "git-hosts";
export type Widening = "userns" | "browser" | "docker" | "ssh-agent" | "paste-images";

/** One line of the policy: a path, host or name, and the origin that a person can go and change. */
export type Rule = {
  value: string;
  origin: string;
  /** A host that the user's own settings use: it may stand in a private network, as house mirrors and gateways do. */
  mayBePrivate?: true;
};

export type Resources = {
  /** Number of processors, fractions allowed. */
  cpus?: number;
  memoryBytes?: number;
  pids?: number;
  /** Size of each private memory-backed directory (home, /tmp, …). */
  diskBytes?: number;
};

export type Policy = {
  preset: Preset;
  filesystem: {
    /** `host`: everything readable unless hidden. `platform`: only system directories and what is named. */
    base: "host" | "platform";
    read: Rule[];
    write: Rule[];
    hide: Rule[];
    /** Who wants the secrets of the project hidden. */
    hideSecrets?: { origin: string };
  };
  /** `private` when absent. */
  caches?: { value: CacheMode; origin: string };
  network: {
    mode: NetworkMode;
    origin: string;
    allow: Rule[];
    deny: Rule[];
    presets: readonly NetworkPreset[];
    /** Ports of the host's loopback that are reached inside. */
    hostPorts: { value: number; origin: string }[];
    publish: Publish[];
    publishAll: boolean;
  };
  env: { pass: Rule[]; set: Record<string, string> };
  resources: Resources;
  credentials: CredentialMode;
  widen: Set<Widening>;
  /** Keys of the user's ssh-agent that are in use inside: comments, fingerprints or files. */
  sshKeys: Rule[];
};
