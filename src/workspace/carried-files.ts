import {
  copyBetween,
  type Held,
  isExecutableIn,
  linkInto,
  listEntries,
  readLink,
  removeName,
  signatureOf,
} from "./held-directory.ts";

/** Files of a git directory that come along as they are. A copy is renewed when the host's has changed, else left alone. */

/** Signatures of the host's files when they were copied, by their path in the private directory. */
export type FileRecord = Record<string, string>;

const maxHooks = 256;
const maxDepth = 3;

/** Copies what has changed since `before`, removes what is gone, and says what there is now. */
export const bringFiles = (source: Held, held: Held, names: string[], before: FileRecord): FileRecord => {
  const after: FileRecord = {};
  for (const name of names) {
    const signature = signatureOf(source, name);
    if (signature !== undefined) after[name] = signature;
    if (signature === before[name]) continue;
    if (signature === undefined || !copyBetween(source, name, held, name)) removeName(held, name);
  }
  return after;
};

/**
 * The hooks, which then run inside. Links come along as links: one that leads into the working tree works, one that
 * leads to somewhere else on the host finds nothing there.
 */
export const bringHooks = (source: Held, held: Held, before: FileRecord): FileRecord => {
  const after: FileRecord = {};
  for (const name of hooksBelow(source, "", maxDepth).slice(0, maxHooks)) {
    const link = readLink(source, name);
    const signature = link === undefined ? signatureOf(source, name) : `link ${link}`;
    if (signature === undefined) continue;
    after[`hooks/${name}`] = signature;
    if (before[`hooks/${name}`] === signature) continue;
    if (link !== undefined) linkInto(held, `hooks/${name}`, link);
    else copyBetween(source, name, held, `hooks/${name}`, isExecutableIn(source, name) ? 0o755 : 0o644);
  }
  for (const name of Object.keys(before)) if (name.startsWith("hooks/") && !(name in after)) removeName(held, name);
  return after;
};

const hooksBelow = (source: Held, path: string, depth: number): string[] =>
  (listEntries(source, path) ?? []).flatMap(({ name, kind }) => {
    const full = path === "" ? name : `${path}/${name}`;
    if (kind === "directory") return depth > 0 ? hooksBelow(source, full, depth - 1) : [];
    return name.endsWith(".sample") ? [] : [full];
  });
