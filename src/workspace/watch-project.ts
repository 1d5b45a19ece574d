import fs from "node:fs";
import path from "node:path";
import type { Mount } from "../plan/plan.ts";
import { startTicksOf } from "../run/registry.ts";
import type { Changed } from "./native-look.ts";
import type { Neutralised } from "./neutralise.ts";
import { showPath } from "./shown-path.ts";
import { coveredPlaces, guardPlaces } from "./watch-mounts.ts";
import {
  type Appeared,
  findAppeared,
  type NestedBefore,
  type NestedWatch,
  rememberNested,
  watchNested,
} from "./watch-nested.ts";
import type { GitEntry, Seen } from "./watch-tree.ts";

/** What is watched of a live project from outside, from before the start of a run until after its end. */
export type ProjectWatch = {
  /**
   * Call before the first command of a sandbox; for a second sandbox on the same mounts again. `onReplaced` is called at
   * most once for each, and must end it at once. Throws what `confirm` throws: then nothing is watched, or settled.
   */
  begin(hear: Hearer): void;
  /** Call when nothing of the run is alive, however it ended. Never rejects. */
  settle(): Promise<Settled>;
};

/** What a run has left, besides what is in the files. */
export type Settled = {
  /** For the person. */
  sentences: string[];
  /** Relative paths of every `.git` that was made during the run and is harmless now, apart from what lies in it. */
  places: string[];
} & Pick<Appeared, "directories">;

export type Hearer = { onAppear(sentence: string): void; onReplaced(sentence: string): void };

export type WatchedProject = {
  /** The project on the host and inside, a real path. */
  top: string;
  /** Relative paths of every `.git` below it, and of what could not be looked into. */
  nested: string[];
  closed: string[];
  /** All mounts of the run. */
  mounts: Mount[];
  /** The common directories that private ones stand for. */
  commonDirs: string[];
  /** cordon's own directory for this project. */
  store: string;
  /** Path of the program. */
  git: string;
  /** Throws when the lists above are not right. */
  confirm(): void;
  /** What the look at the start remembers, and what of it is not so any more; see `watchNested`. */
  seen: () => Iterable<Seen>;
  changed?: Changed;
};

/** What stands in a file as long as the run lasts, so that the next one can settle what a killed cordon has left. */
type Kept = { before: NestedBefore; trusted: string[] };

/** Call before the sandbox is started, and before anything is mounted. */
export const prepareWatch = (project: WatchedProject): ProjectWatch => {
  const { top, nested, closed, mounts, commonDirs, store, git, confirm, seen, changed } = project;
  const before = rememberNested(top, nested, closed);
  const guard = guardPlaces(top, coveredPlaces(mounts, top));
  let file: string | undefined;
  let watch: NestedWatch | undefined;
  let hearer: Hearer | undefined;
  let replaced: string | undefined;
  let stop = () => {};
  return {
    begin: (hear) => {
      confirm();
      // A repository of the user's that nobody knew would be taken for one that was made inside.
      file ??= keep(store, { before, trusted: commonDirs });
      hearer = hear;
      if (replaced !== undefined) hear.onReplaced(describeReplaced(replaced));
      if (watch) return;
      const onAppear = (place: string) => hearer?.onAppear(describeAppeared(place));
      watch = watchNested({ before, seen, changed, onAppear });
      stop = guard.watch((place) => {
        replaced = place;
        hearer?.onReplaced(describeReplaced(place));
      });
    },
    settle: async () => {
      stop();
      guard.release();
      const settled = watch ? await settleAll({ before, trusted: commonDirs }, watch.finish(), git) : nothing;
      if (file !== undefined) fs.rmSync(file, { force: true });
      return settled;
    },
  };
};

/**
 * Settles what runs have left that nobody was there to watch to their end. Call before anybody looks at the project's
 * repositories: what was made inside would be taken for the host's own.
 */
export const settleLeft = async (store: string, git: string): Promise<string[]> => {
  const said: string[] = [];
  for (const file of leftOf(store)) {
    const kept = readKept(file);
    if (kept) said.push(...(await settleAll(kept, findAppeared(kept.before), git)).sentences);
    fs.rmSync(file, { force: true });
  }
  return said;
};

/** True when there is something that `settleLeft` would do. */
export const hasUnsettled = (store: string): boolean => leftOf(store).length > 0;

const placeOf = (store: string): string => path.join(store, "watched");

/** The process that it belongs to stands in its name; a number alone may be used again. */
const keep = (store: string, kept: Kept): string => {
  fs.mkdirSync(placeOf(store), { recursive: true, mode: 0o700 });
  const name = `${process.pid}-${startTicksOf(process.pid)}-${crypto.randomUUID()}`;
  const file = path.join(placeOf(store), name);
  const unfinished = path.join(placeOf(store), `.${name}`);
  fs.writeFileSync(unfinished, JSON.stringify(kept), { mode: 0o600 });
  fs.renameSync(unfinished, file);
  return file;
};

const leftOf = (store: string): string[] => {
  const names = fs.existsSync(placeOf(store)) ? fs.readdirSync(placeOf(store)) : [];
  const isGone = (name: string) => {
    const [, pid = "", ticks] = /^\.?(\d+)-(\d+)-/.exec(name) ?? [];
    return startTicksOf(Number(pid)) !== ticks;
  };
  return names.filter(isGone).map((name) => path.join(placeOf(store), name));
};

/** One that was not written to its end says nothing: no sandbox had been started. */
const readKept = (file: string): Kept | undefined => {
  try {
    return path.basename(file).startsWith(".") ? undefined : JSON.parse(fs.readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
};

const mostLines = 10;
const mostNamed = 3;

const nothing: Settled = { sentences: [], places: [] };

const settleAll = async (kept: Kept, appeared: Appeared, git: string): Promise<Settled> => {
  const { entries, closed, isComplete, directories } = appeared;
  const done = entries.length > 0 ? await settleEntries(kept, entries, git) : nothing;
  const sentences = [
    ...done.sentences,
    ...closed.slice(0, mostNamed).map((place) => `${showPath(place)} cannot be looked into: do not use git there`),
    ...(isComplete ? [] : ["the project has too many directories: a git repository may have been made in it unseen"]),
  ];
  return { sentences, places: done.places, ...(directories && { directories }) };
};

const settleEntries = async ({ before, trusted }: Kept, entries: GitEntry[], git: string): Promise<Settled> => {
  // Most runs make none.
  const { describeNeutralised, neutralise } = await import("./neutralise.ts");
  const done = await neutralise({ root: before.root, git, trusted }, entries);
  const touched = done.filter(({ changes, problem }) => changes.length > 0 || problem !== undefined);
  const harmless = done.filter((one) => !touched.includes(one));
  const sentences = [
    ...touched.slice(0, mostLines).map(describeNeutralised),
    ...(touched.length > mostLines ? [`… and ${touched.length - mostLines} more git repositories, treated alike`] : []),
    ...(harmless.length > 0 ? [describeHarmless(harmless)] : []),
  ];
  return { sentences, places: done.filter(({ problem }) => problem === undefined).map(({ path }) => path) };
};

const describeHarmless = (done: Neutralised[]): string => {
  const shown = done.slice(0, mostNamed).map(({ path }) => showPath(path));
  const names = done.length > mostNamed ? `${shown.join(", ")} and ${done.length - mostNamed} more` : shown.join(", ");
  return `new git repositories, with nothing in them that git would run: ${names}`;
};

const describeAppeared = (place: string): string =>
  `${place} has appeared: do not use git there until the run has ended (\`--session NAME\` keeps such things away)`;

const describeReplaced = (place: string): string =>
  `${showPath(place)} was replaced outside, and what is there now would stand open inside: the sandbox is ended`;
