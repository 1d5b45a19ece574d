import fs from "node:fs";
import path from "node:path";
import { shortDigest } from "../places.ts";
import { type GitAnswer, type GitCall, runGit } from "./git.ts";
import { refreshIndex } from "./index-refresh.ts";
import { idPattern, lastLine } from "./private-refs.ts";

/**
 * A move of HEAD that the index follows: written down before, so that the next import can finish it. `staged` tells
 * what the index had beside `from`.
 */
export type Move = { gitDir: string; from: string; to: string; staged: string | undefined };

/** In short, what the index has that is not in a tree; undefined when it cannot be told. */
export const describeStaged = async (tree: string, call: GitCall): Promise<string | undefined> => {
  const { code, text } = await runGit(["diff-index", "--cached", "-z", tree, "--"], { ...call, maxBytes: mostBytes });
  return code === 0 ? shortDigest(text) : undefined;
};

/**
 * Whether the index can follow from one tree to the other and keep all that is staged: what a commit changes must be
 * staged just so, or not at all (git-read-tree(1), "Two Tree Merge"). Changes nothing.
 */
export const canFollow = async (from: string, to: string, call: GitCall): Promise<boolean> =>
  (await runGit(["diff-index", "--cached", "--quiet", from, "--"], call)).code === 0 ||
  (await readTrees(from, to, call, ["-n"])).code === 0;

/**
 * Brings the index from one tree to the other and leaves the working tree alone. What does not change keeps its entry.
 * Undefined when that went well, else what did not.
 */
export const followHead = async (
  { from, to }: Pick<Move, "from" | "to">,
  call: GitCall,
): Promise<string | undefined> => {
  const read = await readTrees(from, to, call);
  if (read.code !== 0) return `the index could not follow, and \`git reset\` lets it: ${lastLine(read.stderr)}`;
  const filters = await findPrograms(call);
  // Only saves the next `git status` work; that one knows the user's own filters and line ends.
  const config = [...(call.config ?? []), ...(filters ?? [])];
  if (filters && call.repository) await refreshIndex(call.repository.gitDir, { ...call, config });
  return undefined;
};

const mostBytes = 128 * 1024 * 1024;
const patienceMs = 2_000;
const retryMs = 50;

/** Waits for whoever has locked the index: an editor that asks for the status does so every now and then. */
export const untilUnlocked = async (gitDir: string): Promise<boolean> => {
  const lock = path.join(gitDir, "index.lock");
  for (const endAt = performance.now() + patienceMs; fs.existsSync(lock); await Bun.sleep(retryMs))
    if (performance.now() > endAt) return false;
  return true;
};

/** The lock may be taken between the look and the call. */
const readTrees = async (from: string, to: string, call: GitCall, options: string[] = []): Promise<GitAnswer> => {
  for (let attempt = 0; ; attempt++) {
    if (call.repository) await untilUnlocked(call.repository.gitDir);
    const read = await runGit(["read-tree", "-i", "-m", ...options, from, to], call);
    if (read.code === 0 || attempt === 3 || !read.stderr.includes("index.lock")) return read;
  }
};

/**
 * Settings that switch off every filter of the repository, and let every merge driver of it fail, which git takes for a
 * conflict; undefined when one has a name that no option can hold.
 */
export const findPrograms = async (call: GitCall): Promise<string[] | undefined> => {
  const listed = await runGit(["config", "--null", "--name-only", "--includes", "--list"], call);
  const found = listed.text.split("\0").flatMap((key) => {
    const [, kind, name] = /^(filter|merge)\.(.+)\.[^.]+$/s.exec(key) ?? [];
    return kind === undefined ? [] : [{ kind, name: name! }];
  });
  if (listed.code !== 0 || found.some(({ name }) => name.includes("="))) return undefined;
  const settings = found.flatMap(({ kind, name }) =>
    kind === "merge"
      ? [`merge.${name}.driver=false`, `merge.${name}.recursive=binary`]
      : [...["clean", "smudge", "process"].map((key) => `filter.${name}.${key}=`), `filter.${name}.required=false`],
  );
  return [...new Set(settings)];
};

/** Writes the move down, or forgets it. */
export const noteMove = (file: string, move: Move | undefined): void => {
  if (!move) {
    fs.rmSync(file, { force: true });
    return;
  }
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  fs.writeFileSync(`${file}.new`, JSON.stringify(move), { mode: 0o600 });
  fs.renameSync(`${file}.new`, file);
};

/** Finishes the move of an import that died between HEAD and index. Whatever the user has done since is left as it is. */
export const finishMove = async (file: string, call: GitCall): Promise<void> => {
  const move = readMove(file);
  if (move && move.gitDir === call.repository?.gitDir) {
    const head = await runGit(["rev-parse", "-q", "--verify", "HEAD"], call);
    const isUntouched = (await describeStaged(move.from, call)) === move.staged;
    if (head.text.trim() === move.to && isUntouched && (await followHead(move, call)) !== undefined) return;
  }
  noteMove(file, undefined);
};

const readMove = (file: string): Move | undefined => {
  try {
    const move = JSON.parse(fs.readFileSync(file, "utf8")) as Move;
    return idPattern.test(move.from) && idPattern.test(move.to) ? move : undefined;
  } catch {
    return undefined;
  }
};
