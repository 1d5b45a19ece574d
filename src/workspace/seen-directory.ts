import fs, { type Stats } from "node:fs";
import { readEntries } from "./directory-entries.ts";
import { encodeName } from "./name-bytes.ts";

/** One directory, as a look for nested repositories sees it. */
export type Seen = {
  /** 0 where it may change without a sign. */
  changedMs: number;
  inode: number;
  hasGit: boolean;
  /** Nobody can look into it. */
  isClosed: boolean;
  /** Names of what is no directory, and of directories, without `.git`. */
  files: string[];
  children: string[];
};

/** Changes within one tick of the kernel's clock have one time: what changed just now is looked at again. */
const tickMs = 50;

/** A name of 255 bytes and what a mount puts in front still fit into PATH_MAX. */
const maxPathBytes = 3_500;

/** What a directory is like now, which is `known` itself when it has not changed; undefined when there is none. */
export const seeDirectory = <Known extends Seen>(
  top: string,
  directory: string,
  startedAt: number,
  known?: Known,
): Seen | Known | undefined => {
  const place = placeOf(top, directory);
  const stat = statOf(place);
  if (stat === undefined) return undefined;
  if (isUnseen(stat, place, directory)) return unseen(stat);
  // By a rename another directory may stand here, with what lies in it as old as what was there.
  if (known?.changedMs === stat.ctimeMs && known.inode === stat.ino) return known;
  return lookInto(place, stat, startedAt);
};

const placeOf = (top: string, directory: string) => encodeName(directory === "" ? top : `${top}/${directory}`);

/** Closed to its owner, or too deep, as the top itself never is: it is asked again each time. */
const isUnseen = (stat: Stats, place: string | Buffer, directory: string): boolean =>
  isClosed(stat) || (directory !== "" && Buffer.byteLength(place) > maxPathBytes);

const unseen = ({ ino }: Stats): Seen => ({
  ...{ changedMs: 0, inode: ino },
  ...{ hasGit: false, isClosed: true, files: [], children: [] },
});

/** To its owner alone: what belongs to somebody else is closed to whoever runs inside as well. Nothing is closed to root. */
const isClosed = ({ mode, uid }: Stats): boolean => uid !== 0 && uid === process.getuid?.() && (mode & 0o500) !== 0o500;

const lookInto = (place: string | Buffer, { ctimeMs, ino }: Stats, startedAt: number): Seen => {
  const changedMs = ctimeMs < startedAt - tickMs ? ctimeMs : 0;
  const seen: Seen = { changedMs, inode: ino, hasGit: false, isClosed: false, files: [], children: [] };
  try {
    for (const { name, kind } of readEntries(place)) {
      if (name === ".git") seen.hasGit = true;
      else (kind === "directory" ? seen.children : seen.files).push(name);
    }
  } catch {
    // Somebody else's, or gone.
  }
  return seen;
};

/** Undefined for what is no directory, or cannot be reached. */
const statOf = (place: string | Buffer): Stats | undefined => {
  try {
    const stat = fs.lstatSync(place);
    return stat.isDirectory() ? stat : undefined;
  } catch {
    return undefined;
  }
};
