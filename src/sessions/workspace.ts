import fs from "node:fs";
import path from "node:path";
import { CordonError, errorOf } from "../errors.ts";
import { findProgram } from "../exec.ts";
import type { Host } from "../host.ts";
import { isWithin } from "../places.ts";
import type { Mount } from "../plan/plan.ts";
import { checkWorkdir } from "../plan/workdir.ts";
import { findNested, type Nested, nestedCache } from "../workspace/nested.ts";
import { openPrivateGit } from "../workspace/private-git.ts";
import { type Repository, readRepository } from "../workspace/repository.ts";
import { plainWorkspace, type Workspace } from "../workspace/workspace.ts";
import { type Collection, collectSession } from "./collect.ts";
import { type CreatedSession, createSession } from "./creation.ts";
import { deferBase } from "./deferred-base.ts";
import { showHostBranches } from "./host-branches.ts";
import { canOverlay } from "./overlay.ts";
import { checkName, partsOf, projectPlace, readRecord, type Session } from "./record.ts";
import { isFullyMerged, refreshMerged } from "./refresh.ts";
import { findSession, lockSession, updateSession } from "./store.ts";

/** A session as a run works on it: its files at the project's place, held until it is released. */
export type SessionWorkspace = Workspace & {
  session: Session;
  directory: string;
  /** Call when the program is about to start. */
  begin(): void;
  /** After the run: what it holds comes to the host. */
  collect(): Promise<Collection>;
  release(): Promise<void>;
};

export type Wanted = {
  name: string;
  /** Name of the agent, or what else is run. */
  agent: string;
  isAgent: boolean;
  /** Who uses it, in words for whoever comes meanwhile. */
  user: string;
  /** It must be there already. */
  isKnown?: boolean;
};

/** Opens a session, or makes it. Throws E_SESSION_* and E_WORKDIR_INVALID. */
export const openSessionWorkspace = async (host: Host, wanted: Wanted): Promise<SessionWorkspace> => {
  checkWorkdir(host.project, host);
  checkName(wanted.name);
  const repository = readRepository(host.project);
  let seen: Nested | undefined;
  const look = () => {
    seen ??= findNested(host.project, nestedCache(host, host.project));
    return seen;
  };
  const held = await holdSession(host, wanted, repository, look);
  try {
    return await layOut(host, wanted, repository, { ...held, look });
  } catch (cause) {
    held.release();
    if (cause instanceof CordonError) throw cause;
    throw errorOf("E_SESSION_FAILED", held.session.name, (cause as Error).message);
  }
};

type Held = Awaited<ReturnType<typeof holdSession>> & { look: () => Nested };

/** What stands where, when everything is as the next run needs it. */
const layOut = async (
  host: Host,
  wanted: Wanted,
  repository: Repository | undefined,
  { session: found, directory, release, notes, takeBase, look }: Held,
): Promise<SessionWorkspace> => {
  const refreshed = isFullyMerged(found)
    ? await refreshMerged(host, { session: found, directory }, repository)
    : undefined;
  const moved = refreshed?.session ?? found;
  const git = repository && (await openGit(host, moved, directory, repository, look().paths));
  const session = await updateSession(host, moved, ({ agent }) => ({
    isStale: true,
    usedAt: new Date().toISOString(),
    // Who looks around in between is not whom the work goes on with.
    agent: wanted.isAgent ? wanted.agent : agent,
  })).catch((cause) => {
    git?.release();
    throw cause;
  });
  const mounts = (git?.mounts ?? []).filter((mount) => isPlainBelow(mount, session, directory));
  const base = deferBase(host, session, takeBase);
  return {
    ...plainWorkspace(host.project),
    mounts: [filesOf(session, directory), ...mounts],
    state: partsOf(directory).state,
    notes: [...notes, ...(refreshed?.notes ?? []), ...(refreshed?.problems ?? []), ...(git?.notes ?? [])],
    session,
    directory,
    begin: base.begin,
    collect: async () => {
      const said = await base.settle();
      const now = readRecord(directory) ?? session;
      const collection = await collectSession({ host, session: now, repository: readRepository(host.project) });
      return { ...collection, notes: [...said, ...collection.notes] };
    },
    release: async () => {
      await base.settle();
      git?.release();
      release();
    },
  };
};

/** What a run of a session would work on. Makes nothing: one that does not exist yet counts as an overlay. */
export const describeSessionWorkspace = (host: Host, name: string): Workspace => {
  checkWorkdir(host.project, host);
  checkName(name);
  const session = findSession(host, host.project, name);
  const directory = path.join(projectPlace(host, host.project), session?.id ?? "new");
  const files = filesOf({ project: host.project, name, workspace: session?.workspace ?? "overlay" }, directory);
  return { ...plainWorkspace(host.project), mounts: [files], state: partsOf(directory).state };
};

const holdSession = async (
  host: Host,
  { name, agent, user, isKnown }: Wanted,
  repository: Repository | undefined,
  look: () => Nested,
): Promise<CreatedSession> => {
  const { project } = host;
  const known = findSession(host, project, name);
  if (known) return { ...lockSession(host, known, user), notes: [] };
  if (isKnown) throw errorOf("E_SESSION_UNKNOWN", name);
  const place = projectPlace(host, project);
  fs.mkdirSync(place, { recursive: true, mode: 0o700 });
  const { table, paths: nested } = look();
  const overlay = await canOverlay(host, project, place, table);
  const workspace = overlay.ok ? "overlay" : "copy";
  const wanted = { host, project, repository, name, agent, workspace, user, nested, defersBase: true } as const;
  const made = await createSession(wanted);
  return { ...made, notes: [...made.notes, ...(overlay.ok ? [] : [`the session is a copy: ${overlay.why}`])] };
};

const openGit = async (host: Host, session: Session, directory: string, repository: Repository, nested: string[]) => {
  const { id, name, project } = session;
  const git = findProgram("git", host.env["PATH"], project);
  if (!git) throw errorOf("E_SESSION_FAILED", name, "git is not installed", "install git");
  const store = partsOf(directory).git;
  const opened = await openPrivateGit({ project: { top: project, nested, repository }, store, git, id, isFixed: true });
  try {
    const shown = await showHostBranches({ session, directory, repository, git });
    return { ...opened, notes: [...opened.notes, ...shown] };
  } catch (cause) {
    opened.release();
    throw cause;
  }
};

const filesOf = (
  { project, name, workspace }: Pick<Session, "project" | "name" | "workspace">,
  directory: string,
): Mount => {
  const { room, tree } = partsOf(directory);
  const common = { target: project, mode: "rw", origin: `session ${name}` } as const;
  return workspace === "overlay"
    ? { kind: "overlay", lower: project, room, ...common }
    : { kind: "workspace", source: tree, ...common };
};

/**
 * Whoever works in the session may have put a link or a file where something would be mounted. Then the session keeps
 * what it has made of it: what lies there is its own anyway.
 */
const isPlainBelow = ({ target }: Mount, { project, workspace }: Session, directory: string): boolean => {
  if (!isWithin(target, project)) return true;
  const { room, tree } = partsOf(directory);
  const top = workspace === "overlay" ? path.join(room, "upper") : tree;
  const names = path.relative(project, target).split("/");
  return names.slice(0, -1).every((_, index) => {
    const stat = fs.lstatSync(path.join(top, ...names.slice(0, index + 1)), { throwIfNoEntry: false });
    // What an overlay does not hold is the host's own.
    return stat === undefined ? workspace === "overlay" : stat.isDirectory();
  });
};
