import fs from "node:fs";
import path from "node:path";
import { errorOf } from "../errors.ts";
import type { Places } from "../places.ts";
import { endLeftovers, holdersOf } from "./leftovers.ts";
import { isRunning, statusName } from "./processes.ts";
import { type Run, readRecord, writeRecord } from "./record.ts";
import { carryOut } from "./steps.ts";

export type { Run } from "./record.ts";

export const runDirectory = (places: Places, id: string): string => path.join(runsOf(places), id);
export const controlSocket = (places: Places, id: string): string => path.join(runDirectory(places, id), "control");
const runsOf = (places: Places): string => path.join(places.runtime, "runs");

/** Makes a directory that only this user can enter. Throws E_LAUNCH_FAILED when it exists and belongs to somebody else. */
export const makePrivateDirectory = (directory: string): void => {
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  const stat = fs.lstatSync(directory);
  if (!stat.isDirectory() || stat.uid !== process.getuid?.()) {
    throw errorOf("E_LAUNCH_FAILED", directory, "it belongs to another user");
  }
  if ((stat.mode & 0o077) !== 0) fs.chmodSync(directory, 0o700);
};

/** Written before the first step, so that whatever happens later can be undone. Appears whole or not at all. */
export const enterRun = (places: Places, run: Run): string => {
  makePrivateDirectory(places.runtime);
  const directory = runDirectory(places, run.id);
  const unfinished = path.join(runsOf(places), `.${run.id}.${run.pid}`);
  fs.mkdirSync(unfinished, { recursive: true, mode: 0o700 });
  writeRecord(unfinished, run);
  fs.renameSync(unfinished, directory);
  return directory;
};

/** Undoes the launch and removes its directory. Never throws: what cannot be undone now is tried at the next start. */
export const leaveRun = (places: Places, run: Run): void => {
  const undone = run.teardown.map((step) => carryOut(step, { tolerant: true })).every(Boolean);
  if (undone) fs.rmSync(runDirectory(places, run.id), { recursive: true, force: true });
};

/** The runs whose process is alive, oldest first. */
export const listRuns = (places: Places): Run[] =>
  readRuns(places)
    .filter(isAlive)
    .sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));

/** Directories of runs that nobody will clear away any more: whose process is gone, or that never were complete. */
export type Remains = { dead: Run[]; broken: string[] };

export const findRemains = (places: Places): Remains => ({
  dead: readRuns(places).filter((run) => !isAlive(run)),
  broken: namesOf(places)
    .map((name) => path.join(runsOf(places), name))
    .filter(isBroken),
});

/** Ends what still runs there, replays the teardown of dead runs, and says what it found. */
export const reapRuns = (places: Places): Remains => {
  const remains = findRemains(places);
  for (const run of remains.dead) {
    endLeftovers(run, runDirectory(places, run.id));
    leaveRun(places, run);
  }
  for (const directory of remains.broken) fs.rmSync(directory, { recursive: true, force: true });
  return remains;
};

/** Without a record, but not of a cordon that is just writing it, nor of a sandbox that runs all the same. */
const isBroken = (directory: string): boolean => {
  const [, owner] = /^\.[^.]*\.(\d+)$/.exec(path.basename(directory)) ?? [];
  if (owner !== undefined) return !isRunning(Number(owner));
  return readRecord(directory) === undefined && holdersOf(path.join(directory, statusName)).length === 0;
};

/** The one run that the user means by an id, the start of one, or the name of its project. Throws E_RUN_*. */
export const findRun = (places: Places, word: string): Run => {
  const runs = listRuns(places);
  const found = runs.filter((run) => run.id.startsWith(word) || path.basename(run.project) === word);
  if (found.length === 0) throw errorOf("E_RUN_UNKNOWN", word);
  if (found.length > 1) throw errorOf("E_RUN_AMBIGUOUS", word, found.map((run) => run.id).join(", "));
  return found[0]!;
};

/** Field 22 of /proc/PID/stat (proc(5)); empty when there is no such process. */
export const startTicksOf = (pid: number): string => {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
};

/** False also for a zombie: it does nothing any more, however long its parent leaves it lying about. */
export const isAlive = (run: Run): boolean =>
  isRunning(run.pid) && run.startTicks !== "" && startTicksOf(run.pid) === run.startTicks;

const readRuns = (places: Places): Run[] =>
  namesOf(places).flatMap((name) => readRecord(path.join(runsOf(places), name)) ?? []);

const namesOf = (places: Places): string[] => {
  try {
    return fs.readdirSync(runsOf(places));
  } catch {
    return [];
  }
};
