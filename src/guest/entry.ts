/** What `cordon exec` hands to the process that enters the sandbox. Numbers of descriptors are that process's own. */
export type Entry = {
  /** Program and arguments, as they are called inside. */
  command: string[];
  env: Record<string, string>;
  directory: string;
  /** The seccomp filter of the sandbox, in base64. */
  filter: string;
  /** Descriptors of the namespaces, in the order of joining. */
  namespaces: number[];
  /** Descriptors of the `cgroup.procs` files of the sandbox's limits. */
  limits: number[];
  /** The sandbox's own groups, where they can be set; absent when they are this process's already. */
  groups?: { main: number; others: number[] };
  /** Descriptors from here upwards are closed. */
  firstClosed: number;
  newSession: boolean;
};

/** First word of a command line that only cordon itself gives itself. */
export const hiddenVerb = "__enter";
