import fs from "node:fs";
import path from "node:path";
import { isWithin, shortDigest } from "../places.ts";
import type { Mount } from "../plan/plan.ts";
import { isWhole, operationTips } from "./carried-state.ts";
import { holdDirectory, inside, release } from "./held-directory.ts";
import { findForeign } from "./ownership.ts";
import { pinStaged } from "./pinned-index.ts";
import { pinTips, tipsOf } from "./pins.ts";
import { identityOf, isOther, setAside } from "./private-identity.ts";
import { tidyPart } from "./private-locks.ts";
import { objectsPlace, type Part, type PrivateMounts, type Project, settleNested } from "./private-mounts.ts";
import { bringPart, noPart, type PartInput, type PartRecord } from "./private-part.ts";
import { carriedRefs } from "./ref-merge.ts";
import { isObjectId, type Refs } from "./refs.ts";
import type { Repository } from "./repository.ts";
import { takeUse } from "./use-lock.ts";

/**
 * The private git directories of a project: what stands inside in the place of every `.git`. The host makes them and
 * brings them up to date; git works in them inside only.
 */
export type PrivateGit = {
  /** The project's own repository first, if it has one, then submodules and nested repositories. */
  parts: PrivatePart[];
  mounts: Mount[];
  /** Another run uses it at the same time; everything is as that run has found it. */
  isShared: boolean;
  notes: string[];
  /** This run is over. */
  release(): void;
};

export type PrivatePart = {
  /** On the host; never opened by git there. */
  directory: string;
  /** The one of cordon's own that it lies in; what is between is of an agent's making. */
  root: string;
  repository: Repository;
  /** False for a repository that an agent may have made: no git of the host should be asked about it. */
  isTrusted: boolean;
  /** What the host's repository was like when the private one was last brought up to date: the base of the next import. */
  base(): Base;
  /** After an import: these stash entries have come over, and need not do so again. */
  noteStash(ids: string[]): void;
  /** After an import: what it has put on the host is no doing of the host's, as long as this directory is in use. */
  notePlaced(placed: { name: string; id: string }[]): void;
};

export type Base = {
  branch: string | undefined;
  head: string | undefined;
  refs: Record<string, string>;
  /** Entries that came over after an earlier run. */
  stash: string[];
};

export type PrivateGitRequest = {
  project: Project;
  /** cordon's own directory for this project. */
  store: string;
  /** Path of the program. */
  git: string;
  /** What the pins on the host are named after; the same for every run of a project. */
  id: string;
  /** True: once made, nothing more of the host's comes in. A session goes on from where it began. */
  isFixed?: boolean;
};

type KeptPart = PartRecord & Pick<Base, "branch" | "head"> & { identity: string };
type Kept = { version: 1; parts: Record<string, KeptPart>; stores: string[] };

/** Makes the private git directories of a project, or brings them up to date when no other run uses them. Rejects when it cannot. */
export const openPrivateGit = async (request: PrivateGitRequest): Promise<PrivateGit> => {
  const { project, store } = request;
  const main = project.repository;
  if (main && !isWithin(main.gitDir, main.commonDir)) throw new Error(`${main.gitDir} is not in ${main.commonDir}`);
  const foreign = main && (await findForeign(main, request.git));
  if (foreign !== undefined) throw new Error(foreign);
  fs.mkdirSync(store, { recursive: true, mode: 0o700 });
  const lock = await takeUse(path.join(store, "git.lock"));
  try {
    const before = readKept(store);
    const isShared = !lock.isAlone && before !== undefined;
    const stays = isShared || (request.isFixed === true && before !== undefined);
    const settled = settleNested(project, store, before?.stores ?? [], stays);
    if (stays && !isShared) tidyAll(settled);
    const { kept, notes } = stays ? { kept: before!, notes: [] } : await bringAll(request, settled, before);
    if (lock.isAlone) await lock.share();
    return {
      parts: settled.parts.flatMap((part) => describe(part, kept, store)),
      mounts: settled.mounts,
      isShared,
      notes: [...settled.notes, ...notes],
      release: lock.release,
    };
  } catch (cause) {
    lock.release();
    throw cause;
  }
};

const describe = ({ directory, root, trees, isTrusted }: Part, kept: Kept, store: string): PrivatePart[] => {
  const record = kept.parts[trees[0].commonDir];
  if (!record) return [];
  const { branch, head } = record;
  const stashFile = path.join(store, `stash-${shortDigest(trees[0].commonDir)}.json`);
  const placedBefore = () => readJson<Record<string, string>>(placedFile(store, trees[0])) ?? {};
  const base = () => {
    const refs = { ...idsOf(readBase(baseFile(store, trees[0]))), ...placedBefore() };
    // Where both sides have moved the branch, the commit that the host has now is none that the inside began with.
    return { branch, head: branch ? refs[branch] : head, refs, stash: readJson<string[]>(stashFile) ?? [] };
  };
  const noteStash = (ids: string[]) => writeJson(stashFile, ids.filter(isObjectId));
  const notePlaced = (placed: { name: string; id: string }[]) =>
    writeJson(placedFile(store, trees[0]), {
      ...placedBefore(),
      ...Object.fromEntries(placed.map(({ name, id }) => [name, id])),
    });
  return [{ directory, root, repository: trees[0], isTrusted, base, noteStash, notePlaced }];
};

const bringAll = async (request: PrivateGitRequest, settled: PrivateMounts, before: Kept | undefined) => {
  const { store, git } = request;
  const kept: Kept = { version: 1, parts: {}, stores: settled.stores };
  const notes: string[] = [];
  for (const part of settled.parts) {
    const [tree] = part.trees;
    const input: PartInput = {
      ...part,
      git,
      pin: async (refs, changed) => part.isTrusted && (await pin(request, part.trees, refs, changed)),
      alternates: part.objects.map((object) => objectsPlace(settled.stores.indexOf(object))),
    };
    const file = baseFile(store, tree);
    const known = before?.parts[tree.commonDir];
    if (known && isOther(part, known, request.id)) notes.push(...setAside(part));
    const root = holdDirectory(makePlace(part.root));
    const done = await inPlace(root, part.below, async (held) =>
      bringPart(held, input, known && isWhole(held) ? known : noPart, () => readBase(file)),
    );
    if (done.base) writeJson(file, [...done.base]);
    fs.rmSync(placedFile(store, tree), { force: true });
    const identity = identityOf(tree);
    kept.parts[tree.commonDir] = { ...done.record, branch: tree.branch, head: tree.head, identity };
    notes.push(...done.notes);
  }
  writeJson(path.join(store, "git.json"), kept);
  return { kept, notes };
};

/** Nobody is inside: whoever held a lock was killed. */
const tidyAll = ({ parts }: PrivateMounts): void => {
  for (const { root, below, trees } of parts) {
    const held = holdDirectory(makePlace(root));
    try {
      inside(held, below, (directory) => tidyPart(directory, trees));
    } finally {
      release(held);
    }
  }
};

/** The promise of `inside` outlives its directory; here the directory is held until the work is done. */
const inPlace = async <T>(root: number, names: string[], work: (held: number) => Promise<T>): Promise<T> => {
  try {
    const held = inside(root, names, (directory) => holdDirectory(`/proc/self/fd/${directory}/.`), { make: true })!;
    try {
      return await work(held);
    } finally {
      release(held);
    }
  } finally {
    release(root);
  }
};

const makePlace = (directory: string): string => {
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  // Its owner inside may have taken the rights away; the name itself is the host's alone.
  fs.chmodSync(directory, 0o700);
  return directory;
};

/** Only what is not pinned yet; true when there was something. */
const pin = async (
  { git, id }: PrivateGitRequest,
  trees: Repository[],
  refs: Refs,
  changed: Repository[],
): Promise<boolean> => {
  const heads = trees.map(({ head }) => head);
  for (const tree of changed) heads.push(await pinStaged(git, tree), ...tipsInProgress(tree));
  const tips = tipsOf(carriedRefs(refs), heads);
  const missing = tips.filter((tip) => !refs.has(`refs/cordon/${id}/base/${tip}`));
  await pinTips({ git, repository: { gitDir: trees[0]!.gitDir } }, id, missing);
  return missing.length > 0;
};

const tipsInProgress = ({ gitDir }: Repository): string[] => {
  const directory = holdDirectory(gitDir);
  try {
    return operationTips(directory);
  } finally {
    release(directory);
  }
};

const baseFile = (store: string, { commonDir }: Repository): string =>
  path.join(store, `base-${shortDigest(commonDir)}.json`);

const placedFile = (store: string, { commonDir }: Repository): string =>
  path.join(store, `placed-${shortDigest(commonDir)}.json`);

const idsOf = (refs: Refs): Record<string, string> =>
  Object.fromEntries([...refs].flatMap(([name, { value }]) => (isObjectId(value) ? [[name, value] as const] : [])));

const readKept = (store: string): Kept | undefined => {
  const kept = readJson<Kept>(path.join(store, "git.json"));
  return kept?.version === 1 ? kept : undefined;
};

const readBase = (file: string): Refs => new Map(readJson<[string, { value: string }][]>(file) ?? []);

const readJson = <T>(file: string): T | undefined => {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8")) as T;
  } catch {
    return undefined;
  }
};

const writeJson = (file: string, value: unknown): void => {
  const temporary = `${file}.${crypto.randomUUID()}`;
  const text = JSON.stringify(value);
  if (fs.existsSync(file) && fs.readFileSync(file, "utf8") === text) return;
  fs.writeFileSync(temporary, text, { mode: 0o600 });
  fs.renameSync(temporary, file);
};
