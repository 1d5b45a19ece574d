import { runPipeline } from "../exec.ts";
import { showPath } from "./shown-path.ts";
import { prepareThrowaway, type ThrowawayRequest } from "./throwaway.ts";
import { linkOf, statOf, walkTree } from "./walk.ts";

/** What the private directory says of itself: names and ids are data, checked for their form alone. */
export type PrivateRefs = {
  /** Ids by full name; symbolic ones are left out. */
  refs: Record<string, string>;
  /** The ref that HEAD stands for, undefined when detached. */
  branch: string | undefined;
  head: string | undefined;
  /** Commits that are checked out in worktrees without a branch. */
  detached: string[];
  /** Newest first. */
  stash: string[];
};

export type Listed = PrivateRefs | { problem: string };

/**
 * Prints each part after a line with its name. Where there may be none, failing is no failure; but a list of refs that
 * breaks off must not pass for a short one.
 */
const script = `echo refs
"$@" for-each-ref --format='%(objectname) %(symref) %(refname)' || exit
echo branch
"$@" symbolic-ref -q HEAD
echo head
"$@" rev-parse -q --verify HEAD
echo worktrees
"$@" worktree list --porcelain || exit
echo stash
"$@" rev-parse -q --verify refs/stash && "$@" reflog show --format=%H refs/stash --
echo end`;

const mostBytes = 32 * 1024 * 1024;

/** Lists them inside a throw-away sandbox. */
export const listPrivateRefs = async (
  request: Omit<ThrowawayRequest, "script">,
  timeoutMs: number,
): Promise<Listed> => {
  const hazard = findHazard(request.directory);
  if (hazard !== undefined) return { problem: `${showPath(hazard)} in it is no ordinary file` };
  const { program, release } = prepareThrowaway({ ...request, script });
  try {
    const done = await runPipeline([program], { timeoutMs, maxBytes: mostBytes });
    if (done.isTimedOut) return { problem: "reading its refs did not come to an end in time" };
    if (done.isTooLong) return { problem: "its list of refs is too long" };
    const text = Buffer.from(done.stdout).toString();
    if (!text.endsWith("\nend\n")) return { problem: `its refs cannot be read: ${lastLine(done.errors[0] ?? "")}` };
    return parseRefs(text);
  } finally {
    release();
  }
};

const mostLooks = 3_000_000;

/** An open file of the sandbox itself, say. */
const leadsToDevice = /(^|\/)(proc|dev)\//;

/**
 * A pipe that git would wait at for ever, or a link that may lead to one. It only saves the time: whoever still runs
 * inside can make one later.
 */
const findHazard = (directory: string): string | undefined => {
  let hazard: string | undefined;
  walkTree(directory, mostLooks, {
    entry: ({ path, kind }) => {
      if (kind === "directory") return path === "hooks" ? "never" : "later";
      const link = kind === "link" ? linkOf(directory, path) : undefined;
      const isHarmful = kind === "other" ? !isSocket(directory, path) : link !== undefined && leadsToDevice.test(link);
      if (isHarmful) hazard ??= path;
      return "never";
    },
  });
  return hazard;
};

/** Opening one fails at once (open(2), ENXIO); git's file system monitor leaves one. */
const isSocket = (directory: string, path: string): boolean => {
  const stat = statOf(directory, path);
  return typeof stat !== "string" && stat.isSocket();
};

export const idPattern = /^([0-9a-f]{40}|[0-9a-f]{64})$/;

/** Pure. Reads what the script prints; lines of another form are nobody's. */
export const parseRefs = (text: string): PrivateRefs => {
  const parts = new Map<string, string[]>();
  let name = "";
  for (const line of text.split("\n")) {
    if (/^(refs|branch|head|worktrees|stash|end)$/.test(line)) name = line;
    else parts.set(name, [...(parts.get(name) ?? []), line]);
  }
  const lines = (name: string) => parts.get(name) ?? [];
  const ids = (name: string) => lines(name).filter((line) => idPattern.test(line));
  const refs = lines("refs").flatMap((line) => {
    const [, id = "", symref, name = ""] = /^([0-9a-f]+) (\S*) (refs\/.+)$/.exec(line) ?? [];
    return idPattern.test(id) && symref === "" ? [[name, id] as const] : [];
  });
  return {
    refs: Object.fromEntries(refs),
    branch: lines("branch").find((line) => line.startsWith("refs/")),
    head: ids("head")[0],
    detached: detachedOf(lines("worktrees")),
    // The first line is the ref itself, then its log, which begins with the same.
    stash: [...new Set(ids("stash"))],
  };
};

/** Of `git worktree list --porcelain`, the commits without a branch. */
const detachedOf = (lines: string[]): string[] =>
  lines.flatMap((line, index) => {
    const id = line.startsWith("HEAD ") ? line.slice(5) : "";
    return idPattern.test(id) && lines[index + 1] === "detached" && !/^0+$/.test(id) ? [id] : [];
  });

/** Fit to be shown: one line, no control characters. */
export const lastLine = (text: string): string =>
  (text.trim().split("\n").at(-1) ?? "").replace(/[^\x20-\x7e]/g, "?").slice(0, 300);
