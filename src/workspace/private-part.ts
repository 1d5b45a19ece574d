import fs from "node:fs";
import path from "node:path";
import { isWithin } from "../places.ts";
import { bringFiles, bringHooks, type FileRecord } from "./carried-files.ts";
import { type Asked, bringRefs } from "./carried-refs.ts";
import { bringState, describeState, type StateRecord } from "./carried-state.ts";
import { bringWorktrees } from "./carried-worktrees.ts";
import { type GitSetting, printSettings } from "./git-settings.ts";
import {
  type Held,
  holdDirectory,
  inside,
  makeDirectory,
  readText,
  release,
  removeName,
  signatureOf,
  writeBytes,
} from "./held-directory.ts";
import { carriedSettings, mergeSettings, readSettings } from "./private-config.ts";
import { removeLocks } from "./private-locks.ts";
import { carriedRefs } from "./ref-merge.ts";
import { fingerprintOf, type Refs, readRefs, removeRefLocks } from "./refs.ts";
import { type Repository, resolveHead } from "./repository.ts";

/** One repository of a project: the project's own, a submodule, one that lies in the tree. */
export type PartInput = {
  /** Its working trees that the sandbox sees; they share one common directory. */
  trees: [Repository, ...Repository[]];
  /** Where its objects stand inside. */
  alternates: string[];
  git: string;
  /** Holds on the host what is about to be copied, for trees that have changed more; true when it took new references. */
  pin(refs: Refs, changed: Repository[]): Promise<boolean>;
  /** False for what an agent may have made: then no git of the host is asked about it. */
  isTrusted: boolean;
};

/** What the host had when the private directory was last brought up to date. */
export type PartRecord = {
  files: FileRecord;
  /** By the git directory relative to the common one. */
  states: Record<string, StateRecord>;
  worktrees: Record<string, string>;
  refsKey: string;
  alternates: string;
  settings: GitSetting[];
  hooksPath?: string;
};

export type PartResult = { record: PartRecord; base: Refs | undefined; notes: string[] };

export const noPart: PartRecord = { files: {}, states: {}, worktrees: {}, refsKey: "", alternates: "", settings: [] };

const commonFiles = ["info/exclude", "info/attributes", "shallow"];
const treeFiles = ["info/sparse-checkout"];
const maxConfigBytes = 4 * 1024 * 1024;

/**
 * Makes a private git directory, or brings one up to date, while nobody uses it. `readBase` gives the host's references
 * of the last time, and is only called when they have changed.
 */
export const bringPart = async (
  held: Held,
  input: PartInput,
  before: PartRecord,
  readBase: () => Refs,
): Promise<PartResult> => {
  const { commonDir, gitDir } = input.trees[0];
  const source = holdDirectory(commonDir);
  try {
    for (const name of ["objects/info", "objects/pack", "refs/heads", "refs/tags", "info", "hooks"])
      makeDirectory(held, name);
    removeLocks(held);
    removeRefLocks(held);
    let refsKey = fingerprintOf(source);
    const changed = input.trees.filter((tree) => isChanged(source, tree, before));
    // Before anything is copied; the pins are references themselves.
    if (refsKey !== before.refsKey || changed.length > 0) {
      const hasNew = await input.pin(readRefs(source).refs, changed);
      if (hasNew) refsKey = fingerprintOf(source);
    }
    const refs = { host: lazily(() => carriedRefs(readRefs(source).refs)), own: lazily(() => readRefs(held).refs) };
    const isSame = refsKey === before.refsKey;
    const asked: Asked = input.isTrusted ? { git: input.git, gitDir } : undefined;
    const base = isSame || before.refsKey === "" ? new Map() : readBase();
    const checkedOut = input.trees.map(({ branch }) => branch);
    const brought = isSame
      ? undefined
      : await bringRefs({ held, own: refs.own(), base, host: refs.host(), checkedOut, asked });
    const config = await bringConfig(source, held, input, before);
    const { states, files, notes } = bringTrees(source, held, input, before, refs);
    const worktrees = bringWorktrees(source, held, input.trees, before.worktrees);
    const alternates = bringAlternates(held, input.alternates, before.alternates);
    const hooks = bringPlacedHooks(source, held, input, config.hooksPath, before.files);
    const common = bringFiles(source, held, commonFiles, before.files);
    const record = { states, worktrees, refsKey, alternates, ...config.kept };
    return {
      record: { ...record, files: { ...common, ...files, ...hooks, ...config.files } },
      base: brought?.agreed,
      notes: [...(brought?.forked ?? []).map((name) => `${name} has moved on both sides`), ...notes],
    };
  } finally {
    release(source);
  }
};

/** The index, or an operation in progress, is another than the last time. */
const isChanged = (source: Held, { commonDir, gitDir }: Repository, before: PartRecord): boolean => {
  const name = path.relative(commonDir, gitDir);
  const known = before.states[name];
  const isSame = inside(source, name === "" ? [] : name.split("/"), (directory) => {
    const { index, operation } = describeState(directory);
    return (
      known !== undefined && index === known.index && JSON.stringify(operation) === JSON.stringify(known.operation)
    );
  });
  return isSame !== true;
};

const lazily = <T>(make: () => T): (() => T) => {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
};

const bringTrees = (
  source: Held,
  held: Held,
  { trees }: PartInput,
  before: PartRecord,
  refs: { host: () => Refs; own: () => Refs },
) => {
  const states: Record<string, StateRecord> = {};
  const notes: string[] = [];
  let files: FileRecord = {};
  for (const { commonDir, gitDir } of trees) {
    const name = path.relative(commonDir, gitDir);
    const names = name === "" ? [] : name.split("/");
    const tipOf = (head: string) => resolveHead(commonDir, head);
    inside(source, names, (from) =>
      inside(
        held,
        names,
        (to) => {
          removeLocks(to);
          const { record, orphan } = bringState({
            source: from,
            held: to,
            before: before.states[name],
            tipOf,
            ...refs,
          });
          states[name] = record;
          if (orphan === undefined) return;
          writeBytes(held, `refs/heads/cordon-kept-${orphan.slice(0, 12)}`, `${orphan}\n`, 0o644);
          notes.push(`a commit without a branch is kept as cordon-kept-${orphan.slice(0, 12)}`);
        },
        { make: true },
      ),
    );
    const prefix = name === "" ? "" : `${name}/`;
    files = {
      ...files,
      ...bringFiles(
        source,
        held,
        treeFiles.map((file) => prefix + file),
        before.files,
      ),
    };
  }
  return { states, notes, files };
};

const bringConfig = async (source: Held, held: Held, { trees, git }: PartInput, before: PartRecord) => {
  const { top, commonDir } = trees[0];
  const places = trees.map(({ gitDir }) => path.join(path.relative(commonDir, gitDir), "config.worktree"));
  const files: FileRecord = {};
  const carried = async (directory: Held, file: string) => {
    const settings = await readSettings(git, readText(directory, file, maxConfigBytes) ?? "");
    const isInTree = (value: string) => {
      const place = path.resolve(top, value);
      return !value.startsWith("~") && isWithin(place, top) && !isWithin(place, commonDir);
    };
    return { all: settings ?? [], some: carriedSettings(settings ?? [], isInTree), isInTree };
  };
  for (const file of places) {
    const signature = signatureOf(source, file);
    if (signature !== undefined) files[file] = signature;
    if (signature === before.files[file]) continue;
    if (signature === undefined) removeName(held, file);
    else writeBytes(held, file, printSettings((await carried(source, file)).some), 0o644);
  }
  const signature = signatureOf(source, "config") ?? "";
  files["config"] = signature;
  const kept = (settings: GitSetting[], hooksPath?: string) => ({
    files,
    hooksPath,
    kept: { settings, ...(hooksPath !== undefined && { hooksPath }) },
  });
  if (signature === before.files["config"]) return kept(before.settings, before.hooksPath);
  const { all, some, isInTree } = await carried(source, "config");
  const ownText = before.settings.length > 0 ? readText(held, "config", maxConfigBytes) : undefined;
  const own = ownText === undefined ? undefined : await readSettings(git, ownText);
  writeBytes(held, "config", printSettings(own ? mergeSettings(before.settings, some, own) : some), 0o644);
  const hooksPath = all.findLast(({ key }) => key === "core.hookspath")?.value;
  return kept(some, hooksPath !== undefined && !isInTree(hooksPath) ? path.resolve(top, hooksPath) : undefined);
};

/**
 * Where the host's setting or a link names another place, the hooks of that place are the ones that run. What an agent
 * may have made does not get to name one.
 */
const bringPlacedHooks = (
  source: Held,
  held: Held,
  { trees, isTrusted }: PartInput,
  hooksPath: string | undefined,
  before: FileRecord,
): FileRecord => {
  if (!isTrusted) return inside(source, ["hooks"], (hooks) => bringHooks(hooks, held, before)) ?? {};
  let hooks: Held;
  try {
    hooks = holdDirectory(fs.realpathSync.native(hooksPath ?? path.join(trees[0].commonDir, "hooks")));
  } catch {
    return {};
  }
  try {
    return bringHooks(hooks, held, before);
  } finally {
    release(hooks);
  }
};

const bringAlternates = (held: Held, alternates: string[], before: string): string => {
  const text = alternates.map((place) => `${place}\n`).join("");
  // Whatever was done to it inside, the objects are where this run mounts them.
  if (text !== before || readText(held, "objects/info/alternates", 65_536) !== text)
    writeBytes(held, "objects/info/alternates", text, 0o644);
  return text;
};
