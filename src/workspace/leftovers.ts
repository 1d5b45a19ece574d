import fs from "node:fs";
import path from "node:path";
import { tryLock } from "../file-lock.ts";
import type { Places } from "../places.ts";
import { sweepRoom, teardownName } from "./throwaway.ts";

/** Rooms of imports and merges that died: control groups may be left of them. What they had not brought over comes with the next one. */
export const findDeadImports = (places: Places): string[] =>
  roomsOf(places).filter((room) => fs.existsSync(path.join(room, teardownName)) && withLock(room, () => true));

/** Undoes what is left of one, unless somebody is at work in it by now. */
export const removeDeadImport = (room: string): void => {
  withLock(room, () => {
    sweepRoom(room);
    return true;
  });
};

const roomsOf = ({ state }: Places): string[] => {
  const place = path.join(state, "imports");
  return fs.existsSync(place) ? fs.readdirSync(place).map((name) => path.join(place, name)) : [];
};

/** False when somebody has the lock. */
const withLock = (room: string, work: () => boolean): boolean => {
  const { O_RDWR, O_CREAT, O_NOFOLLOW } = fs.constants;
  const fd = fs.openSync(path.join(room, "lock"), O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
  try {
    return tryLock(fd) && work();
  } finally {
    fs.closeSync(fd);
  }
};
