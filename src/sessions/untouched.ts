import fs from "node:fs";
import path from "node:path";
import { type GitCall, runGit } from "../workspace/git.ts";
import type { Repository } from "../workspace/repository.ts";
import { readUnchanged } from "../workspace/unchanged.ts";
import type { OriginPart } from "./origin.ts";
import { partsOf, type Session, tipRef } from "./record.ts";
import type { Found } from "./tip.ts";

/**
 * The tip of a session in which nobody has changed anything, which takes no look at its files: what is changed in an overlay
 * stands in its upper layer, and the private git directory is read as data. Undefined when there may be something.
 */
export const findUntouched = async (
  session: Session,
  directory: string,
  repository: Repository,
  main: OriginPart | undefined,
  call: GitCall,
): Promise<(Found & { isHeld: boolean }) | undefined> => {
  const { base, hasGit, id, workspace } = session;
  const own = hasGit ? base.head : base.commit;
  if (workspace !== "overlay" || own === undefined || !isEmpty(path.join(partsOf(directory).room, "upper")))
    return undefined;
  const below = path.relative(repository.commonDir, repository.gitDir);
  if (hasGit && (!main || readUnchanged(main.directory, below, main.base)?.head !== own)) return undefined;
  const held = await runGit(["update-ref", tipRef(id), own], call);
  return held.code === 0 ? { tip: own, isWork: false, own, isHeld: true } : undefined;
};

/** The layer itself is cordon's, and what is in it stays shut. */
const isEmpty = (directory: string): boolean => {
  try {
    return fs.readdirSync(directory).length === 0;
  } catch {
    return false;
  }
};
