import type { CacheMode, CredentialMode, NetworkMode, NetworkPreset, Preset, Rule, Widening } from "../policy.ts";

/** A value and the place where a person can go and change it. */
export type Setting<T> = { value: T; origin: string };

/** An agent of the user's own, or what the user changes of a known one. */
export type AgentSettings = {
  command?: string;
  args?: string[];
  state?: string[];
  env?: Record<string, string>;
  origin: string;
};

/** A server that takes a credential of the user's, or what the user changes of a built-in one. */
export type ServiceSettings = {
  /** `NAME`, `*.NAME` or `NAME:PORT`. */
  hosts?: string[];
  header?: string;
  scheme?: ServiceScheme;
  /** The user's name, with `basic`. */
  user?: string;
  /** Where the value comes from: what a program says, a variable, or a file. */
  command?: string | string[];
  variable?: string;
  file?: string;
  /** How long a value is taken for good, such as `30m`. */
  ttl?: string;
  /** The variable that holds the placeholder inside. */
  variableInside?: string;
  enabled?: boolean;
  write?: boolean;
  origin: string;
};
/** Where the content of a file comes from that holds a real secret inside. */
export type SecretFileSettings = Pick<ServiceSettings, "command" | "variable" | "file" | "origin">;
export type ServiceScheme = "bearer" | "basic" | "token" | "none";

export type NotifyWay = "bell" | "desktop";
export type NotifySettings = {
  by: Setting<NotifyWay>[];
  /** A program of the user's and its arguments. */
  command?: Setting<string[]>;
  afterMs?: Setting<number>;
};

/** Everything that flags, variables and files say, merged. Paths are absolute but their links are not resolved. */
export type Config = {
  agent: Setting<string>;
  backend: Setting<string>;
  preset: Setting<Preset>;
  credentials: Setting<CredentialMode>;
  timeoutMs?: Setting<number>;
  agentCommand?: Setting<string>;
  /** A line for the shell, or a program and its arguments. */
  setup?: Setting<string | string[]>;
  /** Relative to the project's top. */
  setupInputs?: Setting<string[]>;
  caches?: Setting<CacheMode>;
  notify: NotifySettings;
  filesystem: { read: Rule[]; write: Rule[]; hide: Rule[]; hideSecrets?: Setting<boolean> };
  /** Without a mode, or without network presets, the preset decides. */
  network: {
    mode?: Setting<NetworkMode>;
    allow: Rule[];
    deny: Rule[];
    presets?: Setting<NetworkPreset[]>;
    hostPorts: Setting<number>[];
    /** As written: `PORT`, `PORT:OUTSIDE` or `auto`. */
    publish: Rule[];
  };
  /** `dotenv` holds the names that the user takes from a project's `.env`; their values are in `set` already. */
  env: { pass: Rule[]; set: Record<string, Setting<string>>; dotenv: Rule[] };
  resources: {
    cpus?: Setting<number>;
    memoryBytes?: Setting<number>;
    pids?: Setting<number>;
    diskBytes?: Setting<number>;
  };
  widen: Partial<Record<Widening, Setting<boolean>>>;
  sshKeys: Rule[];
  agents: Record<string, AgentSettings>;
  services: Record<string, ServiceSettings>;
  /** By their paths inside. */
  secretFiles: Record<string, SecretFileSettings>;
};

/** The keys of a configuration file, checked. Strings such as `4g` or `30m` are as written. */
export type ConfigValues = {
  agent?: string | undefined;
  backend?: string | undefined;
  preset?: Preset | undefined;
  credentials?: CredentialMode | undefined;
  timeout?: string | undefined;
  setup?: string | string[] | undefined;
  "setup-inputs"?: string[] | undefined;
  caches?: CacheMode | undefined;
  filesystem?: (Lists<"read" | "write" | "hide"> & { "hide-secrets"?: boolean | undefined }) | undefined;
  notify?: { by?: NotifyWay[] | undefined; command?: string[] | undefined; after?: string | undefined } | undefined;
  network?:
    | ({
        mode?: NetworkMode | undefined;
        presets?: NetworkPreset[] | undefined;
        "host-ports"?: number[] | undefined;
      } & Lists<"allow" | "deny" | "publish">)
    | undefined;
  env?: ({ set?: Record<string, string> | undefined } & Lists<"pass" | "dotenv">) | undefined;
  resources?:
    | {
        cpus?: number | undefined;
        memory?: string | undefined;
        pids?: number | undefined;
        disk?: string | undefined;
      }
    | undefined;
  widen?: { [name in "userns" | "browser" | "paste-images"]?: boolean | undefined } | undefined;
  "ssh-agent"?: string[] | undefined;
  agents?: Record<string, AgentValues> | undefined;
  services?: Record<string, ServiceValues> | undefined;
  "secret-files"?: Record<string, Pick<ServiceValues, "command" | "variable" | "file">> | undefined;
};

type Lists<Name extends string> = { [name in Name]?: string[] | undefined };
type AgentValues = {
  command?: string | undefined;
  args?: string[] | undefined;
  state?: string[] | undefined;
  env?: Record<string, string> | undefined;
};
type ServiceValues = {
  hosts?: string[] | undefined;
  header?: string | undefined;
  scheme?: ServiceScheme | undefined;
  user?: string | undefined;
  command?: string | string[] | undefined;
  variable?: string | undefined;
  file?: string | undefined;
  ttl?: string | undefined;
  "variable-inside"?: string | undefined;
  enabled?: boolean | undefined;
  write?: boolean | undefined;
};

/** A record without a prototype, so that no name finds something that nobody put there. */
export const bareRecord = <T>(entries: Iterable<readonly [string, T]> = []): Record<string, T> => {
  const record: Record<string, T> = Object.create(null);
  for (const [name, value] of entries) record[name] = value;
  return record;
};
