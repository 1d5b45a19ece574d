import fs, { constants } from "node:fs";
import path from "node:path";
import { tryLock } from "../file-lock.ts";
import { type Host, inspectPaths } from "../host.ts";
import { type Places, projectKey } from "../places.ts";
import { composeCaches, linkedNames, linkedPlace, pathsOfCaches } from "../plan/caches.ts";
import type { Supply } from "../plan/supplies.ts";
import type { Policy } from "../policy.ts";

export type Caches = {
  supply: Supply;
  note?: string;
};

export type CacheOptions = {
  /** Whether overlays can be laid, in cordon's own cache directory; asked for when they would be used. */
  canOverlay(): Promise<boolean>;
  isDry: boolean;
};

/** So many runs of one project have rooms at once; a further one has caches of its own only. */
const mostRooms = 4;

/**
 * The package caches of a run, and what they need on disk. An overlay's room serves one run at a time, so the rooms of a
 * project are numbered and each is locked while it is in use; what was downloaded in it stays for the next.
 */
export const openCaches = async (host: Host, policy: Policy, { canOverlay, isDry }: CacheOptions): Promise<Caches> => {
  const own = path.join(host.places.cache, "packages", projectKey(host.project));
  const wants = policy.caches?.value === "shared";
  const held = wants && (await canOverlay()) ? holdRooms(host.places, host.project, isDry) : undefined;
  const facts = inspectPaths(pathsOfCaches({ host, policy }));
  const supply = composeCaches({ host, policy, facts, own, rooms: held });
  if (!isDry) makeDirectories(supply);
  return {
    supply,
    ...(wants && !held && { note: "most package caches are private: overlays cannot be made here" }),
  };
};

const makeDirectories = ({ mounts }: Supply): void => {
  const make = (directory: string) => fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const mount of mounts) {
    if (mount.kind === "bind" && mount.mode === "rw") make(mount.source);
    if (mount.kind === "bind" && mount.target === linkedPlace) makeLinked(mount.source);
    if (mount.kind === "overlay") for (const name of roomParts) make(path.join(mount.room, name));
  }
};

/** A sandbox writes in there: what already has the name is left as it is, whatever it is. */
const makeLinked = (directory: string): void => {
  const present = new Set(fs.readdirSync(directory));
  for (const name of linkedNames) if (!present.has(name)) fs.mkdirSync(path.join(directory, name), { mode: 0o700 });
};

const roomParts = ["lower", "upper", "work", "merged"];

/** Where they are; nobody else has them until this process ends. */
const holdRooms = (places: Places, project: string, isDry: boolean): string | undefined => {
  const directory = path.join(places.cache, "rooms", projectKey(project));
  const named = (number: number) => path.join(directory, String(number));
  if (isDry) return named(1);
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (let number = 1; number <= mostRooms; number++) {
    const lock = fs.openSync(`${named(number)}.lock`, constants.O_RDWR | constants.O_CREAT, 0o600);
    if (tryLock(lock)) return named(number);
    fs.closeSync(lock);
  }
  return undefined;
};
