import { runGit } from "./git.ts";
import { type GitSetting, parseSettings } from "./git-settings.ts";

/**
 * The settings of a repository that come along into its private git directory: data only. Credentials, signing,
 * includes, the host's helpers and programs stay out; filters and drivers stay as text, because they run inside.
 */

const core = [
  ...["abbrev", "autocrlf", "bare", "bigfilethreshold", "checkstat", "commentchar", "compression", "eol", "filemode"],
  ...["ignorecase", "ignorestat", "logallrefupdates", "notesref", "precomposeunicode", "preloadindex", "protecthfs"],
  ...["protectntfs", "quotepath", "repositoryformatversion", "safecrlf", "sparsecheckout", "sparsecheckoutcone"],
  ...["splitindex", "symlinks", "trustctime", "untrackedcache", "whitespace", "checkroundtripencoding", "worktree"],
];

/** Whole sections that only say how git shows, compares, merges and stores. */
const plainSections = [
  ...["advice", "author", "blame", "branch", "color", "column", "committer", "diff", "extensions", "feature", "filter"],
  ...["fetch", "index", "log", "merge", "pull", "rebase", "rerere", "sparse", "stash", "status", "versionsort"],
];

const plainKeys = [
  ...["user.name", "user.email", "user.useconfigonly", "commit.cleanup", "commit.verbose", "push.default"],
  ...["push.autosetupremote", "push.followtags", "tag.sort", "init.defaultbranch", "lfs.repositoryformatversion"],
  ...["submodule.active", "submodule.recurse", "checkout.defaultremote", "gc.auto"],
];

const remoteKeys = ["url", "fetch", "push", "tagopt", "prune", "prunetags", "promisor", "partialclonefilter"];
const submoduleKeys = ["url", "active", "branch", "ignore", "path", "fetchrecursesubmodules", "update"];

/** What every private git directory is told: whoever signs on the host does so when the work is merged. */
const forced: GitSetting[] = [
  { key: "commit.gpgsign", value: "false" },
  { key: "tag.gpgsign", value: "false" },
];

/** Reads the text of a configuration file, which git gets as its input; undefined when git refuses it. */
export const readSettings = async (git: string, text: string): Promise<GitSetting[] | undefined> => {
  const listed = await runGit(["config", "--no-includes", "--null", "--list", "--file", "-"], { git, input: text });
  return listed.code === 0 ? parseSettings(listed.text) : undefined;
};

/** What of a repository's settings comes along. `keepsHooksPath` decides about the place of hooks. */
export const carriedSettings = (settings: GitSetting[], keepsHooksPath: (value: string) => boolean): GitSetting[] => [
  ...settings.flatMap(({ key, value }) => {
    const first = key.indexOf(".");
    const last = key.lastIndexOf(".");
    const parts = { section: key.slice(0, first), name: key.slice(last + 1), hasSubsection: first !== last };
    return isCarried(parts, key, value, keepsHooksPath) ? [{ key, value: value && withoutPassword(value) }] : [];
  }),
  ...forced,
];

type Parts = { section: string; name: string; hasSubsection: boolean };

const isCarried = (
  { section, name, hasSubsection }: Parts,
  key: string,
  value: string | undefined,
  keepsHooksPath: (value: string) => boolean,
): boolean => {
  if (section === "core" && name === "hookspath") return value !== undefined && keepsHooksPath(value);
  if (section === "core") return core.includes(name);
  if (section === "remote") return hasSubsection ? remoteKeys.includes(name) : name === "pushdefault";
  if (section === "submodule" && hasSubsection) return submoduleKeys.includes(name) && !value?.startsWith("!");
  if (section === "alias") return !value?.startsWith("!");
  // The private directory keeps its references in files, whatever the host's does.
  if (section === "extensions") return name !== "refstorage" && name !== "compatobjectformat";
  return plainSections.includes(section) || plainKeys.includes(key);
};

/**
 * An address without what would log somebody in. Over http the user's name is often a token; over ssh it is needed, and
 * only a password goes.
 */
export const withoutPassword = (value: string): string =>
  value
    .replace(/\b(https?|ftps?):\/\/[^/@\s]*@/gi, "$1://")
    .replace(/\b([a-z][a-z0-9+.-]*:\/\/[^/@:\s]*):[^/@\s]*@/gi, "$1@");

/** What was set inside stays over what the host has changed: three sides, key by key. */
export const mergeSettings = (base: GitSetting[], host: GitSetting[], own: GitSetting[]): GitSetting[] => {
  const [before, mine] = [byKey(base), byKey(own)];
  const isOwn = (key: string) => JSON.stringify(mine.get(key)) !== JSON.stringify(before.get(key));
  return [...host.filter(({ key }) => !isOwn(key)), ...own.filter(({ key }) => isOwn(key))];
};

const byKey = (settings: GitSetting[]): Map<string, (string | undefined)[]> => {
  const keys = new Map<string, (string | undefined)[]>();
  for (const { key, value } of settings) keys.set(key, [...(keys.get(key) ?? []), value]);
  return keys;
};
