import { foldPath, isInTree, mayMeet } from "./later-match.ts";
import { isHeap } from "./later-rule.ts";
import type { Turn } from "./walk.ts";

/** Which directories of a working tree are looked at for what the host executes later. Pure. */

/** Another number for each change of what is reached or notable: what was judged by other rules is judged anew. */
export const rulesVersion = 0xbcc289bb;

/** Data that git never runs, and much of it. */
const gitStores = ["objects", "refs", "logs", "lfs", "modules"];

/** Where installed and built programs lie in a directory of such code. The rest of it is too much to look at. */
const programFolders = ["bin", ".bin", "scripts", "debug", "release"];

/**
 * When the directory `name` in the one at `around` is entered. Hidden directories come first: most of what this is about
 * lies in them. Installed code comes last, and its top only.
 */
export const turnOf = (around: string, name: string): Turn => {
  const names = around.split("/");
  const base = names.at(-1)!;
  if (base.toLowerCase() === ".git") return gitStores.includes(name) ? "never" : "first";
  if (names.some(isHeap)) return isHeap(base) && programFolders.includes(name.toLowerCase()) ? "last" : "never";
  if (isHeap(name)) return "last";
  return name.startsWith(".") || name === "hooks" ? "first" : "later";
};

/** The turn of a directory that is known already, by all of its path. */
export const turnOfPath = (path: string): Exclude<Turn, "never"> => {
  const names = path.split("/");
  if (names.some(isHeap)) return "last";
  return names.some((name) => name.startsWith(".") || name === "hooks") ? "first" : "later";
};

/** False for a directory that is never entered, or lies in one. */
export const isReached = (path: string): boolean => {
  const names = path.split("/");
  return path === "" || names.every((name, at) => turnOf(names.slice(0, at).join("/"), name) !== "never");
};

/** Directories of programs, and names that programs have. What else is one, only its rights tell. */
const programPlaces = [...programFolders, "sbin", "script", "tools", "libexec"];
const programName = /^\.?[^.]+$|\.(sh|bash|zsh|fish|ps1|bat|cmd|command|run|exe)$/i;

/** True when one of these files in a directory, or any in it, may be something that is told of, judged by names alone. */
export const isNotable = (directory: string, files: string[]): boolean => {
  if (files.length === 0 || !isReached(directory)) return false;
  const names = foldPath(directory);
  if (programPlaces.includes(names.at(-1) ?? "") || names.some(isHeap) || isInTree(names)) return true;
  return files.some((name) => programName.test(name) || mayMeet(name));
};
