import fs from "node:fs";
import path from "node:path";
import { errorOf } from "../errors.ts";
import { isWithin } from "../places.ts";
import {
  copyBetween,
  type Held,
  holdDirectory,
  inside,
  linkInto,
  listEntries,
  readLink,
  release,
} from "../workspace/held-directory.ts";

/** A place on the host, by the directory that it is in, held open: somebody hostile may be writing there. */
export type Landing = { parent: Held; name: string; place: string };

/**
 * Opens the directory of a path; a link of the project's does not lead out of it, because whoever is inside may have
 * made it. Throws E_COPY_FAILED. Close `parent` with `release`.
 */
export const openLanding = (place: string, project: string): Landing => {
  const directory = path.dirname(place);
  let real: string;
  try {
    real = fs.realpathSync.native(directory);
  } catch {
    throw errorOf("E_COPY_FAILED", place, "there is no such directory");
  }
  if (isWithin(directory, project) && !isWithin(real, project))
    throw errorOf("E_COPY_FAILED", place, "a link in the project leads out of it");
  const parent = holdDirectory(real);
  if (fs.readlinkSync(`/proc/self/fd/${parent}`) === real) return { parent, name: path.basename(place), place };
  release(parent);
  throw errorOf("E_COPY_FAILED", place, "somebody is moving that directory");
};

/** Throws E_COPY_FAILED where something is that would have to be removed: a file gives way to a file. */
export const checkFree = ({ parent, name, place }: Landing, isDirectory: boolean): void => {
  const there = fs.lstatSync(at(parent, name), { throwIfNoEntry: false });
  if (there && (isDirectory || there.isDirectory()))
    throw errorOf("E_COPY_FAILED", place, "something is there already");
};

/** Moves an entry of a directory that nobody else writes to. Throws E_COPY_FAILED, and what the file system says. */
export const land = (room: string, entry: string, landing: Landing): void => {
  const { parent, name } = landing;
  const isDirectory = fs.lstatSync(path.join(room, entry)).isDirectory();
  checkFree(landing, isDirectory);
  try {
    fs.renameSync(path.join(room, entry), at(parent, name));
    return;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EXDEV") throw cause;
  }
  const from = holdDirectory(room);
  const next = isDirectory ? `.cordon-copy-${crypto.randomUUID()}` : name;
  try {
    copyEntry(from, entry, parent, next, landing);
    if (isDirectory) fs.renameSync(at(parent, next), at(parent, name));
  } finally {
    release(from);
  }
};

/** From one file system to another, from open directory to open directory. */
const copyEntry = (from: Held, entry: string, to: Held, name: string, landing: Landing): void => {
  const stat = fs.lstatSync(at(from, entry));
  const mode = stat.mode & 0o777;
  const link = readLink(from, entry);
  if (link !== undefined) linkInto(to, name, link);
  else if (stat.isDirectory()) {
    fs.mkdirSync(at(to, name), { mode: 0o700 });
    inside(from, [entry], (source) => inside(to, [name], (target) => copyAll(source, target, mode, landing)));
  } else if (!copyBetween(from, entry, to, name, mode))
    throw errorOf("E_COPY_FAILED", landing.place, `${entry} is no ordinary file`);
};

const copyAll = (source: Held, target: Held, mode: number, landing: Landing): void => {
  for (const { name } of listEntries(source, "") ?? []) {
    if (name.includes("\ufffd")) throw errorOf("E_COPY_FAILED", landing.place, "a name in it is no UTF-8");
    copyEntry(source, name, target, name, landing);
  }
  fs.fchmodSync(target, mode);
};

const at = (held: Held, name: string): string => `/proc/self/fd/${held}/${name}`;
