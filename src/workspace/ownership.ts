import fs from "node:fs";
import path from "node:path";
import { isWithin } from "../places.ts";
import { holdDirectory, readText, release } from "./held-directory.ts";
import { readSettings } from "./private-config.ts";
import type { Repository } from "./repository.ts";

const maxConfigBytes = 4 * 1024 * 1024;

/**
 * Says why a project's repository must not be opened; undefined when it may. The `.git` of a directory that had none may be
 * of an agent's making: one that leads to somebody else's repository would show what is in it, and commits would land there.
 * git writes the way back for linked working trees and submodules (gitrepository-layout(5), `gitdir`; `core.worktree`).
 */
export const findForeign = async (
  { top, gitDir, commonDir, objects }: Repository,
  git: string,
): Promise<string | undefined> => {
  const open = objects.find((store) => isWithin(store, top) && !isWithin(store, commonDir));
  // Whoever works inside could let that one lead on to any other.
  if (open !== undefined) return `it borrows objects from ${open}, which lies in the project`;
  if (isWithin(gitDir, top) || (await listTrees(gitDir, git)).includes(top)) return undefined;
  return `its .git leads to ${gitDir}, which is not a repository of this directory; if it is yours, \`git --git-dir=${gitDir} config core.worktree ${top}\` says so`;
};

/** The working trees that a git directory names, real paths. */
const listTrees = async (gitDir: string, git: string): Promise<string[]> => {
  const held = holdDirectory(gitDir);
  try {
    const entry = readText(held, "gitdir", 65_536)?.replace(/[\r\n]+$/, "");
    const named = entry === undefined ? [] : [path.dirname(path.resolve(gitDir, entry))];
    for (const file of ["config", "config.worktree"]) {
      const settings = await readSettings(git, readText(held, file, maxConfigBytes) ?? "");
      const value = settings?.findLast(({ key }) => key === "core.worktree")?.value;
      if (value !== undefined) named.push(path.resolve(gitDir, value));
    }
    return named.flatMap((place) => (fs.existsSync(place) ? [fs.realpathSync.native(place)] : []));
  } finally {
    release(held);
  }
};
