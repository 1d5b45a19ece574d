import fs from "node:fs";
import path from "node:path";
import type { Host } from "../host.ts";
import type { Mount } from "../plan/plan.ts";
import { type GitCall, runGit } from "../workspace/git.ts";
import { parseSettings } from "../workspace/git-settings.ts";
import type { Repository } from "../workspace/repository.ts";
import { makeBare } from "./bare.ts";
import { copyIndex, findExcludes } from "./base.ts";
import { partsOf, type Session } from "./record.ts";
import { removeRoom } from "./removal.ts";

/**
 * Where a collection works: a git directory of cordon's own, whose settings are the host's and whose objects are made in
 * a throw-away sandbox. Nothing in it is older than the collection.
 */

/** Where things stand in the sandbox. */
export const treeInside = "/run/cordon/tree";
/** What an overlay session has changed, apart from what it lies over. */
export const upperInside = "/run/cordon/upper";
export const scratchInside = "/run/cordon/scratch";

/** How git reads and writes files; everything else of the host's settings means nothing here. */
const carried =
  /^core\.(autocrlf|eol|filemode|ignorecase|symlinks|precomposeunicode|bigfilethreshold|checkroundtripencoding|protecthfs|protectntfs|sparsecheckout|sparsecheckoutcone)$/;

const maxFileBytes = 4 * 1024 * 1024;

/** Makes it anew, with the index of the base. */
export const makeScratch = async (
  host: Host,
  session: Session,
  directory: string,
  repository: Repository,
  call: GitCall,
): Promise<string> => {
  const { scratch, index } = partsOf(directory);
  await removeRoom(scratch);
  const listed = await runGit(["config", "--null", "--includes", "--list"], call);
  const settings = parseSettings(listed.text).filter(({ key }) => carried.test(key));
  const { hashAlgorithm, commonDir } = repository;
  const excludes = session.hasGit ? await findExcludes(host, call.git, repository) : undefined;
  const read = (file: string | undefined) => (file === undefined ? Buffer.alloc(0) : readSmall(file));
  const shallow = readSmall(path.join(commonDir, "shallow"));
  makeBare(scratch, {
    hashAlgorithm,
    settings: [{ key: "core.bare", value: "false" }, ...settings],
    files: {
      "info/exclude": session.hasGit
        ? Buffer.concat([read(path.join(commonDir, "info/exclude")), Buffer.from("\n"), read(excludes)])
        : Buffer.alloc(0),
      "info/attributes": read(path.join(commonDir, "info/attributes")),
      ...(shallow.length > 0 && { shallow }),
    },
  });
  copyIndex(index, path.join(scratch, "index"));
  return scratch;
};

const readSmall = (file: string): Uint8Array => {
  try {
    const stat = fs.statSync(file);
    return stat.isFile() && stat.size <= maxFileBytes ? fs.readFileSync(file) : Buffer.alloc(0);
  } catch {
    return Buffer.alloc(0);
  }
};

/** The session's files as they are seen inside, read-only, and the scratch directory. */
export const scratchMounts = (session: Session, directory: string, mode: "ro" | "rw" = "ro"): Mount[] => {
  const { room, tree, scratch } = partsOf(directory);
  const origin = "collection";
  const own = path.join(session.project, ".git");
  // The host's git directory lies under an overlay, with its settings and all.
  const isBelow = session.workspace === "overlay" && fs.lstatSync(own, { throwIfNoEntry: false })?.isDirectory();
  return [
    session.workspace === "overlay"
      ? { kind: "overlay", target: treeInside, lower: session.project, room, mode: "ro", origin }
      : { kind: "bind", source: tree, target: treeInside, mode, origin },
    ...(session.workspace === "overlay"
      ? [{ kind: "bind", source: path.join(room, "upper"), target: upperInside, mode: "ro", origin } as const]
      : []),
    ...(isBelow ? [{ kind: "mask", of: "directory", target: `${treeInside}/.git`, origin } as const] : []),
    { kind: "bind", source: scratch, target: scratchInside, mode: "rw", origin },
  ];
};
