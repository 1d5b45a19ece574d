import fs from "node:fs";
import type { GitCall } from "../workspace/git.ts";
import { runGit } from "../workspace/git.ts";
import { findPrograms } from "../workspace/host-index.ts";
import { decodeName } from "../workspace/name-bytes.ts";
import { splitBytes, type TreeChange, type TreeEntry } from "./tree-diff.ts";
import { formatIndex } from "./work.ts";

const patienceMs = 120_000;
const mostBytes = 256 * 1024 * 1024;

/**
 * Of the changes since the base, those that the host's own files have as well: whoever sees them inside sees the host's.
 * `index` is a file that nobody else uses. The host's git compares its own working tree with ids; it needs no object.
 */
export const findOnHost = async (changes: TreeChange[], call: GitCall, index: string): Promise<Set<string>> => {
  if (changes.length === 0) return new Set();
  const programs = await findPrograms(call);
  if (!programs) return new Set();
  const own: GitCall = {
    ...call,
    config: [...programs, "core.splitIndex=false", "core.safecrlf=false"],
    env: { ...call.env, GIT_INDEX_FILE: index },
    timeoutMs: patienceMs,
    maxBytes: mostBytes,
  };
  const there = changes.flatMap(({ path, after }) => (after ? [[path, after] as [string, TreeEntry]] : []));
  const gone = changes.flatMap(({ path, before, after }) =>
    !after && before ? [[path, before] as [string, TreeEntry]] : [],
  );
  const unlike = await compare(there, own);
  const unlikeBefore = await compare(gone, own);
  return new Set([
    ...there.map(([path]) => path).filter((path) => unlike && !unlike.has(path)),
    ...gone.map(([path]) => path).filter((path) => unlikeBefore?.get(path) === "D"),
  ]);
};

/** The paths at which the working tree is not like these entries, with git's letter for how; undefined when git fails. */
const compare = async (
  entries: [string, TreeEntry][],
  call: GitCall,
): Promise<ReadonlyMap<string, string> | undefined> => {
  const found = new Map<string, string>();
  if (entries.length === 0) return found;
  const index = call.env!["GIT_INDEX_FILE"]!;
  fs.rmSync(index, { force: true });
  const input = formatIndex(entries, entries[0]![1].id.length);
  const filled = await runGit(["update-index", "-z", "--index-info"], { ...call, input });
  await runGit(["update-index", "-q", "--refresh"], call);
  const args = ["diff-files", "--name-status", "-z", "--no-ext-diff", "--no-renames", "--ignore-submodules=all"];
  const listed = await runGit(args, call);
  fs.rmSync(index, { force: true });
  if (filled.code !== 0 || listed.code !== 0) return undefined;
  const fields = splitBytes(listed.stdout);
  for (let at = 0; at + 1 < fields.length; at += 2)
    found.set(decodeName(fields[at + 1]!), Buffer.from(fields[at]!).toString("latin1"));
  return found;
};
