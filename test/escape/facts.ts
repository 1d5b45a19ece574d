/** What the harness tells the probes. One JSON argument, because a probe inside the sandbox shares nothing else with it. */
export interface Facts {
  /** The secret, in two halves: whole, it would be found in the probe's own command line. */
  canary: [string, string];
  /** Distinguishes this run's files and sockets from those of a run beside it. */
  token: string;
  home: string;
  workspace: string;
  /** Directory with the bun executable and the probes; the sandbox shows it read-only. */
  kit: string;
  /** A file in the workspace that holds the canary and must be readable: it proves that a probe would notice. */
  control: string;
  /** Files that hold the canary and must stay unreadable. */
  secrets: string[];
  /** Files of the workspace that hold the canary and that the policy hides. */
  hidden: string[];
  /** Files outside of the workspace that a hostile agent wants to write; inspected on the host afterwards. */
  outside: string[];
  /** Directories that other programs of the host share, each with a canary file named after the token. */
  shared: string[];
  /** Listening sockets of the host by probe id. */
  sockets: Record<string, string[]>;
  abstractSocket: string;
  /** A host process with the canary in its environment and its arguments. */
  victim: number;
  /** Slave side of a host terminal that the harness listens to. */
  terminal: string;
  sharedMemoryKey: number;
  messageQueue: string;
  keyName: string;
  net: "open" | "none";
  seccomp: boolean;
  limits: boolean;
  /** Where the resource probes stop by themselves; a limit counts only if it bites below these. */
  bounds: { processes: number; megabytes: number; inodes: number };
}

/** `failed`: the probe itself broke, which proves nothing. */
export type Verdict = "held" | "breached" | "skipped" | "failed";

export interface Outcome {
  verdict: Verdict;
  detail: string;
}

/** What the harness can see on the host once the sandbox has ended. */
export interface HostView {
  terminalOutput(): string;
  isVictimAlive(): boolean;
  /** Entries of the home directory, the workspace aside, that were not there before the run. */
  findNewcomers(): string[];
}

export interface Probe {
  id: string;
  attack: string;
  attempt(facts: Facts): Outcome | Promise<Outcome>;
  /** Host side: what the attack left behind, or undefined. Overrules what the probe itself could see. */
  inspect?(facts: Facts, host: HostView): string | undefined;
  /** Wants a terminal as stdin, stdout and stderr. */
  terminal?: true;
  /** Runs in a sandbox of its own, since it changes what later probes would find. */
  alone?: true;
  /** The boundary has also held if it ended the whole sandbox. */
  mayDie?: true;
}

export const held = (detail = ""): Outcome => ({ verdict: "held", detail });
export const breached = (detail: string): Outcome => ({ verdict: "breached", detail });
export const failed = (detail: string): Outcome => ({ verdict: "failed", detail });
export const skipped = (detail: string): Outcome => ({ verdict: "skipped", detail });

/** Breached if any line is left, held otherwise; empty entries are ways that did not work. */
export function judge(ways: (string | false | null | undefined)[]): Outcome {
  const open = ways.filter((way) => typeof way === "string" && way !== "");
  return open.length > 0 ? breached(open.join("; ").slice(0, 600)) : held(`${ways.length} ways tried`);
}

export const readCanary = (facts: Facts): string => facts.canary.join("");
