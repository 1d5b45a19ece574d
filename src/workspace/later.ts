import { judgeManifest, judgeSettings } from "./later-content.ts";
import { type Compiled, foldPath, heapOf, put, ruleOf } from "./later-match.ts";
import { type Group, heaps } from "./later-rule.ts";
import { repositoryWhy } from "./later-table.ts";
import { foldName } from "./name-fold.ts";
import { showPath } from "./shown-path.ts";

/** What of a change the host executes later, and why. Pure; names are data. */

export type ChangedPath = {
  /** Relative to the project's top, `/` between names, as `name-bytes.ts` spells it. */
  path: string;
  kind: "added" | "changed" | "deleted";
  /** Type and permissions as stat(2) and git trees spell them, `0o120000` a link; absent when deleted. */
  mode?: number;
  modeBefore?: number;
  isIgnored?: boolean;
  /** Text of a symbolic link. */
  link?: string;
  /** The directory around it that HEAD, objects and refs make a git repository. */
  repository?: string;
  /** The file's text, for those that `isJudgedByText` names; without both the whole file counts as new. */
  before?: string;
  after?: string;
};

/** `count` is how many changes a path stands for, `target` where a link leads. */
export type Finding = {
  path: string;
  kind: ChangedPath["kind"];
  group: Group;
  why: string;
  count: number;
  target?: string;
};

/** Removing one of these takes a protection away as well. */
const countsDeleted = new Set<Group>(["git", "shell", "editor", "agent", "packages"]);

/** Ranks of what no name tells: before, between and after the rules of the table, which stand 100 a group. */
const ranks = { hook: 0, repository: 2, shortName: 50, link: 399, ignoredProgram: 1900, program: 1950, heap: 2000 };

/** Git's own way of choosing the host's hooks directory. */
export type LaterOptions = { hooksPath?: string };

/** What the host executes later of these changes, most dangerous first, each directory of installed code once. */
export const findLater = (changed: Iterable<ChangedPath>, { hooksPath }: LaterOptions = {}): Finding[] => {
  const findings: Ranked[] = [];
  const whole = new Map<string, Ranked>();
  const hooks = hooksPath === undefined ? undefined : `${foldPath(hooksPath).join("/")}/`;
  for (const change of changed) {
    const names = foldPath(change.path);
    const isHook = hooks !== undefined && `${names.join("/")}/`.startsWith(hooks);
    const verdict = isHook ? { group: "git" as const, why: "git runs hooks", rank: ranks.hook } : judge(change, names);
    if (!verdict) continue;
    const finding = { path: change.path, kind: change.kind, count: 1, ...verdict };
    const known = verdict.at === undefined ? undefined : whole.get(verdict.at);
    if (known) known.count++;
    else findings.push(finding);
    if (verdict.at !== undefined && !known) whole.set(verdict.at, Object.assign(finding, { path: verdict.at }));
  }
  const sorted = findings.sort((a, b) => a.rank - b.rank || compareText(a.path, b.path));
  return sorted.map(({ path, kind, group, why, count, target }) => ({
    ...{ path, kind, group, why, count },
    ...(target !== undefined && { target }),
  }));
};

type Ranked = Finding & { rank: number };

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** `at` is the directory that is named in place of each path in it. */
type Verdict = { group: Group; why: string; rank: number; at?: string; target?: string };

const judge = (change: ChangedPath, names: string[]): Verdict | undefined => {
  const { kind, mode = 0, link } = change;
  const type = mode & 0o170000;
  if (type === 0o160000) return { group: "git", why: "a repository inside this one", rank: ranks.repository };
  const heap = heapOf(change.path);
  if (heap !== undefined && !names.includes(".git"))
    return { group: "ignored", why: heaps[foldName(heap.split("/").at(-1)!)]!, rank: ranks.heap, at: heap };
  const rule = ruleOf(names);
  const isInGit = change.repository !== undefined || names.includes(".git");
  if (isInGit && (rule?.group !== "git" || rule.why === repositoryWhy || names.at(-1)!.endsWith(".sample")))
    return {
      group: "git",
      why: repositoryWhy,
      rank: ranks.repository,
      at: change.repository || repositoryOf(change.path),
    };
  if (rule && (kind !== "deleted" || countsDeleted.has(rule.group))) {
    const detail = detailOf(rule, change);
    if (detail !== "harmless")
      return { group: rule.group, why: detail ? `${rule.why}: ${showPath(detail)}` : rule.why, rank: rule.rank };
  }
  if (kind === "deleted") return undefined;
  if (names.some((name) => /~\d+(\.[^.]{0,3})?$/.test(name)))
    return { group: "git", why: "on Windows this short name can mean another file", rank: ranks.shortName };
  if (type === 0o120000 && link !== undefined && leadsOut(change.path, link))
    return { group: "link", why: "leads out of the project", rank: ranks.link, target: link };
  return type === 0o100000 && (mode & 0o111) !== 0 ? judgeProgram(change) : undefined;
};

/** The git directory that a path lies in, `.` when it is the project's top itself. */
const repositoryOf = (path: string): string => {
  const names = path.split("/");
  return names.slice(0, names.findIndex((name) => foldName(name) === ".git") + 1).join("/") || ".";
};

const detailOf = ({ precise }: Compiled, { kind, before, after }: ChangedPath): string | "harmless" | undefined => {
  if (!precise || after === undefined || (kind === "changed" && before === undefined)) return undefined;
  return (precise === "manifest" ? judgeManifest : judgeSettings)(before, after) ?? "harmless";
};

const judgeProgram = ({ kind, modeBefore, isIgnored }: ChangedPath): Verdict => {
  const isNew = kind === "added" || (modeBefore !== undefined && (modeBefore & 0o111) === 0);
  const why = isNew ? "can be started now" : "a program, changed";
  return {
    group: "program",
    why: isIgnored ? `${why}; git does not show it` : why,
    rank: isIgnored ? ranks.ignoredProgram : ranks.program,
  };
};

/** True when a link's text leaves the top. One that goes back up after a name may pass another link: it counts too. */
export const leadsOut = (path: string, link: string): boolean => {
  if (link.startsWith("/")) return true;
  const steps = link.split("/").filter((step) => step !== "" && step !== ".");
  const up = steps.findIndex((step) => step !== "..");
  const ups = up < 0 ? steps.length : up;
  return ups > path.split("/").length - 1 || steps.slice(ups).includes("..");
};

const words = { added: "new", changed: "changed", deleted: "deleted" };

/** Lines for a person: files of one reason together, at most `mostLines` reasons and `mostPaths` paths in each. */
export const summarizeLater = (findings: Finding[], { mostLines = 12, mostPaths = 3 } = {}): string[] => {
  const byWhy = new Map<string, Finding[]>();
  for (const finding of findings) put(byWhy, finding.why, finding);
  const lines = [...byWhy].map(([why, found]) => `${listPaths(found, mostPaths)}: ${why}`);
  if (lines.length <= mostLines) return lines;
  const hidden = [...byWhy.values()].slice(mostLines - 1).reduce((sum, found) => sum + found.length, 0);
  return [...lines.slice(0, mostLines - 1), `… and ${hidden} more`];
};

const listPaths = (found: Finding[], most: number): string => {
  const shown = found.slice(0, most).map(({ path, kind, count, group, target }) => {
    const note = group === "ignored" || count > 1 ? `${count} changed` : words[kind];
    return `${showPath(path)}${target === undefined ? "" : ` → ${showPath(target)}`} (${note})`;
  });
  return found.length > most ? `${shown.join(", ")} and ${found.length - most} more` : shown.join(", ");
};
