import { type GitCall, runGit } from "./git.ts";
import { isObjectId } from "./refs.ts";
import type { Repository } from "./repository.ts";

/**
 * What is staged on the host is held by its index alone. Inside it may become part of a commit while the host forgets
 * it; a tree that no commit has, with every such file in it, keeps it.
 */

const maxBytes = 512 * 1024 * 1024;
const ordinary = /^(100644|100755|120000)$/;

/** Makes the tree in the host's repository and gives its id; undefined when nothing is staged. Throws when git fails. */
export const pinStaged = async (git: string, repository: Repository): Promise<string | undefined> => {
  const call: GitCall = { git, repository: { gitDir: repository.gitDir }, maxBytes };
  const ids = await stagedIds(call, repository.head);
  if (ids.length === 0) return undefined;
  const input = `${ids.join("\n")}\n`;
  const checked = await runGit(["cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)"], {
    ...call,
    input,
  });
  const rows = checked.text.split("\n").map((line) => /^([0-9a-f]+) blob (\d+)$/.exec(line));
  const found = rows.flatMap((row) => row?.[1] ?? []);
  if (found.length === 0) return undefined;
  // git says that it knows the empty file, also when there is no object of it; a tree wants one.
  if (rows.some((row) => row?.[2] === "0")) await runGit(["hash-object", "-w", "-t", "blob", "--stdin"], call);
  const lines = found.map((id) => `100644 blob ${id}\t${id}\n`).join("");
  const made = await runGit(["mktree"], { ...call, input: lines });
  const tree = made.text.trim();
  if (made.code !== 0 || !isObjectId(tree)) throw new Error("git cannot hold what is staged");
  return tree;
};

/** Ids of the files in the index that are other than in the commit, each once; those of conflicts as well. */
const stagedIds = async (call: GitCall, head: string | undefined): Promise<string[]> => {
  if (head === undefined) return await listed(call, ["ls-files", "--stage", "-z"]);
  const raw = ["diff-index", "--cached", "--raw", "--no-renames", "--no-abbrev", "--ignore-submodules=all", "-z", head];
  const { text } = await runGit(raw, call);
  const rows = [...text.matchAll(/(?:^|\0):\d+ (\d+) [0-9a-f]+ ([0-9a-f]+) ([A-Z])\0/g)];
  const ids = rows.flatMap(([, mode, id]) => (ordinary.test(mode!) && /[1-9a-f]/.test(id!) ? [id!] : []));
  const isUnmerged = rows.some(([, , , status]) => status === "U");
  return [...new Set([...ids, ...(isUnmerged ? await listed(call, ["ls-files", "--unmerged", "-z"]) : [])])];
};

const listed = async (call: GitCall, args: string[]): Promise<string[]> => {
  const { text } = await runGit(args, call);
  const rows = [...text.matchAll(/(?:^|\0)(\d+) ([0-9a-f]+) \d\t/g)];
  return [...new Set(rows.flatMap(([, mode, id]) => (ordinary.test(mode!) ? [id!] : [])))];
};
