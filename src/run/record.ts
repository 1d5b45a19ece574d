import fs from "node:fs";
import path from "node:path";
import type { Join, Step } from "../launch.ts";

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
  /** Name of the session that it works in, as it was at the start. */
  session?: string;
  /** What undoes the launch; replayed for a run whose process is gone. */
  teardown: Step[];
  join: Join;
};

const recordName = "run.json";

export const writeRecord = (directory: string, run: Run): void =>
  fs.writeFileSync(path.join(directory, recordName), JSON.stringify(run), { mode: 0o600, flag: "wx" });

/** The record in a run's directory; undefined when it is missing or not what cordon wrote there. */
export const readRecord = (directory: string): Run | undefined => {
  try {
    const value: unknown = JSON.parse(fs.readFileSync(path.join(directory, recordName), "utf8"));
    return isRun(value) && value.id === path.basename(directory) ? value : undefined;
  } catch {
    return undefined;
  }
};

const isRun = (value: unknown): value is Run =>
  isObject(value) &&
  ["id", "startTicks", "project", "agent", "backend", "createdAt"].every((key) => typeof value[key] === "string") &&
  ["string", "undefined"].includes(typeof value["session"]) &&
  Number.isSafeInteger(value["pid"]) &&
  Number(value["pid"]) > 1 &&
  Array.isArray(value["teardown"]) &&
  value["teardown"].every(isStep) &&
  isJoin(value["join"]);

const isStep = (value: unknown): value is Step =>
  isObject(value) &&
  ["write", "make-directory", "remove-directory"].includes(String(value["kind"])) &&
  typeof value["path"] === "string" &&
  path.isAbsolute(value["path"]) &&
  (value["kind"] !== "write" || typeof value["text"] === "string");

const isJoin = (value: unknown): value is Join =>
  isObject(value) &&
  isObject(value["env"]) &&
  Object.values(value["env"]).every((text) => typeof text === "string") &&
  Array.isArray(value["groups"]) &&
  value["groups"].every((group) => typeof group === "string" && path.isAbsolute(group)) &&
  typeof value["filter"] === "string";

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
