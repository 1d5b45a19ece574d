import fs from "node:fs";
import path from "node:path";
import { errorOf } from "../errors.ts";
import { findProgram, runPipeline } from "../exec.ts";
import type { Host } from "../host.ts";
import type { Mount } from "../plan/plan.ts";
import { type GitCall, runGit } from "../workspace/git.ts";
import { holdDirectory, release, writeBytes } from "../workspace/held-directory.ts";
import { isAncestor } from "../workspace/host-state.ts";
import { defaultLimits } from "../workspace/import.ts";
import { readPrivateRefs } from "../workspace/private-reading.ts";
import { lastLine } from "../workspace/private-refs.ts";
import { isObjectId, targetOf } from "../workspace/refs.ts";
import { type Repository, readHostRefs } from "../workspace/repository.ts";
import { prepareThrowaway } from "../workspace/throwaway.ts";
import { shadowOf } from "./bare.ts";
import { takeBase } from "./base.ts";
import { bringGit } from "./creation.ts";
import { readOrigin } from "./origin.ts";
import { makeOverlayRoom } from "./overlay.ts";
import { partsOf, type Session, startRef } from "./record.ts";
import { removeRoom } from "./removal.ts";
import { makeScratch, scratchInside, scratchMounts, treeInside } from "./scratch.ts";
import { type HeldSession, updateSession } from "./store.ts";

/** A session whose work has all come to the host goes on from what the host is like now. */

export type Refreshed = { session: Session; notes: string[]; problems: string[] };

const refreshTimeoutMs = 10 * 60_000;
const roomInside = "/run/cordon/room";

/** True when there is something to do for `refreshMerged`. */
export const isFullyMerged = ({ collected, merged, isStale }: Session): boolean =>
  !isStale && collected !== undefined && merged?.tip === collected.tip;

/**
 * Moves a session on whose tip was merged, while it is held: its private git directory has the host's branches, HEAD and
 * index; its files are the host's; what the tip does not hold (ignored files, repositories made inside) stays. Whatever
 * dies or fails in between is done again by the next call. Throws E_SESSION_FAILED, and what opening the git directories throws.
 */
export const refreshMerged = async (
  host: Host,
  { session, directory }: Pick<HeldSession, "session" | "directory">,
  repository: Repository | undefined,
): Promise<Refreshed> => {
  const { project, name, id, hasGit, workspace, merged } = session;
  const git = findProgram("git", host.env["PATH"], project);
  if (!git || !merged || (hasGit && !repository))
    throw errorOf("E_SESSION_FAILED", name, !git ? "git is not installed" : "the repository of the project is gone");
  const own = repository ?? shadowOf(partsOf(directory).shadow, project);
  const call: GitCall = { git, repository: own };
  const notes: string[] = [];
  if (repository) {
    await moveBranch(directory, repository, merged.tip, call);
    notes.push(...(await bringGit({ host, project, repository, name }, id, git, directory)));
  }
  const work = { host, session, directory, repository: own, git, call };
  const cleared = workspace === "overlay" ? await clearUpper(work, merged.tip) : undefined;
  if (cleared !== undefined) return { session, notes, problems: [cleared] };
  const taken = await takeBase({ host, git, repository: own, hasGit, id, name, index: partsOf(directory).index });
  const problem = workspace === "copy" ? await moveTree(work, taken.base.commit) : undefined;
  if (problem !== undefined) {
    await runGit(["update-ref", startRef(id), session.base.commit], call);
    return { session, notes, problems: [problem] };
  }
  // What the merges of a directory without git have led to is the new base by now, and no history of its own.
  if (!hasGit) await runGit(["update-ref", "-d", "HEAD"], call);
  const now = await updateSession(host, session, () => ({ base: taken.base, isStale: false, collected: undefined }));
  return { session: now, notes: [...notes, ...taken.notes], problems: [] };
};

type Work = {
  host: Host;
  session: Session;
  directory: string;
  repository: Repository;
  git: string;
  call: GitCall;
};

/**
 * The branch that is checked out inside, when all of it has been merged: as one commit, or one by one, it is no ancestor
 * of the host's and would count as moved on both sides.
 */
const moveBranch = async (directory: string, { commonDir }: Repository, tip: string, call: GitCall): Promise<void> => {
  const main = readOrigin(directory)?.parts.find(({ place }) => place === "");
  if (!main) return;
  const { branch, refs } = readPrivateRefs(main.directory);
  const own = branch === undefined ? undefined : refs[branch];
  const value = branch === undefined ? undefined : readHostRefs(commonDir).get(branch)?.value;
  if (branch === undefined || own === undefined || value === undefined || own === value) return;
  if (!isObjectId(value) || targetOf(value) !== undefined || !(await isAncestor(own, tip, call))) return;
  const held = holdDirectory(main.directory);
  try {
    writeBytes(held, branch, `${value}\n`, 0o644);
  } finally {
    release(held);
  }
};

/**
 * All that is not in the tip moves over into a new upper layer, whole directories where nothing of the tip is in them.
 * Directories on the way are made anew: an old one may say that it hides what lies below it on the host.
 */
const clearScript = `unset GIT_COMMON_DIR
export GIT_DIR=${scratchInside} GIT_WORK_TREE=${treeInside}
cd ${treeInside} && "$@" read-tree "$CORDON_TIP" || exit
"$@" ls-files --others --directory -z >${scratchInside}/kept 2>${scratchInside}/said || exit
if [ -s ${scratchInside}/said ]; then cat ${scratchInside}/said >&2; exit 3; fi
cd ${roomInside} && mkdir -p next && chmod "$(stat -c %a upper)" next || exit
xargs -0 -r sh -c '
make() {
  chmod u+rwx "upper/$1"
  [ ! -d "next/$1" ] || return 0
  case $1 in */*) make "\${1%/*}" || return;; esac
  mkdir "next/$1" && chmod "$(stat -c %a "upper/$1")" "next/$1"
}
for entry; do
  entry=\${entry%/}
  [ -e "upper/$entry" ] || [ -L "upper/$entry" ] || continue
  case $entry in */*) make "\${entry%/*}" || exit 255;; esac
  mv "upper/$entry" "next/$entry" || exit 255
done' sh <${scratchInside}/kept`;

/** A sentence when the old layer stays: everything in it is as it was merged, so nothing is wrong with it. */
const clearUpper = async (work: Work, tip: string): Promise<string | undefined> => {
  const { room } = partsOf(work.directory);
  settleRoom(room);
  const bind: Mount = { kind: "bind", source: room, target: roomInside, mode: "rw", origin: "refresh" };
  const problem = await runInside(work, clearScript, [bind], { CORDON_TIP: tip });
  if (problem !== undefined) return `what was merged stays in its own layer: ${problem}`;
  const old = path.join(room, `old-${crypto.randomUUID()}`);
  fs.mkdirSync(old, { mode: 0o700 });
  fs.renameSync(path.join(room, "work"), path.join(old, "work"));
  fs.renameSync(path.join(room, "upper"), path.join(old, "upper"));
  settleRoom(room);
  for (const name of fs.readdirSync(room).filter((name) => name.startsWith("old-")))
    await removeRoom(path.join(room, name));
  return undefined;
};

/** Finishes what died between the two steps by which a new upper layer takes the place of the old one. */
const settleRoom = (room: string): void => {
  const [upper, next] = [path.join(room, "upper"), path.join(room, "next")];
  if (!fs.existsSync(upper) && fs.existsSync(next)) fs.renameSync(next, upper);
  makeOverlayRoom(room);
};

const moveScript = `unset GIT_COMMON_DIR
export GIT_DIR=${scratchInside} GIT_WORK_TREE=${treeInside} GIT_OBJECT_DIRECTORY=${scratchInside}/objects
cd ${treeInside} && "$@" -c core.safecrlf=false add -A $CORDON_FORCE --ignore-errors . 2>/dev/null
[ $? -le 1 ] && "$@" read-tree --reset -u "$CORDON_BASE"`;

/** Brings a copy's files to the new base, and what git remembers of them. */
const moveTree = async (work: Work, base: string): Promise<string | undefined> => {
  const env = { CORDON_BASE: base, CORDON_FORCE: work.session.hasGit ? "" : "-f" };
  const problem = await runInside(work, moveScript, [], env);
  if (problem !== undefined) return `its files are not the host's: ${problem}`;
  const { index, scratch } = partsOf(work.directory);
  fs.renameSync(path.join(scratch, "index"), index);
  return undefined;
};

const runInside = async (
  { host, session, directory, repository, git, call }: Work,
  script: string,
  mounts: Mount[],
  env: Record<string, string>,
): Promise<string | undefined> => {
  const scratch = await makeScratch(host, session, directory, repository, call);
  const { program, release } = prepareThrowaway({
    ...{ host, id: `refresh-${session.id}`, directory: scratch, below: "", objects: repository.objects, git, script },
    ...{ memoryBytes: defaultLimits.memoryBytes, room: directory, env },
    mounts: [...scratchMounts(session, directory, "rw"), ...mounts],
  });
  try {
    const done = await runPipeline([program], { timeoutMs: refreshTimeoutMs, maxBytes: 1024 });
    if (done.codes[0] === 0) return undefined;
    return done.isTimedOut ? "it took too long" : lastLine(done.errors[0] ?? "") || "killed";
  } finally {
    release();
  }
};
