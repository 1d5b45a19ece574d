import {
  copyBetween,
  type Held,
  listEntries,
  readText,
  removeName,
  signatureOf,
  writeBytes,
} from "./held-directory.ts";
import { withoutPassword } from "./private-config.ts";
import { parseRefValue, type Refs, resolveValue, targetOf } from "./refs.ts";

/**
 * What one working tree has for itself: HEAD, the index, an operation in progress. At a start the inside is like the
 * outside, unless something would be lost or the sandbox is in the middle of something.
 */

/** What the host had when it was last taken over. */
export type StateRecord = {
  head: string;
  tip: string | undefined;
  index: string | undefined;
  /** Signatures of the files of operations in progress. */
  operation: Record<string, string>;
};

export type StateInput = {
  /** The host's git directory of the working tree, and the private one. */
  source: Held;
  held: Held;
  before: StateRecord | undefined;
  /** The commit that a HEAD of the host leads to. */
  tipOf(head: string): string | undefined;
  /** References of the host, and those inside as they are now. */
  host(): Refs;
  own(): Refs;
};

export type StateResult = {
  record: StateRecord;
  /** A commit that only a detached HEAD inside held. */
  orphan?: string;
};

/** Files and directories that are there while git is in the middle of something (`wt-status.c`, `wt_status_get_state`). */
const markers = [
  "MERGE_HEAD",
  "CHERRY_PICK_HEAD",
  "REVERT_HEAD",
  "BISECT_LOG",
  "rebase-merge",
  "rebase-apply",
  "sequencer",
];

/** What belongs to them. */
const operationFiles =
  /^(MERGE_(HEAD|MSG|MODE|RR)|CHERRY_PICK_HEAD|REVERT_HEAD|REBASE_HEAD|AUTO_MERGE|ORIG_HEAD|SQUASH_MSG|BISECT_[A-Z_]+)$/;
const operationDirectories = ["rebase-merge", "rebase-apply", "sequencer", "refs/bisect", "refs/rewritten"];

const maxHeadBytes = 4096;
const maxLogBytes = 1024 * 1024;
const maxDepth = 8;
const maxOperationFiles = 100;

/** Brings one working tree's state up to date. */
export const bringState = (input: StateInput): StateResult => {
  const { source, held, tipOf } = input;
  const head = parseRefValue(readText(source, "HEAD", maxHeadBytes) ?? "") ?? "ref: refs/heads/main";
  const record = { head, tip: tipOf(head), ...describeState(source) };
  const ownHead = parseRefValue(readText(held, "HEAD", maxHeadBytes) ?? "");
  // The host's side counts as seen even where the inside stays as it is: it is compared with the next one.
  if (!isTaken(input, record, ownHead)) return { record };
  const orphan = ownHead !== undefined && isOrphan(ownHead, input, record) ? ownHead : undefined;
  take(input, record);
  return { record, ...(orphan !== undefined && { orphan }) };
};

/** Whether git would take it for a git directory. What was emptied inside is made anew. */
export const isWhole = (held: Held): boolean =>
  parseRefValue(readText(held, "HEAD", maxHeadBytes) ?? "") !== undefined &&
  signatureOf(held, "config") !== undefined &&
  listEntries(held, "refs/heads") !== undefined;

/** Signatures of the index and of what is in progress. */
export const describeState = (directory: Held): Pick<StateRecord, "index" | "operation"> => ({
  index: signatureOf(directory, "index"),
  operation: operationOf(directory),
});

/** The objects that an operation in progress names: some are held by nothing else. */
export const operationTips = (directory: Held): string[] =>
  Object.keys(operationOf(directory))
    .slice(0, maxOperationFiles)
    .flatMap((name) => readText(directory, name, 65_536)?.match(/\b([0-9a-f]{64}|[0-9a-f]{40})\b/g) ?? []);

const isTaken = ({ held, before, own }: StateInput, now: StateRecord, ownHead: string | undefined): boolean => {
  if (ownHead === undefined) return true;
  if (isBusy(held, before, ownHead)) return false;
  if (before && JSON.stringify(before) === JSON.stringify(now)) return false;
  return ownHead !== now.head || resolveValue(ownHead, own()) === now.tip;
};

/** An operation that was begun inside, or one of the host's that has been carried on inside. */
const isBusy = (held: Held, before: StateRecord | undefined, ownHead: string): boolean => {
  const begun = markers.filter((name) => exists(held, name));
  const known = markers.filter((name) =>
    Object.keys(before?.operation ?? {}).some((file) => file === name || file.startsWith(`${name}/`)),
  );
  return begun.some((name) => !known.includes(name)) || (begun.length > 0 && ownHead !== before?.head);
};

const isOrphan = (ownHead: string, { host, own, before }: StateInput, now: StateRecord): boolean => {
  if (targetOf(ownHead) !== undefined || ownHead === now.tip || ownHead === before?.head || ownHead === before?.tip)
    return false;
  return ![...host().values(), ...own().values()].some(({ value }) => value === ownHead);
};

const take = ({ source, held, own, before }: StateInput, { head, tip, operation }: StateRecord): void => {
  for (const name of [...Object.keys(before?.operation ?? {}), ...Object.keys(operationOf(held))])
    if (!(name in operation)) removeName(held, name);
  for (const name of operationDirectories)
    if (!Object.keys(operation).some((file) => file.startsWith(`${name}/`)) && exists(held, name))
      removeName(held, name);
  for (const name of Object.keys(operation)) copyBetween(source, name, held, name);
  for (const { name, kind } of listEntries(source, "") ?? [])
    if (kind === "file" && /^sharedindex\.[0-9a-f]+$/.test(name)) copyBetween(source, name, held, name);
  if ((signatureOf(source, "index") ?? "") === "" || !copyBetween(source, "index", held, "index"))
    removeName(held, "index");
  bringLog(source, held);
  // The branch inside is somewhere else: the host's commit is checked out without it.
  const isElsewhere = tip !== undefined && resolveValue(head, own()) !== tip;
  writeBytes(held, "HEAD", `${isElsewhere ? tip : head}\n`, 0o644);
};

/** Where HEAD has been: `git status` tells from it what a detached one is at. What was set inside is not overwritten. */
const bringLog = (source: Held, held: Held): void => {
  if (signatureOf(held, "logs/HEAD") !== undefined) return;
  const text = readText(source, "logs/HEAD", maxLogBytes);
  // The words of a command may stand in it, and with them an address that logs somebody in.
  if (text !== undefined) writeBytes(held, "logs/HEAD", withoutPassword(text), 0o644);
};

const operationOf = (directory: Held): Record<string, string> => {
  const names = (listEntries(directory, "") ?? []).map(({ name }) => name).filter((name) => operationFiles.test(name));
  const nested = operationDirectories.flatMap((name) => filesBelow(directory, name, maxDepth));
  return Object.fromEntries(
    [...names, ...nested].flatMap((name) => {
      const signature = signatureOf(directory, name);
      return signature === undefined ? [] : [[name, signature] as const];
    }),
  );
};

/** Relative paths of the regular files below a directory. */
const filesBelow = (directory: Held, path: string, depth: number): string[] =>
  (listEntries(directory, path) ?? []).flatMap(({ name, kind }) => {
    const full = `${path}/${name}`;
    if (kind === "directory") return depth > 0 ? filesBelow(directory, full, depth - 1) : [];
    return kind === "file" ? [full] : [];
  });

const exists = (directory: Held, name: string): boolean =>
  name.includes("/") || !/^[A-Z_]+$/.test(name)
    ? listEntries(directory, name) !== undefined
    : signatureOf(directory, name) !== undefined;
