/** Settings of git as data: pure. */

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
  printSettings(
    settings.filter(({ key }) =>
      carriedSections.some((prefix) => (prefix.endsWith(".") ? key.startsWith(prefix) : key === prefix)),
    ),
  );

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

/** The text of a configuration file with exactly these settings (git-config(1), syntax). */
export const printSettings = (settings: GitSetting[]): string =>
  settings
    .map(({ key, value }) => `${header(key)}\n\t${key.slice(key.lastIndexOf(".") + 1)}${printed(value)}\n`)
    .join("");

const header = (key: string): string => {
  const first = key.indexOf(".");
  const last = key.lastIndexOf(".");
  const section = key.slice(0, first);
  return first === last ? `[${section}]` : `[${section} "${key.slice(first + 1, last).replace(/["\\]/g, "\\$&")}"]`;
};

const printed = (value: string | undefined): string =>
  value === undefined
    ? ""
    : ` = "${value.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n").replaceAll("\t", "\\t").replaceAll("\b", "\\b")}"`;
