import fs from "node:fs";
import path from "node:path";
import { errorOf } from "../errors.ts";
import { findProgram } from "../exec.ts";
import type { Host } from "../host.ts";
import { isWithin, projectKey } from "../places.ts";
import type { Mount } from "../plan/plan.ts";
import { checkWorkdir } from "../plan/workdir.ts";
import { isRunning } from "../run/processes.ts";
import { startTicksOf } from "../run/registry.ts";
import type { Brought } from "./live-bring.ts";
import { lookAtProject, type ProjectLook, watcherOf } from "./live-look.ts";
import type { Project } from "./private-mounts.ts";
import { readRepository } from "./repository.ts";
import { hasUnsettled, type ProjectWatch, settleLeft } from "./watch-project.ts";
import { plainWorkspace, type Workspace } from "./workspace.ts";

/**
 * Live mode: the project's files are the host's own, and git works in private directories that stand for every `.git`.
 * What was committed there comes over when the run has ended, when the next one begins, or when somebody asks.
 */
export type Live = Workspace & {
  /** Of a run before this one, which did not come to its end. */
  recovered: Brought[];
  /** Brings over what is new; the run may still be going on. Never throws for what was made inside. */
  bring(): Promise<Brought[]>;
  /**
   * Looks after the project from outside, given all mounts of a run; undefined without git. Call before it is started.
   * Its `begin` throws when a large project that was opened as it is remembered is not so any more.
   */
  watch(mounts: Mount[]): ProjectWatch | undefined;
  /** True when that is so: whatever has failed may have failed for it, and the project is to be opened again. */
  isOther(): boolean;
  release(): void;
};

type Options = {
  /** Nothing is going to start. */
  isDry?: boolean;
  /** A large project may be taken for what it was, while all of it is looked at; see `watch`. */
  mayRemember?: boolean;
};

/** Looks at the project, and opens its private git directories. Throws E_WORKDIR_INVALID and E_REPOSITORY_UNREADABLE. */
export const openLive = async (host: Host, options: Options = {}): Promise<Live> => {
  checkWorkdir(host.project, host);
  const store = storeOf(host);
  const git = findProgram("git", host.env["PATH"], host.project);
  // Before anybody looks: what was made inside would be taken for the host's own.
  const settled = git && !options.isDry ? await settleLeft(store, git) : [];
  const left = options.isDry ? [] : marksLeft(store);
  // What another run has left is told of once, and without git nobody would ask whether all is as remembered.
  const isQuiet = git !== undefined && settled.length === 0 && left.length === 0;
  const mayRemember = options.mayRemember === true && isQuiet;
  const look = lookAtProject(host, options.isDry ? undefined : store, mayRemember);
  try {
    return await openAs(look, { host, store, git, settled, left, isDry: options.isDry === true });
  } catch (error) {
    if (!look.isOther()) throw error;
    return await openLive(host, { ...options, mayRemember: false });
  }
};

type Opening = {
  host: Host;
  store: string;
  git: string | undefined;
  settled: string[];
  /** Marks of runs that are gone. */
  left: string[];
  isDry: boolean;
};

const openAs = async (look: ProjectLook, { host, store, git, settled, left, isDry }: Opening): Promise<Live> => {
  const { project } = look;
  const watch = watcherOf(look, host, store, git);
  const none = { notes: settled, recovered: [], bring: async () => [], release: look.end };
  const open = { ...plainWorkspace(host.project), ...none, isUnsure: look.isUnsure, isOther: look.isOther, watch };
  const entries = [".git", ...project.nested];
  if (!project.repository && entries.length === 1 && project.closed?.length === 0) return open;
  const standing = (mounts: Mount[]) => ({
    mounts: [...open.mounts, ...mounts],
    // What nothing stands over can be changed, and is watched.
    guarded: entries.filter((entry) => mounts.some(({ target }) => target === `${project.top}/${entry}`)),
  });
  if (!git) return { ...open, ...standing(entries.flatMap((entry) => hide(project.top, entry))) };
  if (isDry) {
    const { settleNested } = await import("./private-mounts.ts");
    const shown = settleNested(project, store, [], false);
    return { ...open, ...standing(shown.mounts), notes: shown.notes };
  }
  const { opened, bring, mark, recovered } = await openParts({ host, store, git, left }, project);
  const commonDirs = opened.parts.map(({ repository }) => repository.commonDir);
  let isUsed = false;
  return {
    ...open,
    ...standing(opened.mounts),
    notes: [...settled, ...opened.notes],
    recovered,
    bring: async () => {
      const brought = await bring();
      if (brought.every(({ problems }) => problems.length === 0)) fs.rmSync(mark, { force: true });
      return brought;
    },
    watch: (mounts) => {
      isUsed = true;
      return watch(mounts, commonDirs);
    },
    release: () => {
      look.end();
      if (!isUsed) fs.rmSync(mark, { force: true });
      opened.release();
    },
  };
};

/** The private git directories, with what a killed run has left in them brought over. */
const openParts = async (
  { host, store, git, left }: Pick<Opening, "host" | "store" | "left"> & { git: string },
  project: Project,
) => {
  // A directory without git is spared the reading of all that.
  const [{ openPrivateGit }, { bringerOf }] = [await import("./private-git.ts"), await import("./live-bring.ts")];
  if (left.length > 0) await finishAll(host, project);
  const opened = await readably(project.top, () => openPrivateGit({ project, store, git, id: idOf(host) }));
  const bring = bringerOf(host, idOf(host), opened.parts);
  const mark = writeMark(store);
  const recovered = left.length > 0 && !opened.isShared ? await bring() : [];
  if (!opened.isShared) for (const file of left) fs.rmSync(file, { force: true });
  return { opened, bring, mark, recovered };
};

/** Of the project's own repository and of its submodules. */
const finishAll = async (host: Host, { top, nested, repository: main }: Project): Promise<void> => {
  const { finishInterrupted } = await import("./import.ts");
  const others = nested.map((entry) => readRepository(path.join(top, path.dirname(entry))));
  for (const repository of [main, ...others])
    if (repository && main && isWithin(repository.commonDir, main.commonDir)) await finishInterrupted(host, repository);
};

/** cordon's own directory for a project's private git directories. */
const storeOf = ({ places, project }: Host): string => path.join(places.state, "live", projectKey(project));

/** The same for every run of a project; names what the host's repository keeps for it. */
const idOf = ({ project }: Host): string => `live-${projectKey(project).slice(-8)}`;

const readably = async <T>(top: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (cause) {
    throw errorOf("E_REPOSITORY_UNREADABLE", top, (cause as Error).message);
  }
};

/** Without git nobody can look after it. */
const hide = (top: string, entry: string): Mount[] => {
  const target = path.join(top, entry);
  const stat = fs.lstatSync(target, { throwIfNoEntry: false });
  if (!stat || stat.isSymbolicLink()) return [];
  return [{ kind: "mask", of: stat.isDirectory() ? "directory" : "file", target, origin: "guard of .git" }];
};

/** True when a run of this project was killed, and nobody has looked yet at what it made. */
export const hasLeft = (host: Host): boolean => marksLeft(storeOf(host)).length > 0 || hasUnsettled(storeOf(host));

/** True once for each project, for what a person has to be told once. */
export const isFirst = (host: Host, topic: string): boolean => {
  try {
    fs.writeFileSync(path.join(storeOf(host), `told-${topic}`), "", { flag: "wx", mode: 0o600 });
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code !== "EEXIST";
  }
};

const writeMark = (store: string): string => {
  const mark = path.join(store, "open", String(process.pid));
  fs.mkdirSync(path.dirname(mark), { recursive: true, mode: 0o700 });
  fs.writeFileSync(mark, startTicksOf(process.pid));
  return mark;
};

/** Marks of runs that are gone; each file holds when its process was started. */
const marksLeft = (store: string): string[] => {
  const place = path.join(store, "open");
  const pids = fs.existsSync(place) ? fs.readdirSync(place) : [];
  const isThere = (pid: string) =>
    isRunning(Number(pid)) && readMark(path.join(place, pid)) === startTicksOf(Number(pid));
  return pids.filter((pid) => !isThere(pid)).map((pid) => path.join(place, pid));
};

/** It may be removed in this moment. */
const readMark = (file: string): string | undefined => {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
};
