import fs from "node:fs";
import path from "node:path";
import type { Part } from "./private-mounts.ts";
import { type Repository, readHostRefs } from "./repository.ts";

/** Whether the repository is the one that the private directory was made for; the project may have been cloned anew. */

/** The number of the directory. A new one may get the same. */
export const identityOf = ({ commonDir }: Repository): string => String(fs.statSync(commonDir).ino);

/**
 * True when there is another repository than when this was written down. Where there was a commit there are pins, also
 * in a copy that somebody has brought back; `id` is in their names.
 */
export const isOther = (
  { trees: [tree], isTrusted }: Part,
  known: { identity: string; head: string | undefined },
  id: string,
): boolean => {
  if (!isTrusted || known.head === undefined) return known.identity !== identityOf(tree);
  const prefix = `refs/cordon/${id}/base`;
  if (fs.existsSync(path.join(tree.commonDir, prefix))) return false;
  return ![...readHostRefs(tree.commonDir).keys()].some((name) => name.startsWith(`${prefix}/`));
};

/** Gives way to a new one; says where it is. Of a submodule it lies in what an agent can write, where the host moves nothing. */
export const setAside = ({ root, below, trees: [tree] }: Part): string[] => {
  if (below.length > 0 || !fs.existsSync(root)) return [];
  const place = `${root}-${crypto.randomUUID().slice(0, 8)}`;
  fs.renameSync(root, place);
  return [`${tree.commonDir} is another repository than before; what was inside with that one is kept as ${place}`];
};
