import path from "node:path";
import { findProgram } from "../../exec.ts";
import { projectKey } from "../../places.ts";
import { type GitCall, runGit } from "../../workspace/git.ts";
import { findPrograms, untilUnlocked } from "../../workspace/host-index.ts";
import { emptyTree, findOperation } from "../../workspace/host-state.ts";
import { underLock } from "../../workspace/lock.ts";
import { idPattern, lastLine } from "../../workspace/private-refs.ts";
import { closeQuarantine, openQuarantine, type Quarantine, sweepQuarantines } from "../../workspace/quarantine.ts";
import { diffTrees } from "../tree-diff.ts";
import { advance, finishIndex, type Head, readHead, undoFiles } from "./advance.ts";
import { refuseSize } from "./bases.ts";
import { checkChanges } from "./check.ts";
import { explainByHand } from "./conflict.ts";
import { refreshIndex, runWell, withIndex } from "./git-index.ts";
import { copyIndex, dropPrepared, type Journal, preparedIndex, readJournal, signIndex } from "./journal.ts";
import { judgeFiles } from "./judge.ts";
import { admitObjects } from "./objects.ts";
import { type How, type Planned, planMerge } from "./plan.ts";
import { type Conflicting, MergeStop, type Refused, refuse } from "./refusal.ts";
import { readMergeSettings } from "./settings.ts";
import { takeDirectory } from "./snapshot.ts";
import type { MergeRequest, MergeWork } from "./work.ts";

/**
 * The way by which a session's work becomes the user's: made as objects first, then checked against the files that lie
 * there, then written: files, branch, index. Until the first file is written nothing has changed, and whatever dies
 * after that is finished by the same merge, run again.
 */

export type Merged = {
  kind: "merged";
  how: How;
  /** What HEAD is now, and the full reference that it stands for; undefined when detached. */
  head: string;
  branch: string | undefined;
  /** Changed in the working tree. */
  files: number;
  /** New on the branch. */
  commits: number;
  /** Chosen commits whose changes the host had already. */
  skipped: string[];
  /** Everything up to the tip is on the host now: only then is it what the record calls merged. */
  isWhole: boolean;
  /** The branch and the files are right, this is not: one sentence, fit to be printed. */
  problem?: string;
};

export type MergeResult = Merged | { kind: "nothing" } | Conflicting | Refused;

/** For an import or another merge to end. */
const patienceMs = 120_000;

/** Merges, or says why not. Throws for a request that makes no sense, and for nothing that a session holds. */
export const mergeSession = async (request: MergeRequest): Promise<MergeResult> => {
  const { host, repository, session, tip } = request;
  if (!idPattern.test(tip) || !/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(session.id)) throw new Error("no tip, or no session");
  const git = findProgram("git", host.env["PATH"], repository.top);
  const rooms = path.join(host.places.state, "imports");
  const room = path.join(rooms, projectKey(session.hasGit ? repository.commonDir : repository.top));
  const journalFile = path.join(room, `${projectKey(repository.gitDir)}-merge.json`);
  try {
    if (!git) return refuse("failed", "git is not installed", "install git");
    const done = await underLock(path.join(room, "lock"), patienceMs, () => mergeUnderLock(request, git, journalFile));
    return (
      done ??
      refuse("locked", "another merge or import of this repository does not come to an end", "merge again later")
    );
  } catch (cause) {
    if (cause instanceof MergeStop) return cause.answer;
    const why = lastLine((cause as Error).message);
    return {
      kind: "refused",
      code: "failed",
      why,
      paths: [],
      hint: explainByHand(session),
    };
  }
};

const mergeUnderLock = async (request: MergeRequest, git: string, journalFile: string): Promise<MergeResult> => {
  const { repository } = request;
  const store = path.join(repository.commonDir, "objects");
  sweepQuarantines(store);
  const quarantine = openQuarantine(store);
  try {
    const call: GitCall = { git, repository };
    const died = await finishIndex(journalFile, call);
    const work = await openWork(request, call, quarantine);
    return await mergeOnce(work, { quarantine, store, journalFile, died });
  } finally {
    closeQuarantine(quarantine);
    if (!readJournal(journalFile)) dropPrepared(repository.gitDir);
  }
};

const openWork = async (request: MergeRequest, plain: GitCall, quarantine: Quarantine): Promise<MergeWork> => {
  const { host, repository, session, sign } = request;
  const settings = await readMergeSettings(host, plain);
  const programs = await findPrograms(plain);
  if (!programs)
    return refuse(
      "failed",
      "a filter or merge driver of this repository has a name that cannot be switched off",
      "`git config --list` shows them",
    );
  const config = [...programs, ...settings.conversion, "core.splitIndex=false", "core.untrackedCache=false"];
  const isSigned = session.hasGit && (sign ?? settings.signs);
  const call = { ...plain, config, env: quarantine.env };
  return {
    ...request,
    call,
    settings,
    isSigned,
    room: quarantine.directory,
    emptyTree: emptyTree[repository.hashAlgorithm],
  };
};

type Setting = { quarantine: Quarantine; store: string; journalFile: string; died: Journal | undefined };

const mergeOnce = async (work: MergeWork, { quarantine, store, journalFile, died }: Setting): Promise<MergeResult> => {
  const { call, repository, session, emptyTree: none } = work;
  await refuseBusy(work);
  if (died) await undoFiles(work, journalFile, died);
  const head = await readHead(call);
  const index = preparedIndex(repository.gitDir);
  dropPrepared(repository.gitDir);
  const signature = session.hasGit ? copyIndex(repository.gitDir, index) : signIndex(repository.gitDir);
  const start = session.hasGit ? head.commit : await takeDirectory(work, head.commit ?? session.base.commit, index);
  const planned = await planMerge(work, start);
  if (!planned) return { kind: "nothing" };
  const trees = { from: start === undefined ? none : await treeOf(start, call), to: await treeOf(planned.head, call) };
  const changes = (await diffTrees(trees.from, trees.to, call)) ?? refuseSize(session);
  await checkChanges(work, changes, trees.to);
  await refreshIndex(withIndex(call, index));
  const held = await judgeFiles(work, changes, index);
  admitObjects(quarantine, store);
  const problem = await advance(work, { journalFile, head, to: planned.head, trees, changes, held, signature });
  return await resultOf(work, planned, { ...head, commit: start }, changes.length, problem);
};

const treeOf = async (commit: string, call: GitCall): Promise<string> =>
  await runWell(["rev-parse", "--verify", `${commit}^{tree}`], call);

const refuseBusy = async ({ repository, tip, call, session }: MergeWork): Promise<void> => {
  const operation = findOperation(repository);
  if (operation !== undefined)
    refuse(
      "busy",
      `a ${operation} of yours is in progress`,
      "finish it, or end it with `--abort`; `git status` says how",
    );
  if (!(await untilUnlocked(repository.gitDir)))
    refuse("busy", "another git command holds the index", "wait for it, then merge again");
  const kind = await runGit(["cat-file", "-t", tip], call);
  if (kind.text.trim() !== "commit")
    refuse(
      "failed",
      "the work of the session is not in this repository",
      `\`cordon diff ${session.name}\` brings it there`,
    );
};

const resultOf = async (
  { call, choice, session }: MergeWork,
  { head, how, skipped }: Planned,
  before: Head,
  files: number,
  problem: string | undefined,
): Promise<Merged> => {
  const range = [head, ...(before.commit === undefined ? [] : [`^${before.commit}`])];
  const commits = Number(await runWell(["rev-list", "--count", ...range, "--"], call));
  const isWhole = choice.kind === "all";
  // Where a repository of cordon's own plays the host's, its branch means nothing to anybody.
  const branch = session.hasGit ? before.branch : undefined;
  return {
    kind: "merged",
    how,
    head,
    branch,
    files,
    commits,
    skipped,
    isWhole,
    ...(problem !== undefined && { problem }),
  };
};
