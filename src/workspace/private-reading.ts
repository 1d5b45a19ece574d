import { type Held, holdDirectory, listEntries, readText, release } from "./held-directory.ts";
import { isObjectId, parseRefValue, readRefs, targetOf } from "./refs.ts";

/** What a private git directory holds, read as data: ids are hex, names keep git's rules, no link is followed. */
export type PrivateReading = {
  /** Ids by full name; symbolic references are left out. */
  refs: Record<string, string>;
  /** What HEAD stands for; both undefined when it says nothing that could be one. */
  branch: string | undefined;
  detached: string | undefined;
  /** Commits that are checked out without a branch in working trees made inside. */
  others: string[];
  /** Stash entries, newest first. */
  stash: { id: string; message: string }[];
  /** Entries that are no references. */
  skipped: number;
  /** False when there was more than anybody reads. */
  isComplete: boolean;
};

const maxLogBytes = 1024 * 1024;
const maxWorktrees = 1000;
const maxHeadBytes = 4096;

/** Reads it. git is not asked: it would believe the directory. Throws when it is no directory. */
export const readPrivateRefs = (directory: string): PrivateReading => {
  const held = holdDirectory(directory);
  try {
    const { refs, skipped, isComplete } = readRefs(held);
    const head = parseRefValue(readText(held, "HEAD", maxHeadBytes) ?? "");
    const ids = [...refs]
      .filter(([, { value }]) => isObjectId(value))
      .map(([name, { value }]) => [name, value] as const);
    return {
      // A null prototype: a name like `__proto__` is a name like any other.
      refs: Object.assign(Object.create(null), Object.fromEntries(ids)),
      branch: head && targetOf(head),
      detached: head !== undefined && isObjectId(head) ? head : undefined,
      others: headsBelow(held),
      stash: readStash(held),
      skipped,
      isComplete,
    };
  } finally {
    release(held);
  }
};

const headsBelow = (held: Held): string[] =>
  (listEntries(held, "worktrees") ?? [])
    .filter(({ kind }) => kind === "directory")
    .slice(0, maxWorktrees)
    .flatMap(({ name }) => {
      const head = parseRefValue(readText(held, `worktrees/${name}/HEAD`, maxHeadBytes) ?? "");
      return head !== undefined && isObjectId(head) ? [head] : [];
    });

/** The entries are the lines of its log: old id, new id, who and when, a tab, the message. */
const readStash = (held: Held): PrivateReading["stash"] =>
  (readText(held, "logs/refs/stash", maxLogBytes) ?? "")
    .split("\n")
    .flatMap((line) => {
      const [facts = "", message = ""] = line.split("\t");
      const id = facts.split(" ")[1] ?? "";
      return isObjectId(id) ? [{ id, message }] : [];
    })
    .reverse();
