import { escapeControls } from "../../terminal/escape.ts";
import { isAncestor } from "../../workspace/host-state.ts";
import { diffTrees } from "../tree-diff.ts";
import { mergeBaseOf, mergeChange, mergeHistories, refuseSize } from "./bases.ts";
import { type Commit, readCommits, subjectOf } from "./commit.ts";
import { nameIndex, runWell, writeTree } from "./git-index.ts";
import { refuse } from "./refusal.ts";
import { type MergeWork, makeCommit } from "./work.ts";

/** What the host's branch shall become. Makes objects and nothing else. */

export type How = "fast-forward" | "signed" | "merge" | "squash" | "commits" | "files";

/** `skipped` are chosen commits whose changes the host has already. */
export type Planned = { head: string; how: How; skipped: string[] };

/** Undefined when the host has all of it. `start` is what is checked out, undefined when there is no commit yet. Throws. */
export const planMerge = async (work: MergeWork, start: string | undefined): Promise<Planned | undefined> => {
  const planned = await (work.choice.kind === "all"
    ? planAll(work, start)
    : work.choice.kind === "commits"
      ? planCommits(work, start, work.choice.ids)
      : planFiles(work, start, work.choice.paths));
  return planned && planned.head !== start ? planned : undefined;
};

const planAll = async (work: MergeWork, start: string | undefined): Promise<Planned | undefined> => {
  const { tip, call, squash, isSigned } = work;
  if (start !== undefined && (await isAncestor(tip, start, call))) return undefined;
  const isForward = start === undefined || (await isAncestor(start, tip, call));
  if (isForward && !squash && !isSigned) return { head: tip, how: "fast-forward", skipped: [] };
  if (isForward && !squash) return { head: await signAnew(work, start), how: "signed", skipped: [] };
  const tree = isForward ? await treeOf(work, tip) : await mergeHistories(work, start, tip);
  if (tree === (await treeOf(work, start))) return undefined;
  const parents = start === undefined ? [] : [start];
  if (!squash) {
    const message = messageOf(work, `Merge session '${work.session.name}'`);
    return { head: await makeCommit(work, { tree, parents: [...parents, tip], message }), how: "merge", skipped: [] };
  }
  const message = messageOf(work, await describeSquash(work, await listNew(work, start)));
  return { head: await makeCommit(work, { tree, parents, message }), how: "squash", skipped: [] };
};

/** The same commits with a signature: nothing inside can sign. Their committer is the user, their author stays. */
const signAnew = async (work: MergeWork, start: string | undefined): Promise<string> => {
  const made = new Map<string, string>();
  for (const { id, tree, parents, author, message } of await readCommits(await listNew(work, start), work.call)) {
    const draft = { tree, parents: parents.map((parent) => made.get(parent) ?? parent), message, author };
    made.set(id, await makeCommit(work, draft));
  }
  return made.get(work.tip)!;
};

/** Commits of the session that are not on the host, oldest first. */
const listNew = async ({ call, tip }: MergeWork, start: string | undefined): Promise<string[]> => {
  const range = [tip, ...(start === undefined ? [] : [`^${start}`])];
  return (await runWell(["rev-list", "--topo-order", "--reverse", ...range, "--"], call)).split("\n").filter(Boolean);
};

/** One after the other on top of what is there; of a merge, what it brought to its first parent. */
const planCommits = async (
  work: MergeWork,
  start: string | undefined,
  chosen: string[],
): Promise<Planned | undefined> => {
  const { call, emptyTree, squash, session } = work;
  const base = session.hasGit ? session.base.head : session.base.commit;
  const own = await listNew(work, base);
  const ids = resolveIds(work, chosen, own);
  const missing = new Set(await listNew(work, start));
  const skipped = ids.filter((id) => !missing.has(id));
  const begin = start === undefined ? emptyTree : await treeOf(work, start);
  const picked: Commit[] = [];
  let [head, tree] = [start, begin];
  for (const commit of await readCommits(
    ids.filter((id) => missing.has(id)),
    call,
  )) {
    const before = commit.parents[0] === undefined ? emptyTree : await treeOf(work, commit.parents[0]);
    const next = await mergeChange(work, { base: before, ours: tree, theirs: commit.tree });
    if (next === tree) skipped.push(commit.id);
    else picked.push(commit);
    if (next !== tree && !squash)
      head = await makeCommit(work, { ...commit, tree: next, parents: head === undefined ? [] : [head] });
    tree = next;
  }
  if (squash && tree !== begin) {
    const message = messageOf(
      work,
      await describeSquash(
        work,
        picked.map(({ id }) => id),
      ),
    );
    head = await makeCommit(work, { tree, parents: start === undefined ? [] : [start], message });
  }
  return head === undefined ? undefined : { head, how: "commits", skipped };
};

/** Ids may be abbreviated as in a listing: four digits or more, and of one commit of the session. */
const resolveIds = ({ session }: MergeWork, chosen: string[], own: string[]): string[] => {
  const found = chosen.map((word) => {
    const fits = /^[0-9a-f]{4,64}$/.test(word) ? own.filter((id) => id.startsWith(word)) : [];
    if (fits.length === 1) return fits[0]!;
    const problem = fits.length > 1 ? "is the beginning of more than one commit" : "is no commit";
    return refuse(
      "unknown-commit",
      `\`${escapeControls(word)}\` ${problem} of \`${session.name}\``,
      `\`cordon diff ${session.name}\` lists them`,
    );
  });
  return own.filter((id) => found.includes(id));
};

/** One commit with the final state of these paths, where the session has changed them. */
const planFiles = async (work: MergeWork, start: string | undefined, paths: string[]): Promise<Planned | undefined> => {
  const { tip, call, session, emptyTree, room } = work;
  const own = session.hasGit ? session.base.head : session.base.commit;
  const base = (start === undefined ? undefined : await mergeBaseOf(work, start, tip)) ?? own ?? emptyTree;
  const changes = (await diffTrees(base, tip, call)) ?? refuseSize(session);
  const wanted = paths.map((path) => path.replace(/\/+$/, ""));
  const lies = (path: string, within: string) => path === within || path.startsWith(`${within}/`) || within === "";
  const unknown = wanted.filter((within) => !changes.some(({ path }) => lies(path, within)));
  if (unknown.length > 0)
    refuse(
      "unknown-path",
      `\`${session.name}\` has not changed this`,
      `\`cordon diff ${session.name} --stat\` lists what it changed`,
      unknown,
    );
  const taken = changes.filter(({ path }) => wanted.some((within) => lies(path, within)));
  const entries = new Map(taken.map(({ path, after }) => [path, after]));
  const theirs = await writeTree(base, entries, nameIndex(room), call);
  const ours = start ?? emptyTree;
  const tree = await mergeChange(work, { base, ours, theirs });
  if (tree === (await treeOf(work, ours))) return undefined;
  const names = taken.length === 1 ? escapeControls(taken[0]!.path).slice(0, 60) : `${taken.length} files`;
  const message = messageOf(work, `Take ${names} from session '${session.name}'`);
  return {
    head: await makeCommit(work, { tree, parents: start === undefined ? [] : [start], message }),
    how: "files",
    skipped: [],
  };
};

const treeOf = async ({ call, emptyTree }: MergeWork, commit: string | undefined): Promise<string> =>
  commit === undefined ? emptyTree : await runWell(["rev-parse", "--verify", `${commit}^{tree}`], call);

const messageOf = ({ message }: MergeWork, otherwise: string): Uint8Array =>
  Buffer.from(`${(message ?? otherwise).trimEnd()}\n`);

const mostSubjects = 50;

const describeSquash = async ({ call, session }: MergeWork, ids: string[]): Promise<string> => {
  const commits = await readCommits(ids.slice(0, mostSubjects), call);
  const subjects = commits.map((commit) => escapeControls(subjectOf(commit)));
  if (ids.length === 1) return subjects[0] || `Session '${session.name}'`;
  const more = ids.length > mostSubjects ? [`* … and ${ids.length - mostSubjects} more`] : [];
  return [`Session '${session.name}'`, "", ...subjects.map((subject) => `* ${subject}`), ...more].join("\n");
};
