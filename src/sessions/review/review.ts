import path from "node:path";
import { type GitCall, runGit } from "../../workspace/git.ts";
import { type ChangedPath, type Finding, findLater } from "../../workspace/later.ts";
import { isJudgedByText } from "../../workspace/later-match.ts";
import { decodeName } from "../../workspace/name-bytes.ts";
import { foldName } from "../../workspace/name-fold.ts";
import { type Commit, readCommits, subjectOf } from "../merge/commit.ts";
import type { Session } from "../record.ts";
import { diffTrees, gitlinkMode, linkMode, splitBytes, type TreeChange } from "../tree-diff.ts";
import { blindCall, readBlobs, readSizes } from "./objects.ts";
import { findReviewStart } from "./start.ts";

/**
 * What a session would bring, as data. Names and texts in it are the attacker's: whoever prints them escapes them
 * (`showPath`, `escapeControls`). It shows what will be merged: no attribute, replacement or graft has a say.
 */

export type ReviewRequest = {
  call: GitCall;
  session: Pick<Session, "base" | "hasGit">;
  tip: string;
};

export type ReviewCommit = {
  id: string;
  parents: string[];
  author: { name: string; email: string };
  /** ISO 8601, UTC. */
  at: string;
  subject: string;
};

export type ReviewFile = {
  /** As `name-bytes.ts` spells it. */
  path: string;
  kind: ChangedPath["kind"];
  mode?: number;
  modeBefore?: number;
  id?: string;
  idBefore?: string;
  /** Lines; undefined for what is no text, or too large to be compared. */
  added?: number;
  removed?: number;
  sizeBytes?: number;
  sizeBefore?: number;
  /** The path from which this very content has gone, or to which it has. */
  movedFrom?: string;
  movedTo?: string;
};

export type Review = {
  /** The two sides, a commit or the tree without entries. */
  from: string;
  tip: string;
  /** Newest first, at most `mostCommits` of `commitCount`. */
  commits: ReviewCommit[];
  commitCount: number;
  files: ReviewFile[];
  /** What the host executes later, most dangerous first. */
  findings: Finding[];
  /** Repositories inside that are new, gone or moved, and files that say where such come from. */
  gitlinks: string[];
  gitmodules: string[];
};

export const mostCommits = 1_000;

/** Throws when the changes are too many to be listed, or the tip is not here. */
export const reviewSession = async ({ call, session, tip }: ReviewRequest): Promise<Review> => {
  const blind = blindCall(call);
  const { tree: from, commit } = await findReviewStart(session, tip, blind);
  const range = [tip, ...(commit === undefined ? [] : [`^${commit}`]), "--"];
  const [listed, counted, changes] = await Promise.all([
    runGit(["rev-list", "--topo-order", `--max-count=${mostCommits}`, ...range], blind),
    runGit(["rev-list", "--count", ...range], blind),
    diffTrees(from, tip, blind),
  ]);
  if (listed.code !== 0) throw new Error("the work of the session is not in this repository");
  if (!changes) throw new Error("the changes are more than can be listed");
  const files = await describeFiles(changes, from, tip, blind);
  const named = (pick: (change: TreeChange) => boolean) => changes.filter(pick).map(({ path }) => path);
  return {
    ...{ from, tip, files },
    commits: (await readCommits(listed.text.split("\n").filter(Boolean), blind)).map(describeCommit),
    commitCount: Number(counted.text),
    findings: findLater(await judgeable(changes, blind), await hooksOf(call)),
    gitlinks: named(({ before, after }) => before?.mode === gitlinkMode || after?.mode === gitlinkMode),
    gitmodules: named(({ path }) => foldName(path.split("/").at(-1)!) === ".gitmodules"),
  };
};

const describeCommit = (commit: Commit): ReviewCommit => {
  const { id, parents, author } = commit;
  const seconds = Number(/^@(\d+)/.exec(author.date)?.[1] ?? 0);
  const isDate = seconds <= 8_640_000_000_000;
  const at = new Date(isDate ? seconds * 1000 : 0).toISOString();
  return { id, parents, author: { name: author.name, email: author.email }, at, subject: subjectOf(commit) };
};

const kindOf = ({ before, after }: TreeChange): ReviewFile["kind"] =>
  before ? (after ? "changed" : "deleted") : "added";

const describeFiles = async (
  changes: TreeChange[],
  from: string,
  tip: string,
  call: GitCall,
): Promise<ReviewFile[]> => {
  const counts = await countLines(from, tip, call);
  const blobs = changes
    .flatMap(({ before, after }) => [before, after])
    .filter((entry) => entry && entry.mode !== gitlinkMode);
  const sizes = await readSizes([...new Set(blobs.map((entry) => entry!.id))], call);
  const come = new Map(changes.flatMap((one) => (one.after && !one.before ? [[one.after.id, one.path] as const] : [])));
  const gone = new Map(
    changes.flatMap((one) => (one.before && !one.after ? [[one.before.id, one.path] as const] : [])),
  );
  return changes.map((change): ReviewFile => {
    const { path, before, after } = change;
    const lines = counts.get(path);
    const isEmpty = sizes.get((after ?? before)!.id) === 0;
    const movedFrom = !before && after && !isEmpty ? gone.get(after.id) : undefined;
    const movedTo = before && !after && !isEmpty ? come.get(before.id) : undefined;
    return {
      ...{ path, kind: kindOf(change) },
      ...(after && { mode: after.mode, id: after.id }),
      ...(before && { modeBefore: before.mode, idBefore: before.id }),
      ...(lines && { added: lines.added, removed: lines.removed }),
      ...(after && sizes.has(after.id) && { sizeBytes: sizes.get(after.id)! }),
      ...(before && sizes.has(before.id) && { sizeBefore: sizes.get(before.id)! }),
      ...(movedFrom !== undefined && { movedFrom }),
      ...(movedTo !== undefined && { movedTo }),
    };
  });
};

/** Reads `ADDED TAB REMOVED TAB PATH NUL …`; dashes stand for what is no text (git-diff-tree(1), --numstat). */
const countLines = async (from: string, tip: string, call: GitCall) => {
  const options = ["--numstat", "--no-renames", "--no-ext-diff", "--no-textconv"];
  const args = ["diff-tree", "-r", "-z", ...options, from, tip, "--"];
  const { stdout } = await runGit(args, { ...call, maxBytes: 128 * 1024 * 1024 });
  const counts = new Map<string, { added: number; removed: number }>();
  for (const field of splitBytes(stdout)) {
    const second = field.indexOf(9, field.indexOf(9) + 1);
    const [added = "", removed = ""] = Buffer.from(field.subarray(0, second)).toString("latin1").split("\t");
    if (/^\d+$/.test(added))
      counts.set(decodeName(field.subarray(second + 1)), { added: Number(added), removed: Number(removed) });
  }
  return counts;
};

const texts = { mostEach: 256 * 1024, mostBytes: 8 * 1024 * 1024 };
const links = { mostEach: 4096, mostBytes: 1024 * 1024 };

/** With the texts that say whether a change matters, and where links lead. */
const judgeable = async (changes: TreeChange[], call: GitCall): Promise<ChangedPath[]> => {
  const isLink = ({ after }: TreeChange) => after?.mode === linkMode;
  const idsOf = (pick: (change: TreeChange) => boolean) =>
    changes.filter(pick).flatMap(({ before, after }) => [before?.id, after?.id].flatMap((id) => id ?? []));
  const [judged, led] = await Promise.all([
    readBlobs(
      idsOf((change) => !isLink(change) && isJudgedByText(change.path)),
      texts,
      call,
    ),
    readBlobs(idsOf(isLink), links, call),
  ]);
  const repositoryAround = findRepositories(changes);
  return changes.map((change): ChangedPath => {
    const { path, before, after } = change;
    const [textBefore, textAfter] = [before && judged.get(before.id), after && judged.get(after.id)];
    const link = isLink(change) ? led.get(after!.id) : undefined;
    const repository = repositoryAround(path);
    return {
      ...{ path, kind: kindOf(change) },
      ...(after && { mode: after.mode }),
      ...(before && { modeBefore: before.mode }),
      ...(textBefore && { before: textBefore.toString() }),
      ...(textAfter && { after: textAfter.toString() }),
      ...(link && { link: decodeName(link) }),
      ...(repository !== undefined && { repository }),
    };
  });
};

/** Directories that git would take for a repository: HEAD, objects and refs lie in them as ordinary files. */
const findRepositories = (changes: TreeChange[]): ((path: string) => string | undefined) => {
  const parents = (path: string) => {
    const names = path.split("/");
    return names.map((_, depth) => names.slice(0, depth).join("/"));
  };
  const present = changes.filter(({ after }) => after).map(({ path }) => path);
  const folders = new Set(present.flatMap(parents));
  const heads = present
    .filter((path) => path.split("/").at(-1) === "HEAD")
    .map((path) => path.slice(0, -"/HEAD".length));
  const found = new Set(
    heads.filter((folder) => ["objects", "refs"].every((name) => folders.has(folder ? `${folder}/${name}` : name))),
  );
  return (path) => (found.size === 0 ? undefined : parents(path).findLast((folder) => found.has(folder)));
};

/** Where the host's hooks are, when they lie in the project. */
const hooksOf = async (call: GitCall): Promise<{ hooksPath?: string }> => {
  const asked = await runGit(["config", "--local", "--null", "--get", "core.hooksPath"], call);
  const top = call.repository?.top;
  const named = asked.text.replace(/\0$/, "");
  if (asked.code !== 0 || named === "" || top === undefined) return {};
  const place = path.relative(top, path.resolve(top, named));
  return place === "" || place.startsWith("..") ? {} : { hooksPath: place };
};
