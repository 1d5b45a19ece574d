import { runGit } from "./git.ts";
import { type Held, readText, removeName, signatureOf, writeBytes } from "./held-directory.ts";
import { besideName, mergeRefs, type RefChanges } from "./ref-merge.ts";
import { formatPackedRefs, isObjectId, parsePackedRefs, type Refs } from "./refs.ts";

/** What of the host's repository git may be asked; nothing of one that an agent may have made. */
export type Asked = { git: string; gitDir: string } | undefined;

const maxPackedBytes = 128 * 1024 * 1024;
const maxQuestions = 32;

/**
 * Brings the host's references in: `own` are those inside, `base` is what the host's were the last time. Returns the
 * names that both sides have moved: the inside keeps its own, and sees the host's below `refs/remotes/host/`.
 */
export const bringRefs = async (held: Held, own: Refs, base: Refs, host: Refs, asked: Asked): Promise<string[]> => {
  const changes = mergeRefs(base, host, own);
  await followImported(changes, asked);
  for (const { name, host: value } of changes.forked)
    if (value !== undefined && isObjectId(value)) changes.set.set(besideName(name, host), value);
  writeChanges(held, changes, own, host);
  return changes.forked.map(({ name }) => name);
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
const writeChanges = (held: Held, { set, remove }: RefChanges, own: Refs, host: Refs): void => {
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
