import fs from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { errorOf } from "../errors.ts";
import type { Host } from "../host.ts";
import type { Mount } from "../plan/plan.ts";
import { makePrivateDirectory } from "../run/registry.ts";
import { type DirectoryTable, rowsOf } from "./directory-table.ts";
import { changedSince } from "./native-look.ts";
import { beginFinding, type Nested, nestedCache } from "./nested.ts";
import type { Project } from "./private-mounts.ts";
import { readRepository } from "./repository.ts";
import { type ProjectWatch, prepareWatch } from "./watch-project.ts";

/** The look at a project before a live run, which of a large one goes on while other things are done. */
export type ProjectLook = {
  project: Project;
  isUnsure: boolean;
  /** Waits for the look, as all that follows. */
  isOther(): boolean;
  /** All directories. */
  table(): DirectoryTable;
  /** Must be called, whatever happens; also again. */
  end(): void;
};

/** `store` is cordon's own directory for the project; without one nothing is remembered. Throws E_REPOSITORY_UNREADABLE. */
export const lookAtProject = (host: Host, store: string | undefined, mayRemember: boolean): ProjectLook => {
  const top = host.project;
  if (store !== undefined) fs.mkdirSync(store, { recursive: true, mode: 0o700 });
  const repository = readRepository(top);
  const own = path.join(top, ".git");
  // Another git might read it (references in a reftable, for one); it would stand open to whoever runs inside.
  if (!repository && fs.existsSync(own) && fs.existsSync(path.join(own, "objects")))
    throw errorOf("E_REPOSITORY_UNREADABLE", own, "its HEAD cannot be read");
  const isStrange = !repository && fs.lstatSync(own, { throwIfNoEntry: false }) !== undefined;
  const look = beginFinding(top, store && nestedCache(host, top), store && scratchOf(host));
  let found: Nested | undefined;
  const finish = (): Nested => {
    found ??= look.finish();
    return found;
  };
  const remembered = mayRemember ? look.remembered : undefined;
  const { paths, closed } = remembered ?? checked(finish(), top);
  return {
    project: { top, nested: isStrange ? [".git", ...paths] : paths, closed, repository },
    isUnsure: remembered !== undefined,
    isOther: () => {
      const now = checked(finish(), top);
      return !isDeepStrictEqual([now.paths, now.closed], [paths, closed]);
    },
    table: () => finish().table,
    end: finish,
  };
};

const checked = (found: Nested, top: string): Nested => {
  if (found.isComplete) return found;
  throw errorOf("E_REPOSITORY_UNREADABLE", top, "it has too many directories to look for repositories");
};

/** Undefined without git: then nobody can look after it. */
export const watcherOf =
  ({ project, isOther, table }: ProjectLook, host: Host, store: string, git: string | undefined) =>
  (mounts: Mount[], commonDirs: string[] = []): ProjectWatch | undefined => {
    if (git === undefined) return undefined;
    const [seen, changed] = [() => rowsOf(table()), changedSince(project.top, table, scratchOf(host))];
    const { closed = [] } = project;
    const confirm = () => {
      if (isOther()) throw new Error(`${project.top} is not as it is remembered`);
    };
    return prepareWatch({ ...project, closed, mounts, commonDirs, store, git, confirm, seen, changed });
  };

/** Most often in memory. */
const scratchOf = ({ places }: Host): string => {
  makePrivateDirectory(places.runtime);
  return places.runtime;
};
