import { encodeName } from "../workspace/name-bytes.ts";
import { gitlinkMode, isSameEntry, type TreeChange, type TreeEntry } from "./tree-diff.ts";

/**
 * What of a session's files is the session's own work. Four trees are compared: the base (the host's files at the start),
 * the files as they are inside now, and the commits at both ends. All of it is pure.
 */
export type Comparison = {
  /** From the base to the files. */
  changed: TreeChange[];
  /** From the host's commit at the start to the session's. */
  committed: TreeChange[];
  /** From the files to the session's commit: what has not been committed. */
  open: TreeChange[];
};

export type Work = {
  /** Where the commit's entry counts, and not the file's. */
  kept: TreeChange[];
  /** How many files are the session's work. */
  taken: number;
  /** Repositories that were made inside. */
  nested: string[];
};

type Rows = Map<string, TreeChange>;

const rowsOf = (changes: TreeChange[]): Rows => new Map(changes.map((change) => [change.path, change]));

/** Files that only differ from the base, and so may be the host's change as well as the session's. */
export const findDoubtful = ({ changed, committed, open }: Comparison): TreeChange[] => {
  const [own, left] = [rowsOf(committed), rowsOf(open)];
  return changed.filter((change) => left.has(change.path) && !own.has(change.path) && !isLink(change));
};

/**
 * Decides for each file that is not as in the session's commit. A file that the user had changed before the start, and
 * that the session has not touched, is not its work; neither is one that is just like that on the host (`untouched`).
 */
export const decideWork = (comparison: Comparison, untouched: ReadonlySet<string>): Work => {
  const { changed, committed, open } = comparison;
  const [different, own] = [rowsOf(changed), rowsOf(committed)];
  const isBeyond = linkFinder([...changed, ...committed, ...open]);
  const kept = open.filter((change) => {
    if (isBeyond(change.path)) return true;
    const commit = own.get(change.path);
    if (!commit) return !different.has(change.path) || untouched.has(change.path);
    // `git rm --cached`: the file is as it always was, and just not to be kept in the repository.
    return change.after === undefined && !different.has(change.path) && isSameEntry(change.before, commit.before);
  });
  const nested = changed.filter(({ before, after }) => after?.mode === gitlinkMode && before?.mode !== gitlinkMode);
  return { kept, taken: open.length - kept.length, nested: nested.map(({ path }) => path) };
};

const isLink = ({ before, after }: TreeChange): boolean => before?.mode === gitlinkMode || after?.mode === gitlinkMode;

/** What a submodule or another repository is, or was, nobody looks into: there the session's commit is right. */
const linkFinder = (changes: TreeChange[]): ((path: string) => boolean) => {
  const links = new Set(changes.filter(isLink).map(({ path }) => path));
  if (links.size === 0) return () => false;
  return (path) => {
    for (let at = path.length; at > 0; at = path.lastIndexOf("/", at - 1))
      if (links.has(path.slice(0, at))) return true;
    return false;
  };
};

/** Reads as `git update-index --index-info` wants it, removals first: a file may make room for a directory. */
export const formatIndex = (entries: [path: string, entry: TreeEntry | undefined][], idLength: number): Uint8Array => {
  const none = "0".repeat(idLength);
  const inOrder = [...entries].sort(([, a], [, b]) => Number(a !== undefined) - Number(b !== undefined));
  return Buffer.concat(
    inOrder.flatMap(([path, entry]) => [
      Buffer.from(entry ? `${entry.mode.toString(8)} ${entry.id}\t` : `0 ${none}\t`),
      Buffer.from(encodeName(path) as string),
      Buffer.of(0),
    ]),
  );
};
