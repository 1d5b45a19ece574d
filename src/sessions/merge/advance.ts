import { type GitCall, runGit } from "../../workspace/git.ts";
import { untilUnlocked } from "../../workspace/host-index.ts";
import { isAncestor } from "../../workspace/host-state.ts";
import { idPattern, lastLine } from "../../workspace/private-refs.ts";
import { diffTrees, type TreeChange } from "../tree-diff.ts";
import { showPaths } from "./conflict.ts";
import { restoreFiles, writeFiles } from "./files.ts";
import { type Entries, nameIndex, withIndex } from "./git-index.ts";
import {
  copyIndex,
  dropJournal,
  dropPrepared,
  type Journal,
  placeIndex,
  preparedIndex,
  readJournal,
  releaseLock,
  writeJournal,
} from "./journal.ts";
import { type RefusalCode, refuse } from "./refusal.ts";
import type { MergeWork } from "./work.ts";

/** The part of a merge that changes something on the host: files, then the branch, then the index. */

export type Head = { branch: string | undefined; commit: string | undefined };

export type Advance = {
  journalFile: string;
  head: Head;
  /** The commit that HEAD becomes. */
  to: string;
  trees: { from: string; to: string };
  changes: TreeChange[];
  held: Entries;
  signature: string | undefined;
};

/** Where HEAD stands. */
export const readHead = async (call: GitCall): Promise<Head> => {
  const branch = await runGit(["symbolic-ref", "-q", "HEAD"], call);
  const commit = (await runGit(["rev-parse", "-q", "--verify", "HEAD^{commit}"], call)).text.trim();
  return {
    branch: branch.code === 0 ? branch.text.trim() : undefined,
    commit: idPattern.test(commit) ? commit : undefined,
  };
};

/**
 * Does it all, or throws a refusal with everything put back. Undefined when it went well; else the branch and the files
 * are there, and the text says what is not.
 */
export const advance = async (work: MergeWork, order: Advance): Promise<string | undefined> => {
  const { session, call, emptyTree, repository } = work;
  const { journalFile, head, to, trees, changes, signature } = order;
  const index = preparedIndex(repository.gitDir);
  const held = [...order.held].map(([path, entry]) => ({ path, ...entry }));
  const journal: Journal = { session: session.id, name: session.name, ...trees, held, signature };
  writeJournal(journalFile, journal);
  const { problem, undo } = await writeFiles(work, { ...trees, changes, index }, order.held);
  const giveUp = async (code: RefusalCode, why: string, hint: string): Promise<never> => {
    const left = await undo();
    if (left.length > 0) return refuseHalf(work, why, left);
    dropJournal(journalFile);
    return refuse(code, `${why}; nothing has changed`, hint);
  };
  if (problem !== undefined)
    return giveUp("failed", `git could not write the files: ${problem}`, "see to that, then merge again");
  const move = { from: head.commit ?? emptyTree, to };
  writeJournal(journalFile, { ...journal, move });
  const refused = await moveHead(work, head, to);
  if (refused !== undefined) return giveUp("moved", `the branch could not move: ${refused}`, "merge again");
  const behind = await placeIndex({ ...journal, move }, call);
  if (behind !== undefined) return behind;
  dropJournal(journalFile);
  dropPrepared(repository.gitDir);
  return undefined;
};

const refuseHalf = ({ session }: MergeWork, why: string, left: string[]): never =>
  refuse(
    "interrupted",
    `${why}; ${showPaths(left)} could not be put back`,
    `see to that, then \`cordon merge ${session.name}\` again: it goes on where it stopped`,
    left,
  );

/** Moves what HEAD stood for when the merge was decided, from the value that it had. */
const moveHead = async ({ call, session }: MergeWork, head: Head, to: string): Promise<string | undefined> => {
  const now = await readHead(call);
  if (now.branch !== head.branch) return "another branch has been checked out";
  const ref = head.branch ?? "HEAD";
  const line = head.commit === undefined ? `create ${ref}\0${to}\0` : `update ${ref}\0${to}\0${head.commit}\0`;
  const args = ["update-ref", "-m", `cordon: merge session ${session.name}`, "--create-reflog", "--stdin", "-z"];
  const done = await runGit(args, { ...call, input: head.branch === undefined ? `option no-deref\0${line}` : line });
  return done.code === 0 ? undefined : lastLine(done.stderr) || "git was killed";
};

/**
 * What a merge that died has left: its index is placed when the branch had moved already. Gives the journal when only
 * files may have been written. Throws a refusal when the index is held by somebody.
 */
export const finishIndex = async (journalFile: string, call: GitCall): Promise<Journal | undefined> => {
  const { gitDir } = call.repository!;
  releaseLock(gitDir);
  const journal = readJournal(journalFile);
  const head = (await readHead(call)).commit;
  if (!journal?.move || head === undefined || !(await isAncestor(journal.move.to, head, call))) return journal;
  if (!(await untilUnlocked(gitDir)))
    refuse("busy", "another git command holds the index", "wait for it, then merge again");
  // What the user has staged since in these very files is newer than the merge: then it is left as it is.
  await placeIndex(journal, call);
  dropPrepared(gitDir);
  dropJournal(journalFile);
  return undefined;
};

/** Puts back what a merge that died had written: what follows is decided anew. Throws a refusal when that fails. */
export const undoFiles = async (work: MergeWork, journalFile: string, journal: Journal): Promise<void> => {
  const { call, room, repository, session } = work;
  const changes = await diffTrees(journal.from, journal.to, call);
  const entries = journal.held.map(({ path, mode, id }) => [path, mode && id ? { mode, id } : undefined] as const);
  const index = nameIndex(room);
  if (session.hasGit) copyIndex(repository.gitDir, index);
  else await runGit(["read-tree", journal.from], withIndex(call, index));
  const left = changes ? await restoreFiles(work, changes, new Map(entries), index) : [];
  if (left.length > 0)
    refuse(
      "interrupted",
      `a merge of \`${journal.name}\` died, and what it had written cannot be put back: ${showPaths(left)}`,
      `see to that, then merge again`,
      left,
    );
  dropJournal(journalFile);
};
