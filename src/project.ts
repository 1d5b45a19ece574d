import fs from "node:fs";
import path from "node:path";
import { isWithin } from "./places.ts";

/**
 * The project that a directory belongs to: the top of the git working tree around it, so that a start in a
 * sub-directory means the whole project. Home, what contains it, and directories that every program uses are none.
 */
export const findProject = (directory: string, realHome: string): string => {
  for (let top = directory; top !== path.dirname(top) && !isWithin(realHome, top); top = path.dirname(top)) {
    if (shared.includes(top)) break;
    if (hasRepository(top)) return top;
  }
  return directory;
};

const shared = ["/tmp", "/var/tmp"];

/** A git directory, or the file that names one (gitrepository-layout(5)). */
const hasRepository = (top: string): boolean => {
  const entry = path.join(top, ".git");
  const stat = fs.statSync(entry, { throwIfNoEntry: false });
  return stat?.isFile() || (stat?.isDirectory() === true && fs.existsSync(path.join(entry, "HEAD")));
};
