import { isHeap } from "./later-rule.ts";
import { isForeign } from "./name-bytes.ts";
import { isSecretName } from "./secret-name.ts";
import { showPath } from "./shown-path.ts";
import { type Unseen, walkTree } from "./walk.ts";

/** Secrets in a project, for `filesystem.hide-secrets`. */
export type Secrets = {
  /** Relative to the project's top, sorted. Files, and links by the name of a secret. */
  paths: string[];
  /** Found as well, but no mount can name them: their paths are no UTF-8. */
  unmaskable: string[];
  unseen: Unseen;
};

/** Enough for any real project: 100,000 files take about 0.2 s, and whoever hides must know all of them. */
const looksForSecrets = 1_000_000;

/**
 * Finds the files that hold secrets by their names. Directories of installed or built code, and `.git`, are left out:
 * what is in them came from elsewhere. Whoever hides must refuse when `describeGap` says something. Never throws.
 */
export const findSecrets = (root: string, { mostLooks = looksForSecrets }: { mostLooks?: number } = {}): Secrets => {
  const found: string[] = [];
  const unseen = walkTree(root, mostLooks, {
    entry: ({ path, name, kind }) => {
      if (kind === "directory") return name === ".git" || isHeap(name) ? "never" : "later";
      if (kind !== "other" && isSecretName(name)) found.push(path);
      return "never";
    },
  });
  const paths = found.sort();
  return { paths: paths.filter((path) => !isForeign(path)), unmaskable: paths.filter(isForeign), unseen };
};

const mostShown = 5;

/** The note at the start: what the agent does not see. Undefined when nothing is hidden. */
export const describeSecrets = ({ paths }: Pick<Secrets, "paths">): string | undefined => {
  if (paths.length === 0) return undefined;
  const rest = paths.length - mostShown;
  const shown = paths.slice(0, mostShown).map(showPath).join(", ");
  return `hidden from the agent: ${shown}${rest > 0 ? ` and ${rest} more` : ""}`;
};

/** Why hiding cannot be promised, and undefined when it can: for a refusal, as a mask that misses one is none. */
export const describeGap = ({ unmaskable, unseen }: Secrets): string | undefined => {
  if (unmaskable.length > 0) return `${showPath(unmaskable[0]!)} cannot be hidden: its path is not UTF-8`;
  if (unseen.unreadable.length > 0) return `${showPath(unseen.unreadable[0]!)} cannot be looked into`;
  return unseen.beyond > 0 ? `the project is too large: ${unseen.beyond} directories were not looked into` : undefined;
};
