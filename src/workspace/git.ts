import { findProgram, type Program, runCaptured, runPipeline } from "../exec.ts";
import { type Host, inspectPath } from "../host.ts";
import { type GitSetting, parseSettings } from "./git-settings.ts";

/** The only caller of git. Host git never runs hooks, filters or helpers of a project. */

/** The user's global git settings; undefined when there are none. */
export const readUserSettings = (host: Host): GitSetting[] | undefined => {
  const files = [`${host.home}/.gitconfig`, `${host.env["XDG_CONFIG_HOME"] ?? `${host.home}/.config`}/git/config`];
  if (files.every((file) => inspectPath(file).kind === "missing")) return undefined;
  const git = findProgram("git", host.env["PATH"], host.project);
  if (!git) return undefined;
  const env = { HOME: host.home, ...(host.env["XDG_CONFIG_HOME"] && { XDG_CONFIG_HOME: host.env["XDG_CONFIG_HOME"] }) };
  const listed = runCaptured(git, ["-C", host.cwd, "config", "--global", "--includes", "--null", "--list"], {
    env,
    timeoutMs: 5_000,
  });
  return listed.code === 0 ? parseSettings(listed.stdout) : undefined;
};

/**
 * Every setting that the user's own git obeys in this repository, in the order in which a later one wins. Nothing is
 * run by it. Undefined when they cannot be read.
 */
export const listUserSettings = async (
  host: Host,
  { git, repository }: Pick<GitCall, "git" | "repository">,
): Promise<GitSetting[] | undefined> => {
  const own = Object.entries(host.env).filter(([name]) => /^(XDG_CONFIG_HOME|GIT_CONFIG.*)$/.test(name));
  const env = { HOME: host.home, ...Object.fromEntries(own), GIT_DIR: repository?.gitDir ?? "/nonexistent" };
  const program = { file: git, args: ["config", "--includes", "--null", "--list"], env };
  const done = await runPipeline([program], { timeoutMs: 10_000, maxBytes: 4 * 1024 * 1024 });
  return done.codes[0] === 0 ? parseSettings(Buffer.from(done.stdout).toString()) : undefined;
};

/** The repository that a call is about, and what the call may cost. */
export type GitCall = {
  /** Path of the program. */
  git: string;
  /** Without one the call is about none: it must not look for a repository. */
  repository?: { gitDir: string; top?: string };
  /** Settings for this call, each `name=value`. */
  config?: string[];
  /** Variables of git for this call. */
  env?: Record<string, string>;
  input?: string | Uint8Array;
  timeoutMs?: number;
  maxBytes?: number;
  /** A lock that it keeps as long as it runs, whatever becomes of cordon. */
  lock?: number;
  /** What it may take of memory for itself. */
  memoryBytes?: number;
};

export type GitAnswer = {
  /** -1 when it was killed or could not be started. */
  code: number;
  stdout: Uint8Array;
  /** The same as UTF-8. */
  text: string;
  stderr: string;
  isTimedOut: boolean;
  isTooLong: boolean;
};

/**
 * Settings that win over those of a repository: nothing that it names is run, and no protocol is spoken
 * (git-config(1)). The variables do the same where a setting could be overruled (git(1), environment variables).
 */
export const plainSettings = [
  "core.fsmonitor=false",
  "core.hooksPath=/dev/null",
  "core.attributesFile=/dev/null",
  "core.alternateRefsCommand=",
  "core.pager=cat",
  "safe.bareRepository=explicit",
  "protocol.allow=never",
  "submodule.recurse=false",
  "gc.auto=0",
  "maintenance.auto=false",
];

/** The whole environment of a git that serves cordon; the user's settings are none of its business. */
export const plainVariables = {
  HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_ATTR_NOSYSTEM: "1",
  GIT_TERMINAL_PROMPT: "0",
  GIT_NO_REPLACE_OBJECTS: "1",
  GIT_NO_LAZY_FETCH: "1",
  GIT_ALLOW_PROTOCOL: "none",
  GIT_COMMITTER_NAME: "cordon",
  GIT_COMMITTER_EMAIL: "cordon@localhost",
};

const limitScript = 'ulimit -d "$1" && shift && exec "$@"';

/** Words before a command that bound the memory it may take for itself (setrlimit(2), RLIMIT_DATA); mapped files do not count. */
export const bounded = (memoryBytes: number): string[] => [
  ...["/bin/sh", "-c", limitScript, "sh"],
  String(Math.ceil(memoryBytes / 1024)),
];

/** What starts git for a call, for those who put it into a pipeline. */
export const gitProgram = (args: string[], call: GitCall): Program => {
  const { git, repository, config = [], env = {}, lock, memoryBytes } = call;
  const settings = [...plainSettings, ...config].flatMap((setting) => ["-c", setting]);
  const words = [...(memoryBytes === undefined ? [] : bounded(memoryBytes)), git, ...settings, ...args];
  const fds = lock === undefined ? [] : [lock];
  return { file: words[0]!, args: words.slice(1), env: environmentOf(repository, env), fds };
};

const environmentOf = (repository: GitCall["repository"], env: Record<string, string>): Record<string, string> => ({
  ...plainVariables,
  GIT_DIR: repository?.gitDir ?? "/nonexistent",
  ...(repository?.top !== undefined && { GIT_WORK_TREE: repository.top }),
  ...env,
});

/** The one way in which cordon calls git on a repository of the host. Never throws. */
export const runGit = async (args: string[], call: GitCall): Promise<GitAnswer> => {
  const { input = "", timeoutMs = 30_000, maxBytes = 16 * 1024 * 1024 } = call;
  const bytes = typeof input === "string" ? Buffer.from(input) : input;
  const done = await runPipeline([gitProgram(args, call)], { input: bytes, timeoutMs, maxBytes });
  const { stdout, isTimedOut, isTooLong, codes, errors } = done;
  const text = Buffer.from(stdout).toString();
  return { code: codes[0] ?? -1, stdout, text, stderr: errors[0] ?? "", isTimedOut, isTooLong };
};
