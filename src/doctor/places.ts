import fs from "node:fs";
import path from "node:path";
import type { Check } from "../backends/backend.ts";
import type { Host } from "../host.ts";
import type { Places } from "../places.ts";

/** One of cordon's own directories as it stands; `missing` is fine, it is made when it is needed. */
export type PlaceFact = { name: keyof Places; path: string } & (
  | { kind: "missing" | "other" }
  | { kind: "directory"; mode: number; uid: number; isLink: boolean }
);

export const gatherPlaces = (places: Places): PlaceFact[] =>
  (Object.keys(places) as (keyof Places)[]).map((name) => ({ name, path: places[name], ...lookAt(places[name]) }));

const lookAt = (target: string) => {
  try {
    const isLink = fs.lstatSync(target).isSymbolicLink();
    const stat = fs.statSync(target);
    if (!stat.isDirectory()) return { kind: "other" as const };
    return { kind: "directory" as const, mode: stat.mode & 0o7777, uid: stat.uid, isLink };
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    return { kind: isMissing ? ("missing" as const) : ("other" as const) };
  }
};

/** Pure: cordon's directories are this user's alone. */
export const checkPlaces = (facts: PlaceFact[], uid: number): Check => {
  const base = { name: "places", level: "required" as const };
  const wrong = facts.filter((fact) => fact.kind === "other" || (fact.kind === "directory" && fact.uid !== uid));
  if (wrong.length > 0) {
    const found = wrong.map((fact) => `${fact.path} is ${fact.kind === "other" ? "no directory" : "somebody else's"}`);
    return { ...base, ok: false, found: found.join(", "), fix: "look at what stands there, and move it away" };
  }
  const open = facts.filter(isOpen);
  if (open.length > 0) {
    const found = `others may look into ${open.map((fact) => fact.path).join(", ")}`;
    return { ...base, level: "advice", ok: false, found, fix: fixOf(open) };
  }
  const present = facts.filter(({ kind }) => kind === "directory").map(({ name }) => name);
  return { ...base, ok: true, found: present.length > 0 ? `${present.join(", ")}: private` : "none made yet" };
};

const fixOf = (open: PlaceFact[]): string => {
  const isLinked = open.some((fact) => fact.kind === "directory" && fact.isLink);
  return isLinked
    ? `\`chmod 700 ${open.map((fact) => fact.path).join(" ")}\`, if nobody else uses what the links lead to`
    : "`cordon doctor --fix` makes them private";
};

const isOpen = (fact: PlaceFact): boolean => fact.kind === "directory" && (fact.mode & 0o077) !== 0;

/** Makes this user's own directories private; says what was done. A link is left alone, its target may be shared. */
export const repairPlaces = (facts: PlaceFact[], uid: number): string[] =>
  facts
    .filter((fact) => fact.kind === "directory" && isOpen(fact) && fact.uid === uid && !fact.isLink)
    .filter(({ path }) => makePrivate(path))
    .map(({ path }) => `${path} is private now (mode 0700)`);

/** By descriptor, so that a link put there meanwhile is not followed. False when it stays as it is. */
const makePrivate = (directory: string): boolean => {
  let fd: number | undefined;
  try {
    fd = fs.openSync(directory, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY | fs.constants.O_NOFOLLOW);
    fs.fchmodSync(fd, 0o700);
    return true;
  } catch {
    return false;
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
};

const scarceBytes = 1024 ** 3;

/** Room where sessions and agents' states grow. */
export const checkDisk = (availableBytes: number, directory: string): Check => {
  const base = { name: "disk", level: "advice" as const };
  const found = `${(availableBytes / 1024 ** 3).toFixed(1)} GiB free at ${directory}`;
  if (availableBytes >= scarceBytes) return { ...base, ok: true, found };
  return { ...base, ok: false, found, fix: "make room there, or set XDG_STATE_HOME to a larger disk" };
};

/** Free space where cordon's state stands or will stand. */
export const measureDisk = ({ places }: Pick<Host, "places">): { availableBytes: number; directory: string } => {
  let directory = places.state;
  while (!fs.existsSync(directory) && directory !== "/") directory = path.dirname(directory);
  const { bavail, bsize } = fs.statfsSync(directory);
  return { availableBytes: bavail * bsize, directory };
};
