import type { Changed, KnownDirectories } from "./native-look.ts";
import { showPath } from "./shown-path.ts";
import {
  describeGit,
  entriesOf,
  type GitEntry,
  gapsOf,
  lookAgain,
  type Seen,
  startTree,
  type Tree,
} from "./watch-tree.ts";

/**
 * Git repositories that appear in a project while a run goes on: no mount can keep a sandbox from making a `.git` in a
 * directory that it may write. They are told of at once, as the host's git would obey them, and given back at the end,
 * when whoever could change them is gone; see `neutralise.ts`.
 */
export type NestedWatch = {
  /** Looks once more, which is what counts. Call when nothing of the run is alive. */
  finish(): Appeared;
};

export type Appeared = {
  entries: GitEntry[];
  /** Directories that could be looked into before and cannot now, the first of them. */
  closed: string[];
  /** False when the project has more directories than anybody wants to wait for. */
  isComplete: boolean;
  /** Of a large project: which directories are not what they were, and which ones matter to the host. */
  directories?: KnownDirectories;
};

/** What was there before the run: identities by path, and what could not be looked into. Plain data, for a file. */
export type NestedBefore = { root: string; entries: Record<string, string>; closed: string[] };

/** `nested` are the relative paths of all `.git` below the root; its own is looked for. Call before anything is started. */
export const rememberNested = (root: string, nested: string[], closed: string[] = []): NestedBefore => {
  const entries: NestedBefore["entries"] = Object.create(null);
  for (const path of [".git", ...nested]) {
    const entry = describeGit(root, path.slice(0, -".git".length));
    if (entry) entries[path] = entry.identity;
  }
  return { root, entries, closed };
};

/** A short run is looked at once, at its end. */
const firstAfterMs = 1_000;
const betweenMs = { least: 2_000, most: 15_000, growth: 1.5 };
/** Of the time, at most one part in this many goes into looking. */
const restFactor = 40;
const sliceMs = 3;
const pauseMs = 10;
const mostTold = 3;
/** A larger tree is looked at once as well: remembering it would take tens of megabytes while the agent works. */
const mostInBackground = 50_000;

type Options = {
  before: NestedBefore;
  /** What an earlier look at the tree remembers; without, the first look reads every directory. */
  seen?: () => Iterable<Seen>;
  /** Says which of that is not as it was: of a large tree nothing else needs to be looked at, or remembered. */
  changed?: Changed;
  /** Called with the path of each new one, as a person may see it, for the first few. */
  onAppear(path: string): void;
};

/** Looks in the background, in slices of a few milliseconds, until `finish`. */
export const watchNested = (options: Options): NestedWatch => {
  const { before, seen = () => [], changed, onAppear } = options;
  let tree: Tree | undefined;
  const started = () => {
    tree ??= startTree(before.root, seen());
    return tree;
  };
  const told = new Set<string>();
  let betweenNowMs = betweenMs.least;
  let timer: NodeJS.Timeout;
  const wait = (work: () => void, ms: number) => {
    timer = setTimeout(work, ms);
    timer.unref();
  };
  function* look(): Generator<void, void> {
    const part = changed && (yield* changed.inSteps());
    if (part) tree = startTree(before.root, part.rows);
    yield* lookAgain(started());
  }
  const begin = () => slice(look(), 0);
  const slice = (steps: Generator<void, void>, spentMs: number): void => {
    const from = performance.now();
    let isDone = false;
    while (!isDone && performance.now() - from < sliceMs) isDone = steps.next().done === true;
    const spentNowMs = spentMs + performance.now() - from;
    if (tree && tree.rows.size > mostInBackground) tree = undefined;
    else if (!isDone) wait(() => slice(steps, spentNowMs), pauseMs);
    else {
      betweenNowMs = tell() ? betweenMs.least : Math.min(betweenNowMs * betweenMs.growth, betweenMs.most);
      wait(begin, Math.max(betweenNowMs, spentNowMs * restFactor));
    }
  };
  const tell = (): boolean => {
    const fresh = newOnes(started(), before).filter(({ identity }) => !told.has(identity));
    for (const { path, identity } of fresh) {
      if (told.size < mostTold) onAppear(showPath(path));
      told.add(identity);
    }
    return fresh.length > 0;
  };
  wait(begin, firstAfterMs);
  return {
    finish: () => {
      clearTimeout(timer);
      const part = changed?.atOnce();
      const appeared = lookWhole(part ? startTree(before.root, part.rows) : started(), before);
      return { ...appeared, ...(changed && part && { directories: { ...part, ...changed.judged() } }) };
    },
  };
};

/**
 * The same for a run that nobody was there to watch to its end. Since then the machine may have been started anew, and
 * devices have other numbers; and the project's own `.git` was covered as long as anything ran.
 */
export const findAppeared = (before: NestedBefore): Appeared => {
  const tree = startTree(before.root);
  const appeared = lookWhole(tree, { ...before, entries: mapValues(before.entries, withoutDevice) }, withoutDevice);
  return { ...appeared, entries: appeared.entries.filter(({ path }) => path !== ".git" || !(path in before.entries)) };
};

const mapValues = (record: Record<string, string>, change: (value: string) => string): Record<string, string> =>
  Object.assign(
    Object.create(null),
    Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)])),
  );

const withoutDevice = (identity: string): string => identity.replace(/:\d+/, "");
const asItIs = (identity: string): string => identity;

const lookWhole = (tree: Tree, before: NestedBefore, shorten = asItIs): Appeared => {
  for (const _ of lookAgain(tree));
  const { closed, isComplete } = gapsOf(tree);
  const entries = newOnes(tree, before, shorten);
  return { entries, closed: closed.filter((path) => !before.closed.includes(path)), isComplete };
};

/** A git directory of the start is covered by a mount wherever it has moved. Anything else may lead elsewhere from there. */
const newOnes = (tree: Tree, { entries }: NestedBefore, shorten = asItIs): GitEntry[] => {
  const known = new Set(Object.values(entries));
  return entriesOf(tree).filter(({ path, kind, identity }) =>
    kind === "directory" ? !known.has(shorten(identity)) : entries[path] !== shorten(identity),
  );
};
