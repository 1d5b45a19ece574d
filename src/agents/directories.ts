import path from "node:path";
import type { Rule } from "../policy.ts";
import type { Agent } from "./agent.ts";

/**
 * Directories that the user adds by the agent's own option, as rules. The option may take several words, and commas
 * separate values in some agents; a word that is no directory is harmless here, `exists` leaves it out. Pure.
 */
export const addedDirectories = (
  { name, addDir }: Agent,
  words: string[],
  workdir: string,
  exists: (directory: string) => boolean,
): Rule[] => {
  if (addDir === undefined) return [];
  const values = words.flatMap((word, index) => {
    if (word.startsWith(`${addDir}=`)) return [word.slice(addDir.length + 1)];
    if (word !== addDir) return [];
    const rest = words.slice(index + 1);
    const end = rest.findIndex((value) => value.startsWith("-"));
    return end < 0 ? rest : rest.slice(0, end);
  });
  return values
    .flatMap((value) => value.split(","))
    .map((value) => path.resolve(workdir, value))
    .filter(exists)
    .map((value) => ({ value, origin: `${name} ${addDir}` }));
};

/** Paths that a prompt names in words of their own, absolute or below home, without what punctuation clings to them. */
export const mentionedPaths = (words: string[], home: string): { spelling: string; path: string }[] =>
  words
    .flatMap((word) => word.split(/[\s"'`()<>,;=]+/))
    .map((word) => word.replace(/[.:!?]+$/, ""))
    .filter((word) => /^(~?\/)[^/]/.test(word))
    .map((spelling) => ({ spelling, path: path.normalize(spelling.replace(/^~/, home)) }));
