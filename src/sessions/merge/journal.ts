import fs from "node:fs";
import path from "node:path";
import type { GitCall } from "../../workspace/git.ts";
import { followHead, untilUnlocked } from "../../workspace/host-index.ts";
import { idPattern } from "../../workspace/private-refs.ts";

/**
 * A merge on its way, written down so that the same merge, run again, finishes it: files first, then the branch, then
 * the index, which is prepared beside the user's and takes its place at the end.
 */

export type Journal = {
  session: string;
  name: string;
  /** The trees before and after. */
  from: string;
  to: string;
  /** The commit that HEAD was to become, and what the files had before it: known once the files are there. */
  move?: { from: string; to: string };
  /** What the working tree held where that was not what the branch has; without an id: nothing. */
  held: { path: string; mode?: number; id?: string }[];
  /** What the user's index was like when it was copied. */
  signature: string | undefined;
};

/** Beside the user's index, because only a rename within one file system is whole or not at all. */
export const preparedIndex = (gitDir: string): string => path.join(gitDir, "cordon-merge.index");

const lockOf = (gitDir: string): string => path.join(gitDir, "index.lock");
const indexOf = (gitDir: string): string => path.join(gitDir, "index");

/** Another text after any change of the user's index; undefined when there is none. */
export const signIndex = (gitDir: string): string | undefined => {
  const stat = fs.lstatSync(indexOf(gitDir), { throwIfNoEntry: false, bigint: true });
  return stat && `${stat.dev} ${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`;
};

/** Copies the user's index, with its time: git looks again at entries that are as young as their index. Gives its signature. */
export const copyIndex = (gitDir: string, to: string): string | undefined => {
  const signature = signIndex(gitDir);
  if (signature === undefined) return undefined;
  fs.copyFileSync(indexOf(gitDir), to, fs.constants.COPYFILE_EXCL | fs.constants.COPYFILE_FICLONE);
  const { mtimeMs } = fs.lstatSync(indexOf(gitDir));
  fs.utimesSync(to, mtimeMs / 1000 - 0.000001, mtimeMs / 1000 - 0.000001);
  return signature;
};

/** Takes away what a merge has prepared. */
export const dropPrepared = (gitDir: string): void => {
  releaseLock(gitDir);
  for (const file of [preparedIndex(gitDir), `${preparedIndex(gitDir)}.lock`]) fs.rmSync(file, { force: true });
};

/** Takes git's lock of the index away when it is the prepared index under its other name: nobody else would own that. */
export const releaseLock = (gitDir: string): void => {
  const files = [preparedIndex(gitDir), lockOf(gitDir)];
  const [own, lock] = files.map((file) => fs.lstatSync(file, { throwIfNoEntry: false }));
  if (own && lock && own.ino === lock.ino && own.dev === lock.dev) fs.rmSync(lockOf(gitDir), { force: true });
};

/**
 * Gives the user's index the prepared content, under git's own lock. When the user's git has written it meanwhile, that
 * one follows HEAD instead. Undefined when it went well, else what did not.
 */
export const placeIndex = async (journal: Journal, call: GitCall): Promise<string | undefined> => {
  if (await swapIndex(journal, call.repository!.gitDir)) return undefined;
  return journal.move && (await followHead(journal.move, call));
};

const swapIndex = async ({ signature }: Journal, gitDir: string): Promise<boolean> => {
  const prepared = preparedIndex(gitDir);
  await untilUnlocked(gitDir);
  try {
    fs.linkSync(prepared, lockOf(gitDir));
  } catch {
    return false;
  }
  if (signIndex(gitDir) !== signature) {
    fs.rmSync(lockOf(gitDir), { force: true });
    return false;
  }
  fs.renameSync(lockOf(gitDir), indexOf(gitDir));
  return true;
};

export const writeJournal = (file: string, journal: Journal): void => {
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  fs.writeFileSync(`${file}.new`, JSON.stringify(journal), { mode: 0o600 });
  fs.renameSync(`${file}.new`, file);
};

export const dropJournal = (file: string): void => fs.rmSync(file, { force: true });

/** Nobody but cordon writes it; half a file is none. */
export const readJournal = (file: string): Journal | undefined => {
  try {
    const journal = JSON.parse(fs.readFileSync(file, "utf8")) as Journal;
    return idPattern.test(journal.from) && idPattern.test(journal.to) ? journal : undefined;
  } catch {
    return undefined;
  }
};
