import fs from "node:fs";
import path from "node:path";
import { admitPacks, type Quarantine } from "../../workspace/quarantine.ts";

/** Objects that a merge has made stand in a place of their own until it is sure that they are wanted. */

/** Moves them into the store. Objects of the same name are the same. */
export const admitObjects = (quarantine: Quarantine, store: string): void => {
  admitPacks(quarantine, store);
  for (const folder of fs.readdirSync(quarantine.directory).filter((name) => /^[0-9a-f]{2}$/.test(name))) {
    const from = path.join(quarantine.directory, folder);
    const to = path.join(store, folder);
    fs.mkdirSync(to, { recursive: true });
    for (const name of fs.readdirSync(from).filter((name) => /^[0-9a-f]{38,62}$/.test(name)))
      fs.renameSync(path.join(from, name), path.join(to, name));
  }
};
