import fs from "node:fs";
import path from "node:path";
import { errorOf } from "../errors.ts";
import {
  type Held,
  holdDirectory,
  inside,
  listEntries,
  readBytes,
  release,
  writeBytes,
} from "../workspace/held-directory.ts";
import type { Agent, FileHistory } from "./agent.ts";
import {
  findMarked,
  type HistoryFile,
  type HistoryPlace,
  isHeldIn,
  isPlainName,
  listConversations,
  lookAt,
  markerName,
} from "./conversations.ts";
import { historyLimits } from "./history.ts";
import type { PrivateState } from "./state.ts";

/** What an export comes to. Every text of it may hold what a sandbox has chosen: escape it before it is shown. */
export type Exported = {
  /** Conversations that are now in the user's own directory, or in the one that was named, and how to go on with each. */
  copied: { file: string; resume: string }[];
  /** Those that were there already. */
  same: number;
  /** Those that stay where they are, and why. */
  left: { file: string; why: string }[];
  notes: string[];
};

/** A longer conversation is left where it is. */
const mostBytes = 64 * 1024 ** 2;
const mostConversations = 500;

/**
 * Hands conversations that were held inside back to the user's agent: copies them into its own directory, or into `to`,
 * which must be empty or not exist. Only what belongs to the project; nothing newer, and nothing that has gone on
 * outside, is written over; no link is followed on either side. Throws E_PATH_INVALID for an unusable `to`.
 */
export const exportHistory = (agent: Agent, states: readonly PrivateState[], to?: string): Exported => {
  const result: Exported = { copied: [], same: 0, left: [], notes: [] };
  if (to !== undefined) checkEmpty(to);
  for (const state of states) {
    const { history, path: below } = state.directory;
    if (history?.kind === "database") result.notes.push(...history.handOver);
    if (history?.kind !== "files" || !fs.existsSync(state.host)) continue;
    exportState(history, state, to === undefined ? state.source : path.join(to, below), result);
  }
  if (result.copied.length > 0 && to === undefined)
    result.notes.push(`${agent.name} outside will read what was said and run inside when it goes on with one of them`);
  return result;
};

const checkEmpty = (to: string): void => {
  const stat = fs.lstatSync(to, { throwIfNoEntry: false });
  if (stat && !(stat.isDirectory() && fs.readdirSync(to).length === 0))
    throw errorOf("E_PATH_INVALID", "export", to, "something is there already", "name a directory that does not exist");
};

const exportState = (history: FileHistory, state: PrivateState, target: string, result: Exported): void => {
  const from: HistoryPlace = { held: holdDirectory(state.host), history, projects: state.projects };
  try {
    const files = listConversations(from).slice(0, mostConversations);
    if (files.length === 0) return;
    fs.mkdirSync(target, { recursive: true, mode: 0o700 });
    const to: HistoryPlace = { ...from, held: holdDirectory(fs.realpathSync(target)) };
    try {
      for (const file of files) exportFile({ from, to, target, result }, file);
    } finally {
      release(to.held);
    }
  } finally {
    release(from.held);
  }
};

type Job = { from: HistoryPlace; to: HistoryPlace; target: string; result: Exported };

const exportFile = (job: Job, file: HistoryFile): void => {
  const { from, to, target, result } = job;
  const folder = folderFor(job, file.folder);
  const name = `${folder}/${file.name}`;
  const bytes = isHeldIn(from, file) ? readBytes(from.held, file.path, mostBytes) : "it was held in another directory";
  const why = typeof bytes === "object" ? judge(to, folder, file.name, bytes) : (bytes ?? "it is too large");
  if (why === "same") result.same++;
  else if (why !== undefined) result.left.push({ file: path.join(target, name), why });
  if (typeof bytes !== "object" || why !== undefined) return;
  writeDated(to.held, name, bytes, file.mtimeMs);
  if (from.history.hasOwnDirectory) exportOwnDirectory(job, withoutEnding(file.path), withoutEnding(name));
  const id = from.history.files.like.exec(path.basename(file.name))?.groups?.["id"] ?? "";
  result.copied.push({ file: path.join(target, name), resume: from.history.resume.replace("{id}", id) });
};

const withoutEnding = (file: string): string => file.slice(0, file.length - path.extname(file).length);

/** Undefined when it may be written: nothing stands there, or the beginning of this. Lines are only ever added. */
const judge = ({ held }: HistoryPlace, folder: string, name: string, bytes: Buffer): string | undefined => {
  const file = `${folder}/${name}`;
  if (!lookAt(held, folder, name)) return isTaken(held, file) ? "something else stands there" : undefined;
  const theirs = readBytes(held, file, mostBytes);
  if (theirs === undefined) return "what stands there is too large";
  if (theirs.subarray(0, bytes.length).equals(bytes)) return "same";
  return bytes.subarray(0, theirs.length).equals(theirs) ? undefined : "it has gone on outside as well";
};

/** The user's name of a marked folder; a new one bears the name that it has inside, unless that is taken. */
const folderFor = ({ from, to }: Job, folder: string): string => {
  const { by, root } = from.history;
  const project =
    by === "mark" ? from.projects.find((each) => findMarked(from.held, root, each) === folder) : undefined;
  if (project === undefined) return folder;
  const found = findMarked(to.held, root, project);
  if (found !== undefined) return found;
  const free = [folder, ...Array.from({ length: 100 }, (_, index) => `${folder}-${index + 1}`)];
  const chosen = free.find((each) => !isTaken(to.held, each)) ?? folder;
  writeBytes(to.held, `${chosen}/${markerName}`, project);
  return chosen;
};

const isTaken = (held: Held, name: string): boolean =>
  inside(held, name.split("/").slice(0, -1), (directory) => {
    const entry = `/proc/self/fd/${directory}/${path.basename(name)}`;
    return fs.lstatSync(entry, { throwIfNoEntry: false }) !== undefined;
  }) ?? false;

/** A time to come would make it the latest conversation for good. */
const writeDated = (held: Held, name: string, bytes: Uint8Array, mtimeMs: number): void => {
  writeBytes(held, name, bytes);
  const seconds = Math.min(mtimeMs, Date.now()) / 1000;
  inside(held, name.split("/").slice(0, -1), (directory) =>
    fs.utimesSync(`/proc/self/fd/${directory}/${path.basename(name)}`, seconds, seconds),
  );
};

/** What belongs to a conversation; nothing that stands there is touched. */
const exportOwnDirectory = ({ from, to }: Job, folder: string, target: string): void => {
  const open: string[] = [""];
  let left = historyLimits.ownFiles;
  let room = historyLimits.bytes;
  for (let below = open.pop(); below !== undefined && left > 0; below = open.pop()) {
    for (const { name, kind } of listEntries(from.held, `${folder}${below}`)?.slice(0, left) ?? []) {
      const at = `${below}/${name}`;
      if (!isPlainName(name)) continue;
      if (kind === "directory" && at.split("/").length <= deepest) open.push(at);
      if (kind !== "file" || isTaken(to.held, `${target}${at}`)) continue;
      const bytes = readBytes(from.held, `${folder}${at}`, Math.min(mostBytes, room));
      if (bytes === undefined || --left < 0) continue;
      room -= bytes.length;
      writeBytes(to.held, `${target}${at}`, bytes);
    }
  }
};

const deepest = 5;
