import { findProgram, runCaptured } from "../exec.ts";
import { type Host, inspectPath } from "../host.ts";

/** The only caller of git. Host git never runs hooks, filters or helpers of a project. */

/** Sections of the user's settings that come along. Credentials, signing, URLs and includes stay out. */
const carriedSections = [
  "user.name",
  "user.email",
  "alias.",
  "diff.",
  "merge.",
  "color.",
  "column.",
  "log.",
  "init.defaultbranch",
  "pull.",
  "push.default",
  "push.autosetupremote",
  "rebase.",
  "rerere.",
  "branch.",
  "tag.sort",
  "advice.",
  "core.editor",
  "core.pager",
  "core.autocrlf",
  "core.eol",
  "core.quotepath",
  "safe.directory",
];

/** The user's global git settings as a configuration file, filtered; undefined when there are none. */
export const readUserSettings = (host: Host, workdir: string): Uint8Array | undefined => {
  const files = [`${host.home}/.gitconfig`, `${host.env["XDG_CONFIG_HOME"] ?? `${host.home}/.config`}/git/config`];
  if (files.every((file) => inspectPath(file).kind === "missing")) return undefined;
  const git = findProgram("git", host.env["PATH"], workdir);
  if (!git) return undefined;
  const env = { HOME: host.home, ...(host.env["XDG_CONFIG_HOME"] && { XDG_CONFIG_HOME: host.env["XDG_CONFIG_HOME"] }) };
  const listed = runCaptured(git, ["-C", workdir, "config", "--global", "--includes", "--null", "--list"], {
    env,
    timeoutMs: 5_000,
  });
  return listed.code === 0 ? Buffer.from(formatSettings(parseSettings(listed.stdout))) : undefined;
};

export type GitSetting = { key: string; value: string | undefined };

/** Reads the output of `git config --null --list`: a key, a newline, a value, a NUL; no newline when it has no value. */
export const parseSettings = (text: string): GitSetting[] =>
  text
    .split("\0")
    .filter(Boolean)
    .map((entry) => {
      const at = entry.indexOf("\n");
      return at < 0 ? { key: entry, value: undefined } : { key: entry.slice(0, at), value: entry.slice(at + 1) };
    });

/** Writes the carried settings as a configuration file (git-config(1), syntax). */
export const formatSettings = (settings: GitSetting[]): string =>
  settings
    .filter(({ key }) =>
      carriedSections.some((prefix) => (prefix.endsWith(".") ? key.startsWith(prefix) : key === prefix)),
    )
    .map(
      ({ key, value }) =>
        `${header(key)}\n\t${key.slice(key.lastIndexOf(".") + 1)}${value === undefined ? "" : ` = ${quote(value)}`}\n`,
    )
    .join("");

const header = (key: string): string => {
  const first = key.indexOf(".");
  const last = key.lastIndexOf(".");
  const section = key.slice(0, first);
  return first === last ? `[${section}]` : `[${section} "${key.slice(first + 1, last).replace(/["\\]/g, "\\$&")}"]`;
};

const quote = (value: string): string =>
  `"${value.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n").replaceAll("\t", "\\t")}"`;
