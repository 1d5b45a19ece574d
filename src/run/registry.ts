import fs from "node:fs";
import path from "node:path";
import { errorOf } from "../errors.ts";
import type { Step } from "../launch.ts";
import type { Places } from "../places.ts";
import { carryOut } from "./steps.ts";

/** One running sandbox, as `ps`, `stop` and `exec` find it. Lives in its own directory below the runtime place. */
export type Run = {
  id: string;
  pid: number;
  /** Start of that process in clock ticks since boot: a pid alone may be used again. */
  startTicks: string;
  project: string;
  agent: string;
  backend: string;
  createdAt: string;
  /** What undoes the launch; replayed for a run whose process is gone. */
  teardown: Step[];
  /** How another process joins it. */
  join: { env: Record<string, string>; groups: string[] };
};

const recordName = "run.json";

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

/** Written before the first step, so that whatever happens later can be undone. */
export const enterRun = (places: Places, run: Run): string => {
  makePrivateDirectory(places.runtime);
  const directory = runDirectory(places, run.id);
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  fs.writeFileSync(path.join(directory, recordName), JSON.stringify(run), { mode: 0o600, flag: "wx" });
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

/** Replays the teardown of runs whose process is gone, and says which. */
export const reapRuns = (places: Places): Run[] => {
  const dead = readRuns(places).filter((run) => !isAlive(run));
  for (const run of dead) leaveRun(places, run);
  return dead;
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

const isAlive = (run: Run): boolean => run.startTicks !== "" && startTicksOf(run.pid) === run.startTicks;

const readRuns = (places: Places): Run[] => {
  let names: string[];
  try {
    names = fs.readdirSync(runsOf(places));
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    try {
      return [JSON.parse(fs.readFileSync(path.join(runsOf(places), name, recordName), "utf8")) as Run];
    } catch {
      return [];
    }
  });
};
