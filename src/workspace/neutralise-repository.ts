import fs from "node:fs";
import path from "node:path";
import { isWithin } from "../places.ts";
import { printSettings } from "./git-settings.ts";
import {
  copyBetween,
  type Entry,
  type Held,
  holdDirectory,
  inside,
  listEntries,
  readText,
  writeBytes,
} from "./held-directory.ts";
import { disarmObjects } from "./neutralise-objects.ts";
import { harmlessSettings } from "./neutralise-settings.ts";
import { readSettings } from "./private-config.ts";

/** A git directory that a sandbox has made, as ordinary as `git clone` makes one: what it would run is taken out. */

/** Names relative to the git directory, or to the folder that it stands in. */
export type Change =
  | { kind: "settings"; from: string; to: string; keys: string[] }
  | { kind: "renamed"; from: string; to: string; why: string };

/** `places` are the git directories in it that are harmless now, as absolute paths. */
export type Disarmed = { changes: Change[]; places: string[] };

/** What is set aside ends like this, or with a number after it; a name with it in it is never kept. */
export const aside = ".held-by-cordon";

const maxConfigBytes = 4 * 1024 * 1024;
const maxListBytes = 1024 * 1024;
const maxDepth = 16;
const maxDirectories = 2_000;

/**
 * `tree` is the working tree, an absolute path; objects may be borrowed from the git directories that are `trusted`.
 * `name` is the way from the repository to this directory of it.
 */
type Inside = { git: string; tree: string; trusted: string[] };
type Walk = Inside & { name: string; left: { directories: number } };

/**
 * Makes a repository harmless, and the submodules and working trees in it. Gives a reason when it is no ordinary one and
 * so cannot stay. Throws when the file system refuses.
 */
export const disarmRepository = (held: Held, inside: Inside): Promise<Disarmed | string> =>
  disarmStore(held, { ...inside, name: "", left: { directories: maxDirectories } });

const disarmStore = async (held: Held, walk: Walk): Promise<Disarmed | string> => {
  letOwnerIn(held);
  const entries = listEntries(held, "");
  const why = entries ? findIrregular(entries) : "it is too large";
  if (!entries || why !== undefined) return why!;
  const place = fs.readlinkSync(`/proc/self/fd/${held}`);
  const changes: Change[] = [];
  for (const file of ["config", "config.worktree"]) {
    const result = await disarmSettings(held, file, walk, place);
    if (typeof result === "string") return result;
    changes.push(...result);
  }
  changes.push(
    ...disarmHooks(held, walk),
    ...disarmTodo(held, walk),
    ...disarmObjects(held, walk.trusted).map((change) => below(walk, change)),
  );
  const modules = await disarmModules(held, walk, "modules", 0);
  const trees = await disarmWorktrees(held, walk);
  return {
    changes: [...changes, ...modules.changes, ...trees.changes],
    places: [place, ...modules.places, ...trees.places],
  };
};

/** A name with no difference between cases, as on some file systems. */
const isNamed = ({ name }: Entry, wanted: string): boolean => name.toLowerCase() === wanted;

/** git makes none of these (gitrepository-layout(5)); a daemon's socket is of no use without its setting. */
const findIrregular = (entries: Entry[]): string | undefined => {
  if (entries.some((entry) => isNamed(entry, "commondir"))) return "it borrows settings and hooks from another place";
  const link = entries.find(({ name, kind }) => kind === "other" && name !== "fsmonitor--daemon.ipc");
  return link && `${link.name} in it is no ordinary file`;
};

/** Its own files, and those of what lies deeper, by the way that leads to them. */
const named = ({ name }: Walk, file: string): string => (name === "" ? file : `${name}/${file}`);

const disarmSettings = async (held: Held, file: string, walk: Walk, place: string): Promise<Change[] | string> => {
  if (!listEntries(held, "")?.some((entry) => isNamed(entry, file))) return [];
  const text = readText(held, file, maxConfigBytes);
  const settings = text === undefined ? undefined : await readSettings(walk.git, text);
  if (!settings) return `its ${file} cannot be read`;
  // Only the directory of a submodule stands apart from its working tree.
  const isOwnTree = (value: string) => walk.name !== "" && isWithin(path.resolve(place, value), walk.tree);
  const harmless = harmlessSettings(settings, isOwnTree);
  if (harmless.length === settings.length) return [];
  const to = freeName(held, file);
  if (!copyBetween(held, file, held, to, 0o600)) return `its ${file} cannot be read`;
  writeBytes(held, file, printSettings(harmless), 0o644);
  const left = new Set(harmless);
  const keys = [...new Set(settings.filter((setting) => !left.has(setting)).map(({ key }) => key))];
  return [{ kind: "settings", from: named(walk, file), to: named(walk, to), keys }];
};

/** What stands in a directory of it; undefined when there is none. One that is closed to us need not be to git. */
const listIn = (held: Held, name: string): Entry[] | "closed" | undefined => {
  const isThere = listEntries(held, "")?.some((entry) => isNamed(entry, name.toLowerCase()) && entry.kind !== "file");
  return isThere ? (listEntries(held, name) ?? "closed") : undefined;
};

const disarmHooks = (held: Held, walk: Walk): Change[] => {
  const hooks = listIn(held, "hooks") ?? [];
  const isEmpty = hooks !== "closed" && hooks.every(({ name, kind }) => name.endsWith(".sample") && kind === "file");
  return isEmpty ? [] : [renamed(held, walk, "hooks", "git would run what is in it")];
};

/** An unfinished rebase may go on with commands of a shell (git-rebase(1), `exec`). */
const disarmTodo = (held: Held, walk: Walk): Change[] =>
  ["rebase-merge", "rebase-apply", "sequencer"].flatMap((folder) => {
    const entries = listIn(held, folder) ?? [];
    const isPlain = entries !== "closed" && entries.every(({ kind }) => kind !== "other");
    const isHarmless =
      isPlain && entries.every(({ name }) => !isTodo(name) || isFreeOfCommands(held, `${folder}/${name}`));
    return isHarmless ? [] : [renamed(held, walk, folder, "going on with it would run commands")];
  });

const isTodo = (name: string): boolean => name.toLowerCase().startsWith("git-rebase-todo");

const isFreeOfCommands = (held: Held, file: string): boolean => {
  const text = readText(held, file, maxListBytes);
  return text !== undefined && !/^\s*(x|exec)\b/m.test(text);
};

const nothing: Disarmed = { changes: [], places: [] };

/** Submodules may have slashes in their names: what has no HEAD is a directory on the way to one. */
const disarmModules = async (held: Held, walk: Walk, name: string, depth: number): Promise<Disarmed> => {
  const entries = listIn(held, name);
  if (!entries) return nothing;
  walk.left.directories -= 1;
  if (entries === "closed" || depth > maxDepth || walk.left.directories < 0)
    return only(renamed(held, walk, name, "nobody can look through it"));
  const below = await each(held, name, entries, async (folder, entry): Promise<Disarmed> => {
    const here = { ...walk, name: named(walk, name) };
    if (entry.kind === "other") return only(renamed(folder, here, entry.name, "it is a link"));
    if (entry.kind === "file") return nothing;
    const child = { ...here, name: `${here.name}/${entry.name}` };
    const result = await holding(folder, entry.name, async (store) => {
      letOwnerIn(store);
      const isStore = listEntries(store, "")?.some((one) => isNamed(one, "head") || isNamed(one, "config")) ?? true;
      return isStore ? await disarmStore(store, child) : undefined;
    });
    if (typeof result === "string") return only(renamed(folder, here, entry.name, result));
    return result ?? (await disarmModules(folder, here, entry.name, depth + 1));
  });
  return joined(below);
};

/** Each borrows from the repository that it lies in, and from no other. */
const disarmWorktrees = async (held: Held, walk: Walk): Promise<Disarmed> => {
  const entries = listIn(held, "worktrees");
  if (!entries) return nothing;
  if (entries === "closed") return only(renamed(held, walk, "worktrees", "nobody can look through it"));
  const here = { ...walk, name: named(walk, "worktrees") };
  const all = await each(held, "worktrees", entries, async (folder, entry): Promise<Disarmed> => {
    if (entry.kind !== "directory") return only(renamed(folder, here, entry.name, "it is no directory"));
    const result = await holding(folder, entry.name, async (tree): Promise<Disarmed | string> => {
      letOwnerIn(tree);
      const found = listEntries(tree, "") ?? [];
      const isOwn = readText(tree, "commondir", 64)?.trimEnd() === "../..";
      if (!isOwn || found.some(({ kind }) => kind === "other")) return "it borrows from another place";
      const child = { ...here, name: `${here.name}/${entry.name}` };
      const place = fs.readlinkSync(`/proc/self/fd/${tree}`);
      const settings = await disarmSettings(tree, "config.worktree", child, place);
      if (typeof settings === "string") return settings;
      return { changes: [...settings, ...disarmTodo(tree, child)], places: [place] };
    });
    return typeof result === "string" ? only(renamed(folder, here, entry.name, result)) : result;
  });
  return joined(all);
};

const only = (change: Change): Disarmed => ({ changes: [change], places: [] });

const joined = (all: Disarmed[]): Disarmed => ({
  changes: all.flatMap(({ changes }) => changes),
  places: all.flatMap(({ places }) => places),
});

const each = async (
  held: Held,
  name: string,
  entries: Entry[],
  work: (folder: Held, entry: Entry) => Promise<Disarmed>,
): Promise<Disarmed[]> =>
  await holding(held, name, async (folder) => {
    letOwnerIn(folder);
    const done: Disarmed[] = [];
    for (const entry of entries) if (!entry.name.includes(aside)) done.push(await work(folder, entry));
    return done;
  });

/** `inside` lets go of a directory when its work returns; this waits. Throws when it cannot be opened. */
const holding = async <T>(held: Held, name: string, work: (directory: Held) => Promise<T>): Promise<T> => {
  const directory = holdDirectory(`/proc/self/fd/${held}/${name}`);
  try {
    return await work(directory);
  } finally {
    fs.closeSync(directory);
  }
};

const below = (walk: Walk, { from, to, why }: Extract<Change, { kind: "renamed" }>): Change => ({
  kind: "renamed",
  from: named(walk, from),
  to: named(walk, to),
  why,
});

const renamed = (held: Held, walk: Walk, name: string, why: string): Change =>
  below(walk, { kind: "renamed", from: name, to: setAside(held, name), why });

/** Gives an entry another name, and gives that. A git directory loses its HEAD as well, and is one no more. */
export const setAside = (folder: Held, name: string): string => {
  const to = freeName(folder, name);
  letOwnerIn(folder);
  fs.renameSync(`/proc/self/fd/${folder}/${name}`, `/proc/self/fd/${folder}/${to}`);
  inside(folder, [to], (directory) => {
    letOwnerIn(directory);
    const head = listEntries(directory, "")?.find((entry) => isNamed(entry, "head"));
    if (head) setAside(directory, head.name);
  });
  return to;
};

const freeName = (folder: Held, name: string): string => {
  for (let count = 1; ; count++) {
    const free = `${name}${aside}${count === 1 ? "" : `-${count}`}`;
    if (!fs.lstatSync(`/proc/self/fd/${folder}/${free}`, { throwIfNoEntry: false })) return free;
  }
};

/** Whoever worked inside may have taken the rights away that this work needs. */
const letOwnerIn = (directory: Held): void => {
  const { mode, uid } = fs.fstatSync(directory);
  if ((mode & 0o700) !== 0o700 && uid === process.getuid?.()) fs.fchmodSync(directory, mode | 0o700);
};
