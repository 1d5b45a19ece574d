import { type Held, holdDirectory, listEntries, readText, release } from "./held-directory.ts";
import type { PrivateRefs } from "./private-refs.ts";
import { isObjectId, parseRefValue, readRefs, targetOf } from "./refs.ts";

export type Base = {
  branch: string | undefined;
  head: string | undefined;
  refs: Record<string, string>;
  stash?: string[];
};

/**
 * What a private git directory says when it says nothing new, read as data without running git; undefined when there is
 * anything to import, or anything that takes a closer look. Most runs commit nothing, and need no sandbox to say so.
 */
export const readUnchanged = (directory: string, below: string, base: Base): PrivateRefs | undefined => {
  let held: Held;
  try {
    held = holdDirectory(directory);
  } catch {
    return undefined;
  }
  try {
    if (listEntries(held, "reftable") !== undefined) return undefined;
    const known = new Set([...Object.values(base.refs), base.head, ...(base.stash ?? [])]);
    const { refs, skipped, isComplete } = readRefs(held);
    if (skipped > 0 || !isComplete) return undefined;
    const plain = [...refs].flatMap(([name, { value }]) => (isObjectId(value) ? [[name, value] as const] : []));
    const isNew = ([name, id]: readonly [string, string]) =>
      name === "refs/stash" ? id !== base.stash?.[0] : carried.test(name) && base.refs[name] !== id;
    if (plain.some(isNew)) return undefined;
    const heads = [below, ...worktreesOf(held)].map((place) => readHead(held, place));
    if (heads.some((head) => head === undefined || (isObjectId(head) && !known.has(head)))) return undefined;
    const [head = ""] = heads;
    const branch = targetOf(head);
    return {
      refs: Object.fromEntries(plain),
      branch,
      head: branch === undefined ? head : refs.get(branch)?.value,
      detached: [],
      stash: base.stash ?? [],
    };
  } finally {
    release(held);
  }
};

/** Of those an import takes notice. */
export const carried = /^refs\/(heads|tags|notes)\//;

const worktreesOf = (held: Held): string[] =>
  (listEntries(held, "worktrees") ?? []).map(({ name }) => `worktrees/${name}`);

const readHead = (held: Held, place: string): string | undefined => {
  const text = readText(held, place === "" ? "HEAD" : `${place}/HEAD`, 4096);
  return text === undefined ? undefined : parseRefValue(text);
};
