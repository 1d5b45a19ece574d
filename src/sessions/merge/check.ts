import { runGit } from "../../workspace/git.ts";
import { decodeName } from "../../workspace/name-bytes.ts";
import { gitlinkMode, splitBytes, type TreeChange } from "../tree-diff.ts";
import { refuseSize } from "./bases.ts";
import { showPaths } from "./conflict.ts";
import { refuse } from "./refusal.ts";
import type { MergeWork } from "./work.ts";

/** What no merge brings in, whatever the files look like. Throws a refusal. */
export const checkChanges = async (work: MergeWork, changes: TreeChange[], to: string): Promise<void> => {
  refuseGitlinks(work, changes);
  if (work.settings.conversion.some((setting) => /^core\.ignorecase=(true|yes|on|1)$/i.test(setting)))
    await refuseCollisions(work, changes, to);
};

/** A new one would let the host's git run in whatever repository stands there. */
const refuseGitlinks = ({ session }: MergeWork, changes: TreeChange[]): void => {
  const found = changes.filter(({ before, after }) => after?.mode === gitlinkMode && before?.mode !== gitlinkMode);
  const paths = found.map(({ path }) => path);
  if (paths.length > 0)
    refuse(
      "gitlink",
      `a repository inside this one would come in: ${showPaths(paths)}`,
      `look at it first; \`git merge refs/cordon/${session.id}/tip\` takes it, \`cordon merge ${session.name} PATH\` leaves it out`,
      paths,
    );
};

/** Where the file system takes two names for one, the second would be written over, or through, the first. */
const refuseCollisions = async ({ call, session }: MergeWork, changes: TreeChange[], to: string): Promise<void> => {
  const args = ["ls-tree", "-r", "-z", "--name-only", "--full-tree", to];
  const listed = await runGit(args, { ...call, maxBytes: 256 * 1024 * 1024 });
  if (listed.code !== 0) refuseSize(session);
  const paths = splitBytes(listed.stdout).map(decodeName);
  const taken = new Map<string, string>();
  const clashing = new Set<string>();
  for (const path of paths) {
    const other = taken.get(fold(path));
    if (other !== undefined) clashing.add(path).add(other);
    taken.set(fold(path), path);
  }
  for (const path of paths)
    for (const parent of parentsOf(path)) if (taken.has(fold(parent))) clashing.add(path).add(taken.get(fold(parent))!);
  const changed = new Set(changes.map(({ path }) => path));
  const found = [...clashing];
  if (found.some((path) => changed.has(path)))
    refuse(
      "collision",
      `names that are the same on this file system: ${showPaths(found)}`,
      `\`cordon merge ${session.name} PATH\` takes one of them`,
      found,
    );
};

const fold = (path: string): string => path.normalize("NFC").toLowerCase();

const parentsOf = (path: string): string[] => {
  const names = path.split("/");
  return names.slice(1).map((_, depth) => names.slice(0, depth + 1).join("/"));
};
