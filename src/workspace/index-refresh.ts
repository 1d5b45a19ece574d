import fs from "node:fs";
import path from "node:path";
import { type GitCall, runGit } from "./git.ts";

/** Whoever has put a file of a terabyte in the place of a small one shall not make anybody wait for it. */
const limits = { timeoutMs: 5_000, memoryBytes: 1024 ** 3 };

const copyName = "cordon-index";

/**
 * Writes what the files are like into the index of a working tree, which saves the next `git status` a look into them. That
 * is done in a copy: a git that is killed leaves its lock, and the user's own index must not be locked by it. What a
 * crash leaves is removed by the next call.
 */
export const refreshIndex = async (gitDir: string, call: GitCall): Promise<void> => {
  const [index, copy] = [path.join(gitDir, "index"), path.join(gitDir, copyName)];
  const sweep = () => {
    for (const file of [copy, `${copy}.lock`]) fs.rmSync(file, { force: true });
  };
  const before = identityOf(index);
  if (before === undefined) return;
  sweep();
  try {
    fs.copyFileSync(index, copy, fs.constants.COPYFILE_EXCL | fs.constants.COPYFILE_FICLONE);
    const env = { ...call.env, GIT_INDEX_FILE: copy };
    const args = ["update-index", "-q", "--refresh", "--ignore-submodules"];
    const done = await runGit(args, { ...call, ...limits, env });
    if (!done.isTimedOut && done.code >= 0) moveIn(copy, index, before);
  } finally {
    sweep();
  }
};

/** As git does it itself: the lock is the new index, and comes into its place by a rename. */
const moveIn = (copy: string, index: string, before: string): void => {
  const lock = `${index}.lock`;
  try {
    fs.linkSync(copy, lock);
  } catch {
    return;
  }
  if (identityOf(index) === before) fs.renameSync(lock, index);
  else fs.rmSync(lock);
};

const identityOf = (file: string): string | undefined => {
  const stat = fs.lstatSync(file, { bigint: true, throwIfNoEntry: false });
  return stat?.isFile() ? `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}` : undefined;
};
