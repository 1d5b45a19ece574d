import fs from "node:fs";
import { decodeName, encodeName } from "../../workspace/name-bytes.ts";

/** What stands in the host's working tree, without following any link below its top. Names are data. */

export type Look =
  | { kind: "missing" }
  /** Something that is no directory stands where one of its directories would be. */
  | { kind: "blocked"; by: string }
  | { kind: "file" | "link" | "directory" | "other"; sizeBytes: number };

/** Looks at a path below `top`. */
export const lookAt = (top: string, path: string): Look => {
  const names = path.split("/");
  for (let depth = 1; depth < names.length; depth++) {
    const parent = names.slice(0, depth).join("/");
    const stat = statOf(top, parent);
    if (!stat) return { kind: "missing" };
    if (!stat.isDirectory()) return { kind: "blocked", by: parent };
  }
  const stat = statOf(top, path);
  if (!stat) return { kind: "missing" };
  const kind = stat.isFile() ? "file" : stat.isSymbolicLink() ? "link" : stat.isDirectory() ? "directory" : "other";
  return { kind, sizeBytes: stat.size };
};

/** The bytes by which the file system knows a path. */
const placeOf = (top: string, path: string): Buffer =>
  Buffer.concat([Buffer.from(`${top}/`), Buffer.from(encodeName(path) as string)]);

const statOf = (top: string, path: string): fs.Stats | undefined => {
  try {
    return fs.lstatSync(placeOf(top, path), { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
};

const mostListed = 10_000;

/** Everything below a directory that is no directory itself, as paths below `top`; undefined when it is too much to look at. */
export const listBelow = (top: string, path: string): string[] | undefined => {
  const found: string[] = [];
  const pending = [path];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    for (const { name, isDirectory } of entriesOf(top, directory)) {
      const below = `${directory}/${name}`;
      if (isDirectory) pending.push(below);
      else found.push(below);
      if (found.length + pending.length > mostListed) return undefined;
    }
  }
  return found;
};

const entriesOf = (top: string, path: string): { name: string; isDirectory: boolean }[] =>
  fs.readdirSync(placeOf(top, path), { encoding: "buffer" }).map((bytes) => {
    const name = decodeName(bytes);
    return { name, isDirectory: statOf(top, `${path}/${name}`)?.isDirectory() ?? false };
  });

/** The bytes of a regular file of at most so many; undefined for anything else. */
export const readPlain = (top: string, path: string, mostBytes: number): Buffer | undefined => {
  const look = lookAt(top, path);
  if (look.kind !== "file" || look.sizeBytes > mostBytes) return undefined;
  const fd = fs.openSync(placeOf(top, path), fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
  try {
    return fs.fstatSync(fd).isFile() ? fs.readFileSync(fd) : undefined;
  } finally {
    fs.closeSync(fd);
  }
};

/** Takes a file or link away, and the directories above it that are empty then. */
export const removePlain = (top: string, path: string): void => {
  const { kind } = lookAt(top, path);
  if (kind !== "file" && kind !== "link") return;
  fs.unlinkSync(placeOf(top, path));
  const names = path.split("/");
  try {
    for (let depth = names.length - 1; depth > 0; depth--) fs.rmdirSync(placeOf(top, names.slice(0, depth).join("/")));
  } catch {
    // The first directory that still holds something ends it.
  }
};
