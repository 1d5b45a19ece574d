import type { Flag } from "./flags.ts";

/** One word of cordon's own. Like the flags, this table is the only place that knows it. */
export type Command = {
  name: string;
  aliases?: readonly string[];
  /** Its words as the help shows them. */
  usage?: string;
  help: string;
  options?: readonly Flag[];
  /** Least and most words; none when absent. */
  words?: readonly [number, number];
  /** After this many words everything is somebody else's command line and passed on verbatim. */
  verbatimAfter?: number;
  /** Their options too: they belong to an agent. */
  passesOptions?: true;
  unbuilt?: true;
};

const own = (long: string, help: string): Flag => ({ long, kind: "switch", group: "General", help, onceOnly: true });
const valued = (long: string, placeholder: string, help: string): Flag => ({
  ...own(long, help),
  kind: "text",
  placeholder,
});
const ruleOptions: readonly Flag[] = [
  own("running", "for the running sandboxes of this project, until they end (the default)"),
  own("project", "for this project, also from now on"),
  own("always", "for every project, also from now on"),
  own("remove", "take the rule back"),
  valued("run", "ID", "for one running sandbox only"),
];
const mergeOptions: readonly Flag[] = [
  { ...valued("commit", "ID", "only this commit; may be repeated"), repeatable: true },
  own("squash", "everything as one commit"),
  own("sign", "sign the commits, also if git is not set to do so"),
  own("no-sign", "sign nothing, even if git is set to do so"),
  { ...valued("message", "TEXT", "of the commit that the merge makes"), short: "m" },
  valued("tip", "ID", "only if the session still is what this commit of it says"),
  own("yes", "do not ask"),
];
const restoreOptions: readonly Flag[] = [
  own("force", "with `restore`: also over a login that the backup does not know"),
  own("yes", "with `restore`: do not ask"),
];
const unbuilt = (name: string, ...aliases: string[]): Command => ({ name, aliases, help: "", unbuilt: true });
const any = Number.POSITIVE_INFINITY;

export const commands: readonly Command[] = [
  { name: "run", usage: "[--] PROGRAM [ARGS…]", help: "run any program inside", words: [1, any], verbatimAfter: 0 },
  {
    name: "shell",
    usage: "[PROGRAM [ARGS…]]",
    help: "a shell inside, to look around",
    words: [0, any],
    verbatimAfter: 0,
  },
  {
    name: "config",
    usage: "[show|schema|path]",
    help: "every setting and where it comes from",
    words: [0, 1],
  },
  {
    name: "trust",
    help: "look at this project's .cordon.toml and trust exactly these bytes",
    options: [own("yes", "do not ask"), own("revoke", "trust it no longer")],
  },
  {
    name: "policy",
    usage: "explain PATH|HOST|URL|NAME",
    help: "which rule decides, and where it comes from",
    words: [2, 2],
  },
  {
    name: "doctor",
    aliases: ["info"],
    help: "check this machine: what is found, how to fix it",
    options: [own("fix", "apply the fixes that are safe")],
  },
  { name: "ps", help: "running sandboxes" },
  { name: "stop", usage: "ID…", help: "end running sandboxes", words: [0, any], options: [own("all", "every one")] },
  {
    name: "exec",
    usage: "ID [--] PROGRAM [ARGS…]",
    help: "run a program in a running sandbox",
    words: [2, any],
    verbatimAfter: 1,
  },
  {
    name: "allow",
    usage: "PATTERN…",
    help: "let running sandboxes reach a name, or make a request",
    words: [1, any],
    options: ruleOptions,
  },
  {
    name: "deny",
    usage: "PATTERN…",
    help: "keep running sandboxes from a name, or from a request",
    words: [1, any],
    options: ruleOptions,
  },
  {
    name: "log",
    help: "what sandboxes of this project asked of the network",
    options: [
      { ...own("follow", "go on showing what comes"), short: "f" },
      own("denied", "only what was denied"),
      own("all", "of every project"),
      { ...valued("lines", "N", "the latest N entries, or `all` (100 unless said otherwise)"), short: "n" },
    ],
  },
  {
    name: "publish",
    usage: "PORT[:OUTSIDE] [ID]",
    help: "offer a port of a running sandbox on this machine's loopback",
    words: [1, 2],
  },
  {
    name: "login",
    usage: "[AGENT] [-- ARGS…]",
    help: "sign in to an agent's service, inside a sandbox; cordon keeps the login",
    words: [0, any],
    options: [
      own("with-token", "take a token from the input instead"),
      valued("as", "NAME", "the variable that such a token belongs in"),
    ],
  },
  {
    name: "token",
    usage: "[show|export|json] [AGENT]",
    help: "the credentials that a run would use: expiry, plan, where they are from",
    words: [0, 2],
    options: [
      own("secret", "with `json`: the values as well"),
      own("yes", "with `export` or `--secret`: also onto a terminal"),
    ],
  },
  {
    name: "creds",
    usage: "backup|restore [FILE]",
    help: "copy every login of every agent into one private file, and back",
    words: [1, 2],
    options: restoreOptions,
  },
  { name: "backup-creds", usage: "[FILE]", help: "the same as `cordon creds backup`", words: [0, 1] },
  {
    name: "restore-creds",
    usage: "[FILE]",
    help: "the same as `cordon creds restore`",
    words: [0, 1],
    options: restoreOptions,
  },
  {
    name: "sessions",
    usage: "[export NAME [DIRECTORY]]",
    help: "the sessions of this project: age, commits, changed files, disk use, state",
    words: [0, 3],
    options: [own("all", "of every project")],
  },
  {
    name: "diff",
    usage: "[NAME] [PATH…]",
    help: "what a session would bring over, and what of it this machine executes later",
    words: [0, any],
    options: [own("stat", "the files alone, with the number of lines"), own("commits", "the commits alone")],
  },
  {
    name: "merge",
    usage: "[NAME] [PATH…]",
    help: "bring over what a session has done: all, or chosen commits or files",
    words: [0, any],
    options: mergeOptions,
  },
  {
    name: "discard",
    usage: "[NAME…]",
    help: "remove sessions",
    words: [0, any],
    options: [own("force", "also with work that is not merged, without asking")],
  },
  {
    name: "resume",
    usage: "[NAME] [ARGS…]",
    help: "go on in a session, with its agent",
    words: [0, any],
    verbatimAfter: 1,
    passesOptions: true,
  },
  { name: "rename", usage: "NAME NEW", help: "give a session another name", words: [2, 2] },
  {
    name: "sync",
    usage: "[ID]",
    help: "bring over the commits of a sandbox that is still running",
    words: [0, 1],
  },
  {
    name: "cp",
    usage: "SOURCE TARGET",
    help: "copy files out of a running sandbox, or into it: `ID:PATH` names one inside",
    words: [2, 2],
  },
  { name: "clean", aliases: ["cleanup"], help: "say what dead runs left behind, and remove it" },
  { name: "help", usage: "[COMMAND]", help: "show help", words: [0, 1] },
  { name: "completions", usage: "bash|zsh|fish", help: "print shell completions", words: [1, 1] },
  { name: "man", help: "print the manual page" },
  { name: "version", help: "show the version" },
  unbuilt("image"),
  unbuilt("update", "self-update"),
  unbuilt("batch"),
  unbuilt("compare"),
  unbuilt("ui"),
  unbuilt("verify"),
];

export const builtCommands: readonly Command[] = commands.filter((command) => !command.unbuilt);

export const findCommand = (word: string): Command | undefined =>
  commands.find((command) => command.name === word || command.aliases?.includes(word));

/** Words that no agent of the user's own may be called. */
export const reservedNames: readonly string[] = commands.flatMap(({ name, aliases = [] }) => [name, ...aliases]);

/** A command as it is typed. */
export const usageOf = ({ name, usage }: Command): string => `cordon ${name}${usage ? ` ${usage}` : ""}`;
