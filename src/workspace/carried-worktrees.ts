import path from "node:path";
import {
  type Held,
  inside,
  listEntries,
  makeDirectory,
  readText,
  removeName,
  signatureOf,
  writeBytes,
} from "./held-directory.ts";
import type { Repository } from "./repository.ts";

/**
 * The other working trees of a repository: inside they are known and locked, so that git neither prunes them nor checks
 * their branches out a second time, and they cannot be entered. Those that the sandbox sees have their own whole state.
 */

const maxWorktrees = 1000;
const lockedName = "locked";

/** Returns signatures of the host's HEADs, by the name of the working tree; the main one's is empty. */
export const bringWorktrees = (
  source: Held,
  held: Held,
  trees: Repository[],
  before: Record<string, string>,
): Record<string, string> => {
  const seen = trees.map(({ commonDir, gitDir }) => path.relative(commonDir, gitDir));
  const after: Record<string, string> = {};
  const listed = (listEntries(source, "worktrees") ?? []).filter(({ kind }) => kind === "directory");
  for (const place of ["", ...listed.slice(0, maxWorktrees).map(({ name }) => `worktrees/${name}`)]) {
    const isSeen = seen.includes(place);
    const signature = isSeen ? "seen" : signatureOf(source, place === "" ? "HEAD" : `${place}/HEAD`);
    if (signature === undefined) continue;
    after[place] = signature;
    if (before[place] === signature) continue;
    if (isSeen) bringLinks(source, held, place);
    else bringOther(source, held, place);
  }
  for (const place of Object.keys(before))
    if (place !== "" && !(place in after)) for (const name of otherFiles) removeName(held, `${place}/${name}`);
  return after;
};

const otherFiles = ["HEAD", "commondir", "gitdir", lockedName];

/** The files that tie a working tree to its repository. */
const bringLinks = (source: Held, held: Held, place: string): void => {
  if (place === "") return;
  for (const name of ["commondir", "gitdir"]) copyText(source, held, `${place}/${name}`);
  removeName(held, `${place}/${lockedName}`);
};

const bringOther = (source: Held, held: Held, place: string): void => {
  copyText(source, held, place === "" ? "HEAD" : `${place}/HEAD`);
  if (place === "") return;
  makeDirectory(held, place);
  bringLinks(source, held, place);
  inside(held, place.split("/"), (directory) =>
    writeBytes(directory, lockedName, "it is outside the sandbox\n", 0o644),
  );
};

const copyText = (source: Held, held: Held, name: string): void => {
  const text = readText(source, name, 4096);
  if (text !== undefined) writeBytes(held, name, text, 0o644);
};
