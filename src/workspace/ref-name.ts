/** Names of refs that somebody hostile has chosen. Everything here is pure. */

const longestBytes = 200;

/** Parts of a name that git refuses (git-check-ref-format(1)), and those that a person could not read or would misread. */
const forbidden = [
  /[\x00-\x20\x7f~^:?*[\\]/, // control characters, space, and what has a meaning in revisions
  /[\u0080-\u00a0\u00ad\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff0-\uffff]/, // C1, invisible, right-to-left, no UTF-8
  /\.\.|@\{|\/\/|^\/|\/$|\.$|^@$/,
  /(^|\/)\.|\.lock(\/|$)/,
];

/** True for a ref name that git takes and that prints as what it is. */
export const isPlainName = (name: string): boolean =>
  name.startsWith("refs/") &&
  Buffer.byteLength(name) <= longestBytes &&
  !forbidden.some((pattern) => pattern.test(name));

/**
 * True for a name that may become a branch or tag of the host: no word of it passes for an option, and it is neither
 * `HEAD` nor what an object's id, also a shortened one, looks like: git would take one for the other.
 */
export const isFreeOfTraps = (name: string): boolean => {
  const short = name.replace(/^refs\/(heads|tags)\//, "");
  return !/(^|\/)-/.test(short) && !/^[0-9a-f]{7,64}$/i.test(short) && !/^[A-Z_]*HEAD$/.test(short);
};

/** First words below `refs/cordon/ID/` that cordon uses itself. */
const ownWords = ["base", "start", "tip", "heads", "tags", "notes", "stash", "worktrees", "unnamed", "HEAD"];

/**
 * Where a ref is kept that does not come to its own place: `refs/cordon/ID/BRANCH`, below `tags` or `notes` for those,
 * and under the id of its object when its name is not fit to be shown.
 */
export const keptName = (id: string, name: string, object: string): string => {
  const root = `refs/cordon/${id}`;
  if (name === "HEAD") return `${root}/HEAD`;
  if (!isPlainName(name)) return `${root}/unnamed/${object}`;
  const [, kind = "", ...rest] = name.split("/");
  if (kind !== "heads") return `${root}/${kind}/${rest.join("/")}`;
  return `${root}/${ownWords.includes(rest[0]!) ? "heads/" : ""}${rest.join("/")}`;
};

/**
 * True when the short name already means something else: whoever types `main` or `origin/main` would get this one instead
 * (gitrevisions(7), the order in which names are looked up).
 */
export const isAmbiguous = (name: string, others: ReadonlySet<string>): boolean => {
  const short = name.replace(/^refs\/(heads|tags)\//, "");
  const meanings = ["", "tags/", "heads/", "remotes/"].map((kind) => `refs/${kind}${short}`);
  return [...meanings, `refs/remotes/${short}/HEAD`].some((meaning) => meaning !== name && others.has(meaning));
};

/** True when a repository cannot hold both: one is, or lies in, the other's directory. */
export const collides = (name: string, other: string): boolean =>
  name === other || name.startsWith(`${other}/`) || other.startsWith(`${name}/`);

/** A word for a POSIX shell, as little quoted as it needs. */
export const quoteWord = (word: string): string =>
  /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
