import path from "node:path";
import { writeRefs } from "../workspace/carried-refs.ts";
import { holdDirectory, release } from "../workspace/held-directory.ts";
import { pinTips } from "../workspace/pins.ts";
import { besideName } from "../workspace/ref-merge.ts";
import { isObjectId, type Refs, readRefs } from "../workspace/refs.ts";
import { type Repository, readHostRefs } from "../workspace/repository.ts";
import { readOrigin } from "./origin.ts";
import { readJson, type Session, writeJson } from "./record.ts";

/** More than that have hardly moved in one day; the one that is checked out comes first. */
const mostBranches = 256;

export type HostBranches = {
  session: Pick<Session, "id" | "base">;
  /** The session's own, which nobody else uses. */
  directory: string;
  repository: Repository;
  /** Path of git on the host. */
  git: string;
};

/**
 * A session goes on from where it began. What the host's branches have become since stands beside that, below
 * `refs/remotes/host/`, so that whoever works inside can merge it; their commits are held on the host as long as the
 * session is there. Nothing else of the private git directory is touched. Returns sentences for the user.
 */
export const showHostBranches = async (request: HostBranches): Promise<string[]> => {
  const { session, directory, repository, git } = request;
  const origin = readOrigin(directory);
  const main = origin?.parts.find(({ place }) => place === "");
  if (!main) return [];
  const host = readHostRefs(repository.commonDir);
  const wanted = movedBranches(request, main.base.refs, host);
  const file = path.join(directory, "host-branches.json");
  const before = readShown(file);
  const pinned = [...new Set(wanted.values())].filter((id) => !host.has(`refs/cordon/${session.id}/base/${id}`));
  await pinTips({ git, repository: { gitDir: repository.gitDir } }, session.id, pinned);
  const held = holdDirectory(main.directory);
  try {
    const own = readRefs(held).refs;
    const set = new Map([...wanted].filter(([name, id]) => own.get(name)?.value !== id));
    const remove = before.filter((name) => !wanted.has(name) && own.has(name));
    // Before, so that what dies in between is taken back the next time.
    if (set.size + remove.length > 0) writeJson(file, [...new Set([...before, ...wanted.keys()])]);
    writeRefs(held, { set, remove }, own, host);
  } finally {
    release(held);
  }
  writeJson(file, [...wanted.keys()]);
  const shown = shownName(repository, host);
  return shown !== undefined && wanted.has(`refs/remotes/${shown}`)
    ? [`your project has moved on since the session began: inside, that is ${shown}`]
    : [];
};

/** Under which name, as git says it, the host's HEAD is seen inside once it has moved. */
export const shownName = ({ branch }: Repository, host: Refs): string =>
  besideName(branch ?? "refs/heads/HEAD", host).replace(/^refs\/remotes\//, "");

const movedBranches = (
  { session: { base }, repository: { branch, head } }: HostBranches,
  atStart: Record<string, string>,
  host: Refs,
): Map<string, string> => {
  const moved = [...host].flatMap(([name, { value }]) =>
    name.startsWith("refs/heads/") && isObjectId(value) && atStart[name] !== value ? [[name, value] as const] : [],
  );
  const current = head === undefined || head === base.head ? [] : [[branch ?? "refs/heads/HEAD", head] as const];
  return new Map([...current, ...moved].slice(0, mostBranches).map(([name, id]) => [besideName(name, host), id]));
};

const readShown = (file: string): string[] => {
  const names = readJson(file);
  return Array.isArray(names)
    ? names.filter((name) => typeof name === "string" && name.startsWith("refs/remotes/"))
    : [];
};
