import path from "node:path";
import { type Held, inside, listEntries, removeName } from "./held-directory.ts";
import { removeRefLocks } from "./refs.ts";
import type { Repository } from "./repository.ts";

/** Locks in a private git directory. Nobody is inside: whoever held them was killed. */

export const removeLocks = (directory: Held): void => {
  for (const { name } of listEntries(directory, "") ?? []) if (name.endsWith(".lock")) removeName(directory, name);
};

/** All of them: those of references, and those of each working tree. */
export const tidyPart = (held: Held, trees: Repository[]): void => {
  removeRefLocks(held);
  for (const { commonDir, gitDir } of trees)
    inside(held, path.relative(commonDir, gitDir).split("/").filter(Boolean), removeLocks);
};
