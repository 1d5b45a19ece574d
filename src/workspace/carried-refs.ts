import { runGit } from "./git.ts";
import { type Held, listEntries, readText, removeName, signatureOf, writeBytes } from "./held-directory.ts";
import { besideName, mergeRefs, type RefChanges } from "./ref-merge.ts";
import { formatPackedRefs, isObjectId, parsePackedRefs, parseRefValue, type Refs, targetOf } from "./refs.ts";

/** What of the host's repository git may be asked; nothing of one that an agent may have made. */
export type Asked = { git: string; gitDir: string } | undefined;

const maxPackedBytes = 128 * 1024 * 1024;
const maxQuestions = 32;

export type RefInput = {
  held: Held;
  /** References inside, those that the host had the last time, and those that it has now. */
  own: Refs;
  base: Refs;
  host: Refs;
  /** Branches that the host has checked out: the inside will have them, too. */
  checkedOut: (string | undefined)[];
  asked: Asked;
};

/**
 * Brings the host's references in. Returns the names that both sides have moved: the inside keeps its own, and sees the
 * host's below `refs/remotes/host/`. So does a branch that somebody inside stands on: it is not pulled from under him.
 */
export const bringRefs = async (input: RefInput): Promise<{ forked: string[]; agreed: Refs }> => {
  const { held, own, base, host, asked } = input;
  const changes = mergeRefs(base, host, own);
  await followImported(changes, asked);
  const forked = changes.forked.map(({ name }) => name);
  const stood = [...changes.set.keys(), ...changes.remove].filter((name) => isStoodOn(input, name));
  changes.remove = changes.remove.filter((name) => !stood.includes(name));
  for (const name of stood) changes.set.delete(name);
  for (const name of [...forked, ...stood]) {
    const value = host.get(name)?.value;
    if (value !== undefined && isObjectId(value)) changes.set.set(besideName(name, host), value);
  }
  writeRefs(held, changes, own, host);
  return { forked, agreed: agreedRefs(base, host, [...forked, ...stood]) };
};

const isStoodOn = ({ held, own, checkedOut }: RefInput, name: string): boolean => {
  if (checkedOut.includes(name) || !own.has(name)) return false;
  const heads = ["HEAD", ...(listEntries(held, "worktrees") ?? []).map((entry) => `worktrees/${entry.name}/HEAD`)];
  return heads.some((head) => targetOf(parseRefValue(readText(held, head, 4096) ?? "") ?? "") === name);
};

/** What both sides have had: the host's references, but of those that are others inside what they were before. */
const agreedRefs = (base: Refs, host: Refs, others: string[]): Refs => {
  const agreed = new Map(host);
  for (const name of others) {
    const before = base.get(name);
    if (before) agreed.set(name, before);
    else agreed.delete(name);
  }
  return agreed;
};

/** What was made inside, has arrived on the host and was built upon there is no fork: the inside may follow. */
const followImported = async (changes: RefChanges, asked: Asked): Promise<void> => {
  if (asked === undefined) return;
  const { git, gitDir } = asked;
  const open: RefChanges["forked"] = [];
  for (const [index, fork] of changes.forked.entries()) {
    const { name, host, own } = fork;
    const ids = [own, host].filter((value) => value !== undefined && isObjectId(value)) as string[];
    const question = ["merge-base", "--is-ancestor", ...ids];
    const isBehind =
      ids.length === 2 && index < maxQuestions && (await runGit(question, { git, repository: { gitDir } })).code === 0;
    if (isBehind) changes.set.set(name, host!);
    else open.push(fork);
  }
  changes.forked = open;
};

/** Loose references stay loose, everything else is packed; `own` is changed as well. */
export const writeRefs = (
  held: Held,
  { set, remove }: Pick<RefChanges, "set" | "remove">,
  own: Refs,
  host: Refs,
): void => {
  if (set.size === 0 && remove.length === 0) return;
  const packed: Refs = new Map();
  const text = readText(held, "packed-refs", maxPackedBytes);
  // What is not understood is not thrown away: then the file stays, and all that is new stands loose above it.
  const isPlain = text === undefined || parsePackedRefs(text, packed) === 0;
  for (const name of remove) {
    packed.delete(name);
    own.delete(name);
    removeName(held, name);
  }
  for (const [name, value] of set) {
    const ref = host.get(name)?.value === value ? host.get(name)! : { value };
    own.set(name, ref);
    const isLoose = !isPlain || !isObjectId(value) || (text !== undefined && signatureOf(held, name) !== undefined);
    if (isLoose) writeBytes(held, name, `${value}\n`, 0o644);
    else packed.set(name, ref);
  }
  removeName(held, "packed-refs.lock");
  if (isPlain) writeBytes(held, "packed-refs", formatPackedRefs(packed), 0o644);
};
