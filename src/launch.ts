import type { ClipboardService } from "./clipboard/serve.ts";
import type { Egress } from "./egress/egress.ts";
import type { SshAgentService } from "./ssh-agent/serve.ts";

/** How a plan is carried out: pure data, printed by `--dry-run`, interpreted by `run/interpreter.ts` for every backend. */

/** What a child finds behind one of its descriptors. */
export type FdSource =
  | { kind: "bytes"; bytes: Uint8Array; name: string }
  /** A file of the run's own directory that the child writes and cordon reads later. */
  | { kind: "run-file"; name: string }
  /** The pipe on which the sandbox waits before its first command starts. */
  | { kind: "release"; name: string };

export type Command = {
  file: string;
  args: string[];
  /** The whole environment of the child; nothing is inherited. */
  env: Record<string, string>;
  cwd: string;
  /** Descriptors, in order, from 3 upwards or behind those that the private terminal takes for itself. */
  fds: FdSource[];
  /** How many processes stand between the first one inside and the command that signals are for. */
  depth: number;
  /** Which word (0 is `file`) names a program that must be started from a copy nobody can write. */
  sealed?: number;
};

export type Step =
  | { kind: "write"; path: string; text: string }
  | { kind: "make-directory"; path: string }
  | { kind: "remove-directory"; path: string };

export type Launch = {
  backend: string;
  setup: Step[];
  main: Command;
  /** Which of stdin, stdout and stderr are terminals and get the private pty; none means plain pipes. */
  tty: Streams;
  /** File with an `oom_kill N` line (cgroup v1 `memory.oom_control`, v2 `memory.events`), when memory is limited. */
  oomEvents?: string;
  teardown: Step[];
  join: Join;
  /** The sandbox is made, and waits for its release before its first command. */
  waits: boolean;
  /** What stands behind the sandbox's network, when it is filtered: it waits for that as well. */
  egress?: Egress;
  /** What cordon serves while the run lasts; a mount shows each one inside. */
  sockets?: ServedSocket[];
};

export type ServedSocket = {
  /** Its file in the run's own directory; at most 12 letters, for the sake of `sun_path`. */
  name: string;
  service: SshAgentService | ClipboardService;
};

/** What another process needs, besides the namespaces, to join the running sandbox. */
export type Join = {
  env: Record<string, string>;
  /** Directories of the control groups of its limits. */
  groups: string[];
  /** The system call filter, in base64. */
  filter: string;
};

/** True for each standard stream that is a terminal. */
export type Streams = { stdin: boolean; stdout: boolean; stderr: boolean };
