import { gitlinkMode, isSameEntry, type TreeChange, type TreeEntry } from "../tree-diff.ts";
import { showPaths } from "./conflict.ts";
import {
  type Entries,
  type IndexEntry,
  listDirty,
  nameIndex,
  readEntries,
  refreshIndex,
  setEntries,
  withIndex,
} from "./git-index.ts";
import { listBelow, lookAt } from "./look.ts";
import { refuse } from "./refusal.ts";
import { findBuiltUpon } from "./start.ts";
import type { MergeWork } from "./work.ts";

/**
 * Looks whether the files that a merge changes may be changed: each must be as the branch has it, as the result has it,
 * or as it lay there when the session began and built upon it. Everything else is the user's, and stops the merge.
 */

type Spot = { path: string; before?: TreeEntry; after?: TreeEntry; entry?: IndexEntry };

/**
 * What the working tree holds at paths where that is not what the branch has, and may go all the same. `index` is a
 * refreshed copy of the user's. Throws a refusal that names the paths.
 */
export const judgeFiles = async (work: MergeWork, changes: TreeChange[], index: string): Promise<Entries> => {
  const { call, repository } = work;
  const own = withIndex(call, index);
  const affected = new Map(changes.map((change) => [change.path, change]));
  const { entries, isUnmerged } = await readEntries(affected, own);
  if (isUnmerged) refuse("busy", "a merge of yours has conflicts that are not resolved", "`git status` lists them");
  const spots = changes.map((change): Spot => {
    const entry = entries.get(change.path);
    return { ...change, ...(entry && { entry }) };
  });
  refuseStaged(work, spots);
  refuseObstacles(work, affected);
  const dirty = await listDirty(own);
  const { held, others } = await weigh(
    work,
    spots.filter((spot) => !isClean(spot, dirty, repository.top)),
  );
  if (others.length > 0) refuseLocal(work, others);
  for (const { path, entry, before } of spots)
    if (entry && !held.has(path) && !isSameEntry(entry, before)) held.set(path, { mode: entry.mode, id: entry.id });
  return held;
};

/** What is staged at a path may be the result already; anything else is work of the user's that only the index holds. */
const refuseStaged = ({ session }: MergeWork, spots: Spot[]): void => {
  const staged = spots.filter(({ entry, before, after }) => !isSameEntry(entry, before) && !isSameEntry(entry, after));
  const paths = staged.map(({ path }) => path);
  if (session.hasGit && paths.length > 0)
    refuse(
      "staged",
      `you have staged changes in ${showPaths(paths)}`,
      "`git commit` them, or unstage them: `git restore --staged -- PATH`",
      paths,
    );
};

/** A repository inside is none of a merge's business: git itself leaves it alone. */
const isClean = ({ path, before, after, entry }: Spot, dirty: Set<string>, top: string): boolean => {
  if (before?.mode === gitlinkMode && (after?.mode === gitlinkMode || after === undefined)) return true;
  if (!entry) return !before && lookAt(top, path).kind === "missing";
  if (entry.isSparse) return lookAt(top, path).kind === "missing";
  return !dirty.has(path);
};

/** Where a directory is to be, or a file in the place of a directory, nothing may stand that the merge does not know. */
const refuseObstacles = ({ repository: { top } }: MergeWork, affected: Map<string, TreeChange>): void => {
  const found = new Set<string>();
  const paths = [...affected.values()].flatMap(({ path, after }) => (after ? [path] : []));
  for (const { path, before, after } of affected.values()) {
    const look = lookAt(top, path);
    if (after && look.kind === "blocked" && !leaves(affected.get(look.by))) found.add(look.by);
    if (look.kind !== "directory" || after?.mode === gitlinkMode) continue;
    // git leaves a repository where it is when only its entry goes.
    const isLeft = before?.mode === gitlinkMode && !after && !paths.some((other) => other.startsWith(`${path}/`));
    if (isLeft) continue;
    for (const below of listBelow(top, path) ?? [path]) if (!affected.has(below)) found.add(below);
  }
  const named = [...found];
  if (named.length > 0)
    refuse("untracked", `${showPaths(named)} would be in the way`, "move or remove what is not in git there", named);
};

const leaves = (change: TreeChange | undefined): boolean => change?.before !== undefined && change.after === undefined;

/** git compares: it knows about line ends and permissions. */
const weigh = async (work: MergeWork, doubtful: Spot[]): Promise<{ held: Entries; others: Spot[] }> => {
  const held: Entries = new Map();
  if (doubtful.length === 0) return { held, others: [] };
  const candidates = [
    new Map(doubtful.map(({ path, after }) => [path, after])),
    new Map(doubtful.map(({ path, before }) => [path, before])),
    await findBuiltUpon(work, doubtful),
  ];
  for (const wanted of candidates) {
    const open = new Map([...wanted].filter(([path]) => !held.has(path)));
    for (const path of await matchFiles(work, open)) held.set(path, open.get(path));
  }
  return { held, others: doubtful.filter(({ path }) => !held.has(path)) };
};

/** The paths at which the working tree holds what is wanted. */
const matchFiles = async ({ call, repository, room }: MergeWork, wanted: Entries): Promise<string[]> => {
  const present = new Map([...wanted].filter(([, entry]) => entry !== undefined));
  const isGone = (path: string) => {
    const { kind } = lookAt(repository.top, path);
    // What lies in such a directory has been looked at.
    return kind === "missing" || kind === "blocked" || kind === "directory";
  };
  const gone = [...wanted].flatMap(([path, entry]) => (entry === undefined && isGone(path) ? [path] : []));
  if (present.size === 0) return gone;
  const own = withIndex(call, nameIndex(room));
  const set = await setEntries(present, own);
  if (set.code !== 0) return gone;
  await refreshIndex(own);
  const dirty = await listDirty(own);
  return [...gone, ...[...present.keys()].filter((path) => !dirty.has(path))];
};

const refuseLocal = ({ session, repository }: MergeWork, others: Spot[]): never => {
  const untracked = others.filter(({ before, path }) => !before && lookAt(repository.top, path).kind !== "missing");
  const spots = untracked.length === others.length ? untracked : others;
  const paths = spots.map(({ path }) => path);
  if (!session.hasGit)
    return refuse("moved", `${showPaths(paths)} changed while it was looked at`, "merge again", paths);
  if (spots === untracked)
    return refuse(
      "untracked",
      `files that are not in git would be overwritten: ${showPaths(paths)}`,
      "move or remove them, or `git stash push --include-untracked -- PATH`",
      paths,
    );
  return refuse(
    "local-changes",
    `you have local changes in ${showPaths(paths)}`,
    "`git commit` them or `git stash` them, then merge again",
    paths,
  );
};
