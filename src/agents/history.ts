import fs from "node:fs";
import path from "node:path";
import {
  copyBetween,
  type Held,
  holdDirectory,
  listEntries,
  release,
  removeName,
  writeBytes,
} from "../workspace/held-directory.ts";
import type { FileHistory } from "./agent.ts";
import {
  findMarked,
  foldersOf,
  type HistoryFile,
  type HistoryPlace,
  isHeldIn,
  listConversations,
  listNotes,
  lookAt,
  markerName,
} from "./conversations.ts";
import { type HistoryRecord, isSameFile, type Known, readRecord, writeRecord } from "./history-record.ts";

/** The directories of one state between which conversations are carried, and the directories of the project. */
export type HistoryPlaces = { source: string; host: string; record: string; projects: readonly string[] };

/** What one start looks at and brings in at most. */
export const historyLimits = { conversations: 50, bytes: 200 * 1024 ** 2, ownFiles: 500, judged: 1_000, kept: 200 };

/**
 * Copies what the user's agent keeps of this project's conversations into the private directory: what is new there or
 * has gone on since, the newest first. What went on inside stays, unless the other went on later; then it is kept under
 * another name. What was deleted inside does not come back. Conversations of other projects never come in. Never throws:
 * what cannot be copied is not worth a run.
 */
export const bringHistory = (history: FileHistory, places: HistoryPlaces): void => {
  const source = tryHold(places.source);
  const target = source === undefined ? undefined : tryHold(places.host);
  try {
    if (source === undefined || target === undefined) return;
    const from = { held: source, history, projects: places.projects };
    const record = readRecord(places.record);
    const job: Job = { from, to: { ...from, held: target }, record, room: historyLimits.bytes, folders: new Map() };
    const before = JSON.stringify(record);
    if (bringAll(job) && history.index) dropIndex(target, history.index);
    if (JSON.stringify(record) === before) return;
    fs.mkdirSync(places.record, { recursive: true, mode: 0o700 });
    writeRecord(places.record, record);
  } catch {
    return;
  } finally {
    for (const held of [source, target]) if (held !== undefined) release(held);
  }
};

type Job = {
  from: HistoryPlace;
  to: HistoryPlace;
  record: HistoryRecord;
  /** Bytes that may still be copied. */
  room: number;
  /** Where a folder's files go. */
  folders: Map<string, string>;
};

/** The user's own directory may be a link. */
const tryHold = (directory: string): Held | undefined => {
  try {
    return holdDirectory(fs.realpathSync(directory));
  } catch {
    return undefined;
  }
};

/** True when something came in. */
const bringAll = (job: Job): boolean => {
  const { from, record } = job;
  const listed = listConversations(from, record.through);
  const own = chooseOwn(job, listed);
  let came = false;
  for (const file of own) came = bringFile(job, file) || came;
  if (from.history.by === "date") record.through = latestDay(record.through, listed, from.history);
  else for (const folder of foldersOf(from)) came = bringNotes(job, folder, listed) || came;
  return came;
};

/** The newest of this project's; of others it is remembered that they are. */
const chooseOwn = ({ from, record }: Job, listed: HistoryFile[]): HistoryFile[] => {
  const own: HistoryFile[] = [];
  const foreign: [string, Known][] = [];
  let judged = 0;
  for (const file of listed) {
    if (own.length === historyLimits.conversations || judged === historyLimits.judged) break;
    const known = record.files[file.path];
    if (!known) judged++;
    if (known ? !known.isForeign : isHeldIn(from, file)) own.push(file);
    else foreign.push([file.path, { size: file.size, mtimeMs: file.mtimeMs, isForeign: true }]);
  }
  const ours = Object.entries(record.files).filter(([, { isForeign }]) => !isForeign);
  const kept = ours.sort(([, one], [, other]) => other.mtimeMs - one.mtimeMs).slice(0, historyLimits.kept);
  // Of the days that lie behind only these are looked at.
  const earlier = from.history.by === "date" ? kept.filter(([file]) => !listed.some(({ path }) => path === file)) : [];
  record.files = Object.fromEntries([...kept, ...foreign]);
  return [...own, ...earlier.flatMap(([file]) => lookAt(from.held, path.dirname(file), path.basename(file)) ?? [])];
};

const latestDay = (before: string, listed: HistoryFile[], { root }: FileHistory): string =>
  [before, ...listed.map(({ folder }) => folder.slice(root.length + 1))].sort().at(-1)!;

/** Where two projects share a folder nobody knows whose notes these are. */
const bringNotes = (job: Job, folder: string, listed: HistoryFile[]): boolean => {
  const there = listed.filter((file) => file.folder === folder);
  if (there.length === 0 || there.some((file) => job.record.files[file.path]?.isForeign)) return false;
  let came = false;
  for (const note of listNotes(job.from, folder)) came = bringFile(job, note) || came;
  return came;
};

/** True when it came in. */
const bringFile = (job: Job, file: HistoryFile): boolean => {
  const { from, to, record } = job;
  const before = record.files[file.path];
  if (isSameFile(before, file) || file.size > job.room) return false;
  const target = `${targetOf(job, file.folder)}/${file.name}`;
  const standing = lookAt(to.held, path.dirname(target), path.basename(target));
  record.files[file.path] = { size: file.size, mtimeMs: file.mtimeMs };
  if (isSameFile(standing, file)) return false;
  const wentOnInside = standing !== undefined && !isSameFile(standing, before);
  if (wentOnInside && standing.mtimeMs >= file.mtimeMs) return false;
  if (wentOnInside) copyBetween(to.held, target, to.held, `${target}.${Math.round(standing.mtimeMs)}.kept`);
  if (!copyBetween(from.held, file.path, to.held, target, 0o600)) return false;
  job.room -= file.size;
  if (from.history.hasOwnDirectory) bringOwnDirectory(job, withoutEnding(file.path), withoutEnding(target));
  return true;
};

const withoutEnding = (file: string): string => file.slice(0, file.length - path.extname(file).length);

/** A marked folder may have another name inside. */
const targetOf = (job: Job, folder: string): string => {
  const known = job.folders.get(folder);
  if (known !== undefined) return known;
  const { from, to } = job;
  const { by, root } = from.history;
  const project =
    by === "mark" ? from.projects.find((each) => findMarked(from.held, root, each) === folder) : undefined;
  const found = project === undefined ? folder : (findMarked(to.held, root, project) ?? folder);
  if (project !== undefined) writeBytes(to.held, `${found}/${markerName}`, project);
  job.folders.set(folder, found);
  return found;
};

/** What belongs to one conversation: of sub-agents, and long results. */
const bringOwnDirectory = (job: Job, folder: string, target: string): void => {
  const open = [""];
  let left = historyLimits.ownFiles;
  for (let below = open.pop(); below !== undefined && left > 0; below = open.pop()) {
    for (const { name, kind } of listEntries(job.from.held, `${folder}${below}`)?.slice(0, left) ?? []) {
      const at = `${below}/${name}`;
      if (kind === "directory" && at.split("/").length <= deepest) open.push(at);
      const file = kind === "file" ? lookAt(job.from.held, folder, at.slice(1)) : undefined;
      if (!file || file.size > job.room || --left < 0) continue;
      if (isSameFile(lookAt(job.to.held, target, at.slice(1)), file)) continue;
      copyBetween(job.from.held, file.path, job.to.held, `${target}${at}`, 0o600);
      job.room -= file.size;
    }
  }
};

const deepest = 5;

const dropIndex = (held: Held, index: RegExp): void => {
  for (const { name } of listEntries(held, "") ?? []) if (index.test(name)) removeName(held, name);
};
