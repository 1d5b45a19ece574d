import fs from "node:fs";
import path from "node:path";
import { isWithin } from "../places.ts";
import { type Held, holdDirectory, release } from "./held-directory.ts";
import { encodeName } from "./name-bytes.ts";
import { aside, type Change, disarmRepository, setAside } from "./neutralise-repository.ts";
import { showPath } from "./shown-path.ts";
import type { GitEntry } from "./watch-tree.ts";

/**
 * Takes what a sandbox has left as `.git` out of the host's way, so that a prompt, an editor or the user himself can
 * stand there: an ordinary repository stays and works, without hooks and without settings that run anything; everything
 * else gets another name, by which no git finds it. Nothing is deleted. The tree is hostile: each step is taken from an
 * open directory, and follows no link.
 */
export type Neutralised = {
  path: string;
  changes: Change[];
  /** Why nothing could be done; then it is as dangerous as before. */
  problem?: string;
};

type Work = {
  /** The project on the host, a real path. */
  root: string;
  /** Path of the program. */
  git: string;
  /** Common directories that were covered while the run went on: what lies in them is the host's own. */
  trusted: string[];
};

const order = ["directory", "file", "link", "other"];
const maxGitfileBytes = 1024 * 1024;

/** Call when nothing of the run is alive. Never rejects. Gives the entries that were there, in the order of their paths. */
export const neutralise = async (work: Work, entries: GitEntry[]): Promise<Neutralised[]> => {
  const done: Neutralised[] = [];
  // Gitfiles may lead into git directories that are judged before.
  const disarmed = new Set<string>();
  for (const entry of [...entries].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))) {
    try {
      const folder = holdBelow(work.root, entry.path.split("/").slice(0, -1));
      try {
        done.push({ path: entry.path, changes: await settle(work, folder, entry, disarmed) });
      } finally {
        release(folder);
      }
    } catch (cause) {
      done.push({ path: entry.path, changes: [], problem: codeOf(cause) });
    }
  }
  return done.sort((a, b) => (a.path < b.path ? -1 : 1));
};

const settle = async (work: Work, folder: Held, entry: GitEntry, disarmed: Set<string>): Promise<Change[]> => {
  let why: Change[] | string;
  try {
    why = await judge(work, folder, entry, disarmed);
  } catch (cause) {
    why = `it cannot be looked through (${codeOf(cause)})`;
  }
  return typeof why === "string" ? [{ kind: "renamed", from: ".git", to: setAside(folder, ".git"), why }] : why;
};

const codeOf = (cause: unknown): string => (cause as NodeJS.ErrnoException).code ?? String(cause);

/** What was done, or why it cannot stay. */
const judge = async (
  work: Work,
  folder: Held,
  { kind }: GitEntry,
  disarmed: Set<string>,
): Promise<Change[] | string> => {
  if (kind === "file") return judgeGitfile(work, folder, disarmed) ?? [];
  if (kind === "link") return "it is a link";
  if (kind === "other") return "it is no file";
  const held = holdDirectory(`/proc/self/fd/${folder}/.git`);
  try {
    const result = await disarmRepository(held, { git: work.git, tree: placeOf(folder), trusted: work.trusted });
    if (typeof result === "string") return result;
    for (const place of result.places) disarmed.add(place);
    return result.changes;
  } finally {
    release(held);
  }
};

/** Why it cannot stay, if so. It is read as git reads it (`read_gitfile_gently`): at most a mebibyte, line ends off. */
const judgeGitfile = ({ trusted }: Work, folder: Held, disarmed: Set<string>): string | undefined => {
  const text = readGitfile(folder);
  if (!text?.startsWith("gitdir: ")) return "it is no gitfile";
  const named = text.slice("gitdir: ".length).replace(/[\r\n]+$/, "");
  const target = realTarget(placeOf(folder), named);
  const isKnown = target !== undefined && (disarmed.has(target) || trusted.some((place) => isPartOf(target, place)));
  return isKnown && !target.includes(aside) ? undefined : `it leads to ${showPath(named)}`;
};

/** Where submodules and working trees of a repository have their git directories (gitrepository-layout(5)). */
const isPartOf = (target: string, commonDir: string): boolean =>
  ["modules", "worktrees"].some(
    (name) => isWithin(target, path.join(commonDir, name)) && target !== path.join(commonDir, name),
  );

/** A submodule that was made inside has its directory in the private one: on the host there is none yet. */
const realTarget = (folder: string, named: string): string | undefined => {
  const target = named.startsWith("/") ? named : `${folder}/${named}`;
  try {
    return fs.realpathSync.native(target);
  } catch (cause) {
    const isPlain = /^(\.\.\/)*[^/]/.test(named) || named.startsWith("/");
    const isStraight = isPlain && !/(^|\/)\.\.(\/|$)/.test(named.replace(/^(\.\.\/)+/, ""));
    return (cause as NodeJS.ErrnoException).code === "ENOENT" && isStraight ? path.resolve(folder, named) : undefined;
  }
};

const readGitfile = (folder: Held): string | undefined => {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
  const fd = fs.openSync(`/proc/self/fd/${folder}/.git`, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const stat = fs.fstatSync(fd);
    return stat.isFile() && stat.size <= maxGitfileBytes ? fs.readFileSync(fd, "utf8") : undefined;
  } finally {
    fs.closeSync(fd);
  }
};

/** The directory at these names, which `name-bytes.ts` spells; none of them may be a link. Throws when it is not there. */
const holdBelow = (root: string, names: string[]): Held => {
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = fs.constants;
  let held = holdDirectory(root);
  for (const name of names) {
    const place = Buffer.concat([Buffer.from(`/proc/self/fd/${held}/`), Buffer.from(encodeName(name))]);
    try {
      const child = fs.openSync(place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      release(held);
      held = child;
    } catch (cause) {
      release(held);
      throw cause;
    }
  }
  return held;
};

const placeOf = (held: Held): string => fs.readlinkSync(`/proc/self/fd/${held}`);

/** A line for a person about each. */
export const describeNeutralised = ({ path, changes, problem }: Neutralised): string => {
  const place = showPath(path);
  if (problem !== undefined)
    return `${place} was made during the run, and could not be made harmless (${problem}): do not use git there`;
  if (changes.length === 0) return `${place} was made during the run; it holds nothing that git would run`;
  return `${place} was made during the run: ${changes.map(describe).join("; ")}`;
};

const describe = (change: Change): string =>
  change.kind === "renamed"
    ? `${showPath(change.from)} is now ${showPath(change.to)}, because ${change.why}`
    : `${listKeys(change.keys)} ${change.keys.length === 1 ? "is" : "are"} out of ${showPath(change.from)}; as it was: ${showPath(change.to)}`;

const mostKeys = 5;

const listKeys = (keys: string[]): string => {
  const shown = keys.slice(0, mostKeys).map(showPath).join(", ");
  return keys.length > mostKeys ? `${shown} and ${keys.length - mostKeys} more` : shown;
};
