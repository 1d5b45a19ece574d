import fs from "node:fs";
import path from "node:path";
import { errorOf } from "../errors.ts";
import { findProgram } from "../exec.ts";
import type { Host } from "../host.ts";
import { runGit } from "../workspace/git.ts";
import { lastLine } from "../workspace/private-refs.ts";
import { readOrigin } from "./origin.ts";
import { partsOf, projectPlace, readRecord, type Session, sessionPlace, sessionsPlace } from "./record.ts";
import { removeRoom } from "./removal.ts";
import { sessionDirectories, takeLock, underProjectLock } from "./store.ts";

/**
 * What is left of sessions that were never finished, or whose removal was not: directories without a record. Nothing of
 * the user's is in them that has not been given up.
 */
export type Unfinished = { directory: string; name: string | undefined; project: string | undefined };

const mostRefBytes = 256 * 1024 * 1024;

/** Of all projects. Those that somebody is working on at this moment do not count. */
export const findUnfinished = (host: Host): Unfinished[] => {
  const root = sessionsPlace(host);
  const places = fs.existsSync(root) ? fs.readdirSync(root).map((key) => path.join(root, key)) : [];
  return places.flatMap(unfinishedIn).map((directory) => {
    const origin = readOrigin(directory);
    return { directory, name: origin?.name, project: origin?.project };
  });
};

const unfinishedIn = (place: string): string[] =>
  sessionDirectories(place).filter((directory) => {
    // A record that cannot be read is another matter: work may be in there.
    if (fs.lstatSync(partsOf(directory).record, { throwIfNoEntry: false })) return false;
    const taken = takeLock(directory);
    if ("release" in taken) taken.release();
    return "release" in taken;
  });

/** Removes them below one project's place. Only under the project's lock. What cannot be removed stays for the next time. */
export const sweepUnfinished = async (host: Host, place: string): Promise<void> => {
  for (const directory of unfinishedIn(place)) await removeRemains(host, directory).catch(() => {});
};

/** The same for one of `findUnfinished`, unless it has become a session, or somebody is at it. Throws E_LAUNCH_FAILED. */
export const removeUnfinished = async (host: Host, directory: string): Promise<void> => {
  const place = path.dirname(directory);
  await underProjectLock(place, async () => {
    if (unfinishedIn(place).includes(directory)) await removeRemains(host, directory);
  });
};

/**
 * Removes a session, whatever it holds: first its record, so that it is none any more; then what the host's
 * repositories hold for it; then its directory. What dies on the way is finished by the next sweep. Throws
 * E_SESSION_BUSY and E_LAUNCH_FAILED.
 */
export const forgetSession = async (host: Host, session: Session): Promise<void> => {
  const directory = sessionPlace(host, session);
  await underProjectLock(projectPlace(host, session.project), async () => {
    const taken = takeLock(directory, "its removal");
    if ("user" in taken) throw errorOf("E_SESSION_BUSY", session.name, taken.user);
    try {
      if (readRecord(directory)) fs.rmSync(partsOf(directory).record, { force: true });
      await removeRemains(host, directory);
    } finally {
      taken.release();
    }
  });
};

/** Nobody may be in there. Throws E_LAUNCH_FAILED. */
export const removeRemains = async (host: Host, directory: string): Promise<void> => {
  const origin = readOrigin(directory);
  for (const gitDir of origin?.holders ?? [])
    if (!gitDir.startsWith(directory)) await removeRefs(host, gitDir, path.basename(directory));
  await removeRoom(directory);
};

/** All of them or none. A repository that is gone holds nothing. */
const removeRefs = async (host: Host, gitDir: string, id: string): Promise<void> => {
  const git = findProgram("git", host.env["PATH"], gitDir);
  if (!git || !fs.existsSync(path.join(gitDir, "HEAD"))) return;
  const call = { git, repository: { gitDir }, timeoutMs: 120_000, maxBytes: mostRefBytes };
  const listed = await runGit(["for-each-ref", "--format=%(refname)", `refs/cordon/${id}/`], call);
  const names = listed.text.split("\n").filter((name) => name.startsWith(`refs/cordon/${id}/`));
  if (listed.code === 0 && names.length === 0) return;
  const input = names.map((name) => `delete ${name}\0\0`).join("");
  const done = listed.code === 0 ? await runGit(["update-ref", "--stdin", "-z"], { ...call, input }) : listed;
  if (done.code !== 0) throw errorOf("E_LAUNCH_FAILED", `cannot remove refs/cordon/${id}`, lastLine(done.stderr));
};
