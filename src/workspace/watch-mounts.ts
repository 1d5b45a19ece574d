import fs from "node:fs";
import path from "node:path";
import { isWithin } from "../places.ts";
import type { Mount } from "../plan/plan.ts";

/**
 * Watches from outside the places that a run's mounts cover. A mount belongs to a directory entry of the host: when a
 * host program renames that entry the mount goes along, when it removes it the kernel takes the mount away (mount(2)
 * has no say in it), and what is put in its place stands open to the sandbox. Inside, both fail with EBUSY; only a
 * directory above such a place can be moved there, and then the mount stays on what it covers.
 */
export type MountGuard = {
  /** Calls `onReplaced` once, with the path of the first place that is not what it was. Returns how to stop. */
  watch(onReplaced: (place: string) => void): () => void;
  /** The first place that is not what it was. */
  findReplaced(): string | undefined;
  release(): void;
};

type Held = { place: string; now: string; fd: number; identity: string; parent: string; isFixed: boolean };

/** An open file of this kind reads nothing, but keeps its inode number from being used again (open(2), `O_PATH`). */
const O_PATH = 0o10000000;
const { O_NOFOLLOW } = fs.constants;

const everyMs = 250;
/** After a sign of change: a directory is emptied before it goes. */
const soonMs = 10;
const soonTimes = 100;

/** Each costs a descriptor; what is more is found when the run has ended. */
const mostPlaces = 256;
const mostSigns = 64;

/** Paths on the host, strictly below `root`, that mounts of a run cover there. `root` stands at its own path inside. */
export const coveredPlaces = (mounts: Mount[], root: string): string[] =>
  mounts.flatMap(({ kind, target }) =>
    kind !== "symlink" && target !== root && isWithin(target, root) ? [target] : [],
  );

/**
 * Remembers what the places are before anything is mounted there. The first is `root` itself, which must stay where it
 * is. What does not exist is left out.
 */
export const guardPlaces = (root: string, places: string[]): MountGuard => {
  const held = [root, ...places].slice(0, mostPlaces).flatMap((place) => hold(root, place));
  const findReplaced = () => held.find((one) => !isInPlace(one))?.place;
  return {
    findReplaced,
    watch: (onReplaced) => watchHeld(held, findReplaced, onReplaced),
    release: () => {
      for (const { fd } of held.splice(0)) fs.closeSync(fd);
    },
  };
};

const hold = (root: string, place: string): Held[] => {
  let fd: number;
  try {
    fd = fs.openSync(place, O_PATH | O_NOFOLLOW);
  } catch {
    return [];
  }
  const parent = path.dirname(place);
  const isFixed = place === root || parent === root;
  return [{ place, now: place, fd, identity: identityOf(place)!, parent: identityOf(parent)!, isFixed }];
};

/** Undefined when nothing is there, or nobody may look. */
const identityOf = (place: string): string | undefined => {
  try {
    const stat = fs.lstatSync(place, { bigint: true, throwIfNoEntry: false });
    return stat && `${stat.dev}:${stat.ino}`;
  } catch {
    return undefined;
  }
};

/** Where it has been moved to together with the directory around it, it is covered all the same. */
const isInPlace = (held: Held): boolean => {
  if (identityOf(held.now) === held.identity) return true;
  if (held.isFixed) return false;
  const now = fs.readlinkSync(`/proc/self/fd/${held.fd}`);
  if (path.basename(now) !== path.basename(held.place) || identityOf(path.dirname(now)) !== held.parent) return false;
  if (identityOf(now) !== held.identity) return false;
  held.now = now;
  return true;
};

const watchHeld = (held: Held[], findReplaced: () => string | undefined, onReplaced: (place: string) => void) => {
  let soon = 0;
  let timer: NodeJS.Timeout;
  const stop = () => {
    clearTimeout(timer);
    for (const sign of signs.splice(0)) sign.close();
  };
  const look = () => {
    clearTimeout(timer);
    const replaced = findReplaced();
    if (replaced !== undefined) {
      stop();
      onReplaced(replaced);
      return;
    }
    soon = Math.max(0, soon - 1);
    timer = setTimeout(look, soon > 0 ? soonMs : everyMs);
    timer.unref();
  };
  const onSign = () => {
    const isWaiting = soon === 0;
    soon = soonTimes;
    if (isWaiting) look();
  };
  const signs: fs.FSWatcher[] = [];
  // The first one costs two milliseconds, which the start need not wait for.
  const begin = () => {
    signs.push(...held.slice(1, mostSigns).flatMap(({ place }) => watchOne(place, onSign)));
    look();
  };
  timer = setTimeout(begin, soonMs);
  timer.unref();
  return stop;
};

/** What is covered is quiet: inside, the private one is used. Its signs only save the wait for the next look. */
const watchOne = (place: string, onSign: () => void): fs.FSWatcher[] => {
  try {
    const watcher = fs.watch(place, { persistent: false }, onSign);
    watcher.on("error", () => watcher.close());
    return [watcher];
  } catch {
    return [];
  }
};
