import { isWithin } from "../places.ts";
import { runGit } from "./git.ts";
import { describeStaged, followHead, noteMove } from "./host-index.ts";
import {
  emptyTree,
  findObstacle,
  type HostState,
  isAncestor,
  isSetBack,
  type Reason,
  readHostState,
} from "./host-state.ts";
import type { Import } from "./import.ts";
import { explainKept, type Hint } from "./import-hint.ts";
import { lastLine } from "./private-refs.ts";
import { collides, isAmbiguous, isFreeOfTraps, isPlainName, keptName } from "./ref-name.ts";

/**
 * Something new inside: a full ref name, or `HEAD`, `stash`, `worktrees`, `tip` for what has none. The name is the attacker's
 * and must be escaped where it is shown; `ref` is fit to be printed.
 */
export type Entry = { name: string; id: string };

/** Where it has come to stand on the host. `from` is what stood there before. */
export type Placed = Entry & { ref: string; from: string | undefined };
export type Kept = Placed & { reason: Reason | undefined };
export type Placement = { imported: Placed[]; kept: Kept[] };

type Decision = Placed & { reason?: Reason | undefined };

const attempts = 3;

/**
 * Gives every entry its ref, all or none. The objects are on the host already. When somebody changes a ref in the same
 * moment, all is decided anew.
 */
export const placeEntries = async (
  work: Import,
  entries: Entry[],
): Promise<Placement & { hints: Hint[]; problems: string[] }> => {
  if (entries.length === 0) return { imported: [], kept: [], hints: [], problems: [] };
  let complaint = "";
  for (let attempt = 0; attempt < attempts; attempt++) {
    const state = await readHostState(work.call);
    const decisions: Decision[] = [];
    for (const entry of entries) decisions.push(await decide(work, state, entry, decisions));
    // Names that are not fit to be shown may share one of cordon's.
    const changes = [...new Map(decisions.map((one) => [one.ref, one])).values()].filter(({ id, from }) => id !== from);
    const move = changes.find(({ ref }) => isStart(work, ref));
    const { gitDir } = work.repository;
    const from = state.head ?? emptyTree[work.repository.hashAlgorithm];
    if (move) noteMove(work.journal, { gitDir, from, to: move.id, staged: await describeStaged(from, work.call) });
    const failed = await updateRefs(work, changes);
    if (failed !== undefined) {
      complaint = failed;
      noteMove(work.journal, undefined);
      continue;
    }
    const problem = move && (await followHead({ from, to: move.id }, work.call));
    if (problem === undefined) noteMove(work.journal, undefined);
    return { ...resultOf(work, decisions), problems: problem === undefined ? [] : [problem] };
  }
  return { imported: [], kept: [], hints: [], problems: [`the refs could not be updated: ${complaint}`] };
};

const isStart = ({ base }: Import, ref: string): boolean => ref === (base.branch ?? "HEAD");

const decide = async (work: Import, state: HostState, entry: Entry, before: Decision[]): Promise<Decision> => {
  const { name, id } = entry;
  if (name === "tip")
    return { ...entry, ref: `refs/cordon/${work.id}/tip`, from: state.refs.get(`refs/cordon/${work.id}/tip`) };
  if (name === "stash" || name === "worktrees") {
    const ref = `refs/cordon/${work.id}/${name}/${id}`;
    return { ...entry, ref, from: state.refs.get(ref), reason: undefined };
  }
  const reason = await findReason(work, state, entry, before);
  if (reason === undefined) return { ...entry, ref: name, from: name === "HEAD" ? state.head : state.refs.get(name) };
  const ref = freeName(work, state, entry, before);
  return { ...entry, ref, from: state.refs.get(ref), reason };
};

/** What was kept by an import before may stand in the way of a name. */
const freeName = (work: Import, state: HostState, { name, id }: Entry, before: Decision[]): string => {
  const wanted = keptName(work.id, name, id);
  const others = [...state.refs.keys(), ...before.map(({ ref }) => ref)].filter((other) => other !== wanted);
  return others.some((other) => collides(wanted, other)) ? keptName(work.id, "", id) : wanted;
};

/** Why an entry does not get the ref of its own name; undefined when it does. */
const findReason = async (
  work: Import,
  state: HostState,
  { name, id }: Entry,
  before: Decision[],
): Promise<Reason | undefined> => {
  const { base, repository, call } = work;
  if (!work.advances) return { kind: "session" };
  const current = name === "HEAD" ? state.head : state.refs.get(name);
  if (current === id && (name !== "HEAD" || state.branch === undefined)) return undefined;
  const obstacle = isStart(work, name)
    ? await findObstacle(state, { branch: base.branch, baseHead: base.head, tip: id }, repository, call)
    : undefined;
  if (isStart(work, name) && obstacle?.kind !== "other-branch") return obstacle;
  if (name === "HEAD") {
    const isAhead = state.head === undefined || (await isAncestor(state.head, id, call));
    return { kind: "no-branch", isAhead };
  }
  if (!isPlainName(name) || !isFreeOfTraps(name)) return { kind: "name" };
  if (name.startsWith("refs/notes/")) return { kind: "exists" };
  const place = state.checkedOut.get(name);
  if (place !== undefined) {
    const isAhead = isWithin(place, repository.top) && (current === undefined || (await isAncestor(current, id, call)));
    return { kind: "checked-out", place, isAhead };
  }
  if (current !== undefined) {
    const isBranch = name.startsWith("refs/heads/");
    const isUntouched = current === base.refs[name];
    if (!isBranch || !(await isAncestor(current, id, call)))
      return { kind: isBranch && isUntouched ? "rewritten-aside" : "exists" };
    const isOwn = base.refs[name] === undefined || (await isSetBack(current, base.refs[name], call));
    return isOwn ? { kind: "exists", isAhead: true } : obstacle;
  }
  if (obstacle) return obstacle;
  const others = [...state.refs.keys(), ...state.checkedOut.keys(), ...before.map(({ ref }) => ref)];
  const isTaken = others.some((other) => collides(name, other)) || isAmbiguous(name, new Set(others));
  return isTaken ? { kind: "exists" } : undefined;
};

/** One transaction, each ref with the value that it is thought to have (git-update-ref(1), --stdin -z). */
const updateRefs = async ({ call, id }: Import, changes: Decision[]): Promise<string | undefined> => {
  if (changes.length === 0) return undefined;
  const lines = changes.map(({ ref, id, from }) => {
    const option = ref === "HEAD" ? "option no-deref\0" : "";
    return `${option}${from === undefined ? `create ${ref}\0${id}\0` : `update ${ref}\0${id}\0${from}\0`}`;
  });
  const args = ["update-ref", "-m", `cordon ${id}: import`, "--create-reflog", "--stdin", "-z"];
  const done = await runGit(args, { ...call, input: lines.join("") });
  return done.code === 0 ? undefined : lastLine(done.stderr);
};

const resultOf = (work: Import, decisions: Decision[]): Placement & { hints: Hint[] } => {
  const isKept = ({ ref }: Decision) => ref.startsWith("refs/cordon/");
  const kept = decisions.filter(isKept).map((decision): Kept => ({ reason: undefined, ...decision }));
  const imported = decisions.filter((decision) => !isKept(decision) && decision.id !== decision.from);
  const told = work.advances ? kept.filter(({ reason }) => reason !== undefined) : [];
  // One hint: for the branch that the user has in front of him, else for the first.
  const first = told.find(({ name }) => isStart(work, name)) ?? told[0];
  return { imported, kept, hints: first ? [explainKept(first.name, first.ref, first.reason!)] : [] };
};
