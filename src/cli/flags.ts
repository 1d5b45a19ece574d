import { backends, credentialModes, presets } from "../config/values.ts";
import { networkFlags } from "./network-flags.ts";
import { projectFlags } from "./project-flags.ts";

/**
 * One option of cordon. This table is the only place that knows it: the parser, `--help`, the man page, the shell
 * completions, the `CORDON_` variables and the reference page all come from here.
 */
export type Flag = {
  /** Without the dashes. */
  long: string;
  short?: string;
  /** Other spellings, also without the dashes. */
  aliases?: readonly string[];
  kind: ValueKind;
  /** What stands for the value in the help; absent for a switch. */
  placeholder?: string;
  choices?: readonly string[];
  repeatable?: true;
  /** Key of the configuration that it sets. */
  key?: string;
  group: Group;
  help: string;
  /** Has no `CORDON_` variable: it asks for something once and is no setting. */
  onceOnly?: true;
  /** The command that this spelling stands for. */
  runs?: string;
  /** Known, and refused by name, because the feature does not exist yet. */
  unbuilt?: true;
};

export type ValueKind =
  | "switch"
  | "choice"
  | "text"
  | "path"
  | "assignment"
  | "duration"
  | "size"
  | "cpus"
  | "pids"
  | "program"
  | "host"
  | "port"
  | "publish";
export type Group = "Boundary" | "Files" | "Network" | "Environment" | "Limits" | "Agent" | "General";

const unbuilt = (long: string, placeholder?: string, extra: Partial<Flag> = {}): Flag => ({
  long,
  kind: placeholder === undefined ? "switch" : "text",
  ...(placeholder !== undefined && { placeholder }),
  group: "General",
  help: "",
  unbuilt: true,
  ...extra,
});

export const flags: readonly Flag[] = [
  {
    long: "preset",
    kind: "choice",
    placeholder: "NAME",
    choices: presets,
    key: "preset",
    group: "Boundary",
    help: "how much is allowed: open, standard (default) or strict",
  },
  { long: "safe", kind: "switch", group: "Boundary", help: "at least `standard`, whatever the configuration says" },
  {
    long: "backend",
    kind: "choice",
    placeholder: "NAME",
    choices: backends,
    key: "backend",
    group: "Boundary",
    help: "what the boundary is made of; auto picks",
  },
  {
    long: "credentials",
    kind: "choice",
    placeholder: "MODE",
    choices: credentialModes,
    key: "credentials",
    group: "Boundary",
    help: "how the agent signs in: broker (by placeholders), share (by the real ones) or none",
  },
  {
    long: "allow-userns",
    kind: "switch",
    key: "widen.userns",
    group: "Boundary",
    help: "let programs inside make sandboxes of their own; more of the kernel is in reach",
  },
  {
    long: "browser",
    kind: "switch",
    key: "widen.browser",
    group: "Boundary",
    help: "let Chromium and Playwright work inside; more of the kernel is in reach",
  },
  {
    long: "ssh-agent",
    kind: "text",
    placeholder: "KEY",
    repeatable: true,
    key: "ssh-agent",
    group: "Boundary",
    help: "a key of your ssh-agent for ssh inside: comment, fingerprint or file",
  },
  {
    long: "paste-images",
    kind: "switch",
    key: "widen.paste-images",
    group: "Boundary",
    help: "let the agent take images, and nothing else, from the clipboard",
  },
  ...projectFlags,
  ...networkFlags,
  {
    long: "env",
    kind: "assignment",
    placeholder: "NAME=VALUE",
    repeatable: true,
    key: "env.set",
    group: "Environment",
    help: "set a variable inside; NAME alone takes the value it has here",
  },
  {
    long: "env-file",
    kind: "path",
    placeholder: "FILE",
    repeatable: true,
    key: "env.set",
    group: "Environment",
    help: "set every variable of a file with NAME=VALUE lines",
  },
  {
    long: "cpus",
    kind: "cpus",
    placeholder: "NUMBER",
    key: "resources.cpus",
    group: "Limits",
    help: "processors, fractions allowed",
  },
  { long: "memory", kind: "size", placeholder: "SIZE", key: "resources.memory", group: "Limits", help: "such as 4g" },
  {
    long: "pids",
    kind: "pids",
    placeholder: "NUMBER",
    key: "resources.pids",
    group: "Limits",
    help: "processes and threads",
  },
  {
    long: "disk",
    kind: "size",
    placeholder: "SIZE",
    key: "resources.disk",
    group: "Limits",
    help: "size of each private directory (home, /tmp, …)",
  },
  {
    long: "timeout",
    kind: "duration",
    placeholder: "DURATION",
    key: "timeout",
    group: "Limits",
    help: "end the run after this time, such as 90s, 30m or 2h",
  },
  {
    long: "agent-command",
    aliases: ["command"],
    kind: "program",
    placeholder: "PROGRAM",
    group: "Agent",
    help: "the program to start instead of the agent's usual one",
  },
  {
    long: "disable-background-tasks",
    kind: "switch",
    group: "Agent",
    help: "Claude Code starts no background tasks",
  },
  {
    long: "allow-oauth-refresh",
    kind: "switch",
    group: "Agent",
    help: "accepted and without effect: refreshing always works",
  },
  {
    long: "session",
    aliases: ["git-session"],
    kind: "text",
    placeholder: "NAME",
    group: "Files",
    help: "work in a private copy of the project, which `cordon merge NAME` brings over",
  },
  { long: "dry-run", kind: "switch", group: "General", help: "print exactly what would run, and run nothing" },
  { long: "json", kind: "switch", group: "General", help: "machine-readable output" },
  { long: "help", short: "h", kind: "switch", group: "General", help: "show help", onceOnly: true },
  { long: "version", short: "V", kind: "switch", group: "General", help: "show the version", onceOnly: true },
  {
    long: "info",
    kind: "switch",
    group: "General",
    help: "the same as `cordon doctor`",
    onceOnly: true,
    runs: "doctor",
  },
  {
    long: "list-sessions",
    kind: "switch",
    group: "General",
    help: "the same as `cordon sessions`",
    onceOnly: true,
    runs: "sessions",
  },
  ...(["diff", "merge", "delete"] as const).map((word): Flag => {
    const runs = word === "delete" ? "discard" : word;
    const help = `the same as \`cordon ${runs} NAME\``;
    return { long: `${word}-session`, kind: "text", placeholder: "NAME", group: "General", help, onceOnly: true, runs };
  }),
  unbuilt("image", "IMAGE"),
  unbuilt("packages", "NAMES"),
  ...["persist", "docker", "ide", "rebuild"].map((long) => unbuilt(long)),
];

export const builtFlags: readonly Flag[] = flags.filter((flag) => !flag.unbuilt);

/** Every spelling with its dashes, the long name first. */
export const spellingsOf = (flag: Flag): string[] => [
  `--${flag.long}`,
  ...(flag.aliases ?? []).map((alias) => `--${alias}`),
  ...(flag.short === undefined ? [] : [`-${flag.short}`]),
];

/** The variable that sets the same thing from the environment, `--add-dir` by `CORDON_ADD_DIR`. */
export const variableOf = (flag: Flag): string | undefined =>
  flag.onceOnly ? undefined : `CORDON_${flag.long.toUpperCase().replaceAll("-", "_")}`;
