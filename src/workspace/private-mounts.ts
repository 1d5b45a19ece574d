import fs from "node:fs";
import path from "node:path";
import { isWithin, shortDigest } from "../places.ts";
import type { Mount } from "../plan/plan.ts";
import { encodeName, isForeign } from "./name-bytes.ts";
import { type Repository, readRepository } from "./repository.ts";
import { showPath } from "./shown-path.ts";

/** Where everything of git stands inside, and which repositories of a project get a private directory. */

/**
 * A working tree, with the relative paths of all `.git` below its top; it need not be of a repository itself. `closed` are
 * directories that nobody could look into. Paths as `name-bytes.ts` spells them.
 */
export type Project = { top: string; nested: string[]; closed?: string[]; repository: Repository | undefined };

export type Part = {
  trees: [Repository, ...Repository[]];
  /** The private directory on the host: a directory that only cordon names, and the way below it. */
  root: string;
  below: string[];
  directory: string;
  objects: string[];
  isTrusted: boolean;
};

export type PrivateMounts = { parts: Part[]; stores: string[]; mounts: Mount[]; notes: string[] };

/** Private directories are made for that many nested repositories; what is more is hidden. */
const maxParts = 64;
/** bubblewrap takes 9,000 words; five hide a directory. */
const maxHidden = 1_000;
const mostNotes = 5;
const maxGitfileBytes = 1024 * 1024;

/** Where the object store of this number stands inside. */
export const objectsPlace = (index: number): string => `/run/cordon/objects/${index}`;

/**
 * Decides what stands in the place of every `.git` of a project. Gitfiles stay as they are, read-only; git directories
 * are replaced by private ones. `known` are the object stores of the run before; as long as it lasts they keep their
 * numbers. While another run uses the project, an agent may be moving directories about: then nothing in the tree is
 * the source of a mount.
 */
export const settleNested = (project: Project, store: string, known: string[], isShared: boolean): PrivateMounts => {
  const { top, nested, closed = [], repository: main } = project;
  const parts = new Map<string, Part>(main ? [[main.commonDir, partOf(main, project, store)]] : []);
  const mounts: Mount[] = [...gitfileMounts(top, ".git")];
  const notes: string[] = [];
  if (closed.includes("")) throw new Error("it is closed to its owner");
  for (const entry of closed) mounts.push(hide(top, entry, notes));
  for (const entry of nested) {
    const stat = statOf(`${top}/${entry}`);
    const isFile = stat?.isFile() ?? false;
    if (isForeign(entry) && stat && !stat.isSymbolicLink())
      mounts.push(hide(top, entry, notes, isFile ? "file" : "directory"));
    if (isForeign(entry)) continue;
    const repository = readRepository(path.join(top, path.dirname(entry)));
    // Of a working tree that was made inside, the host's git makes nothing; inside it may be removed again.
    const isDead = isFile && !repository && stat!.size <= maxGitfileBytes && !leadsSomewhere(`${top}/${entry}`);
    if (isFile && !isDead) mounts.push(...gitfileMounts(top, entry));
    const part = repository && admissible(repository, project, store, parts, isShared);
    if (part && parts.has(repository.commonDir)) parts.get(repository.commonDir)!.trees.push(repository);
    else if (part) parts.set(repository.commonDir, part);
    else if (!isFile) mounts.push(...maskOf(top, entry, notes));
  }
  if (mounts.length > maxHidden) throw new Error(`${nested.length} repositories in it are more than can be guarded`);
  const all = [...parts.values()];
  const listed = [...(main?.objects ?? []), ...all.flatMap(({ objects }) => objects)];
  const stores = [...new Set(isShared ? [...known, ...listed] : listed)];
  const used = new Set(listed);
  const objects = stores.flatMap((object, index) => (used.has(object) ? objectMounts(object, index) : []));
  return { parts: all, stores, mounts: [...all.flatMap(directoryMount), ...mounts, ...objects], notes: shorten(notes) };
};

const shorten = (notes: string[]): string[] =>
  notes.length > mostNotes ? [...notes.slice(0, mostNotes), `… and ${notes.length - mostNotes} more`] : notes;

const partOf = (repository: Repository, { repository: main }: Project, store: string): Part => {
  const { commonDir, objects } = repository;
  const isTrusted = main !== undefined && isWithin(commonDir, main.commonDir);
  const root = isTrusted ? path.join(store, "git") : path.join(store, "nested", shortDigest(commonDir));
  const below = isTrusted ? path.relative(main.commonDir, commonDir).split("/").filter(Boolean) : [];
  return { trees: [repository], root, below, directory: path.join(root, ...below), objects, isTrusted };
};

/**
 * A nested repository's files may be of an agent's making: it must not lead out of what the project shows anyway, or
 * its objects would be somebody else's.
 */
const admissible = (
  repository: Repository,
  project: Project,
  store: string,
  parts: Map<string, Part>,
  isShared: boolean,
): Part | undefined => {
  const part = partOf(repository, project, store);
  if (!isWithin(repository.gitDir, repository.commonDir)) return undefined;
  if (part.isTrusted) return part;
  const isOpen = (place: string) => isWithin(place, project.top) || project.repository?.objects.includes(place);
  // A git directory around its own working tree, or around another: in its place the whole project would vanish.
  const isAround = [repository.top, project.top, ...(project.repository ? [project.repository.commonDir] : [])].some(
    (place) => isWithin(place, repository.commonDir),
  );
  if (isAround) return undefined;
  const isInside = [repository.commonDir, ...repository.objects].every(isOpen);
  return isInside && !isShared && (parts.size < maxParts || parts.has(repository.commonDir)) ? part : undefined;
};

const directoryMount = ({ trees, root, below }: Part): Mount[] =>
  below.length > 0
    ? []
    : [{ kind: "bind", source: root, target: trees[0].commonDir, mode: "rw", origin: "private git directory" }];

/** A gitfile is shown as it was at the start: the file itself could be replaced, and then lead somewhere else on the host. */
const gitfileMounts = (top: string, entry: string): Mount[] => {
  const target = path.join(top, entry);
  const stat = fs.lstatSync(target, { throwIfNoEntry: false });
  if (!stat?.isFile() || stat.size > maxGitfileBytes) return [];
  return [{ kind: "bytes", bytes: readPlain(target), target, permissions: 0o444, origin: "guard of a gitfile" }];
};

const leadsSomewhere = (gitfile: string): boolean => {
  const named = /^gitdir: ([^\n]+)/.exec(Buffer.from(readPlain(gitfile)).toString())?.[1];
  return named === undefined || fs.existsSync(path.resolve(path.dirname(gitfile), named));
};

const readPlain = (file: string): Uint8Array => {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
  const fd = fs.openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    return fs.fstatSync(fd).isFile() ? fs.readFileSync(fd) : new Uint8Array();
  } finally {
    fs.closeSync(fd);
  }
};

/** A link cannot be mounted over; what it leads to is none of ours. */
const maskOf = (top: string, entry: string, notes: string[]): Mount[] => {
  const stat = statOf(`${top}/${entry}`);
  if (stat?.isSymbolicLink()) notes.push(`${showPath(entry)} is a link, and is not guarded`);
  return stat?.isDirectory() ? [hide(top, entry, notes)] : [];
};

const hide = (top: string, entry: string, notes: string[], of: "file" | "directory" = "directory"): Mount => {
  notes.push(`${showPath(entry)} is hidden`);
  // Not by `path.join`, which takes what is no UTF-8 for a mistake.
  return { kind: "mask", of, target: `${top}/${entry}`, origin: "guard of a nested git directory" };
};

const statOf = (target: string): fs.Stats | undefined => fs.lstatSync(encodeName(target), { throwIfNoEntry: false });

/** An alternates file of the store's own names places of the host, and git would complain that they are not there. */
const objectMounts = (source: string, index: number): Mount[] => {
  const target = objectsPlace(index);
  const alternates = path.join(source, "info/alternates");
  const origin = "objects of the repository";
  return [
    { kind: "bind", source, target, mode: "ro", origin },
    ...(fs.lstatSync(alternates, { throwIfNoEntry: false })?.isFile()
      ? [
          {
            kind: "bytes" as const,
            bytes: new Uint8Array(),
            target: `${target}/info/alternates`,
            permissions: 0o444,
            origin,
          },
        ]
      : []),
  ];
};
