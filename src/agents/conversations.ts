import fs from "node:fs";
import { isWithin } from "../places.ts";
import { type Held, inside, listEntries } from "../workspace/held-directory.ts";
import type { FileHistory } from "./agent.ts";

/** A file of a conversation. `path` and `folder` are relative to the state directory, `name` to the folder. */
export type HistoryFile = { folder: string; name: string; path: string; size: number; mtimeMs: number };

/** One place to look: a state directory held open, and whose conversations are wanted. */
export type HistoryPlace = { held: Held; history: FileHistory; projects: readonly string[] };

/** So many files of a project are looked at. */
const mostFiles = 2_000;
const mostFolders = 1_000;
const markerBytes = 4_096;

/** The conversations of these projects by their names and places alone, the newest first; nothing is read but listings. */
export const listConversations = (place: HistoryPlace, since = ""): HistoryFile[] => {
  const { history } = place;
  const below = history.by === "date" ? foldersByDate(place, since) : foldersOf(place);
  return below
    .flatMap((folder) => matching(place.held, folder, history.files.in, history.files.like))
    .slice(0, mostFiles)
    .sort((one, other) => other.mtimeMs - one.mtimeMs);
};

/** What else of a project's folder comes along, never a conversation. */
export const listNotes = ({ held, history }: HistoryPlace, folder: string): HistoryFile[] =>
  history.notes ? matching(held, folder, history.notes.in, history.notes.like).slice(0, mostFiles) : [];

/** The facts of a regular file; undefined for anything else. */
export const lookAt = (held: Held, folder: string, name: string): HistoryFile | undefined => {
  const names = partsOf(`${folder}/${name}`);
  const last = names.pop()!;
  return inside(held, names, (directory) => factsOf(directory, last, folder, name));
};

/**
 * True when the conversation was held in one of these projects, by the first directory that it names: the folder alone
 * does not tell, because two paths can be spelt alike there.
 */
export const isHeldIn = ({ held, history, projects }: HistoryPlace, file: HistoryFile): boolean => {
  if (history.directoryKey === undefined) return true;
  const pattern = new RegExp(`"${history.directoryKey}":\\s*("(?:[^"\\\\]|\\\\.)*")`);
  try {
    const found = pattern.exec(readHead(held, file, (head) => pattern.test(head)));
    const directory: unknown = JSON.parse(found?.[1] ?? "null");
    return typeof directory === "string" && projects.some((project) => isWithin(directory, project));
  } catch {
    return false;
  }
};

/** The folders of these projects below the root, or where they would be. A marked one is only found. */
export const foldersOf = ({ held, history, projects }: HistoryPlace): string[] => {
  const { root, by } = history;
  const folders = projects.flatMap((project) => {
    if (by === "path") return [`${root}/${encodePath(project)}`];
    const marked = findMarked(held, root, project);
    return marked === undefined ? [] : [marked];
  });
  return [...new Set(folders)];
};

/** Where a folder's project stands, in the file that marks it. */
export const markerName = ".project_root";

/** Gemini CLI: a folder with a name of its own holds the path of its project. */
export const findMarked = (held: Held, root: string, project: string): string | undefined =>
  inside(held, [root], (directory) => {
    const names = (listEntries(directory, "") ?? []).filter(
      ({ kind, name }) => kind === "directory" && isPlainName(name),
    );
    const found = names.slice(0, mostFolders).find(({ name }) => readMark(directory, name) === project);
    return found && `${root}/${found.name}`;
  });

/** Of a folder that is swapped for a link meanwhile only this comparison is wrong: nobody enters it. */
const readMark = (directory: Held, name: string): string | undefined => {
  try {
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
    const fd = fs.openSync(entryOf(directory, `${name}/${markerName}`), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      const bytes = Buffer.alloc(markerBytes);
      return bytes.toString("utf8", 0, fs.readSync(fd, bytes, 0, markerBytes, 0)).trim();
    } finally {
      fs.closeSync(fd);
    }
  } catch {
    return undefined;
  }
};

export const isPlainName = (name: string): boolean => /^[A-Za-z0-9][\w.-]{0,200}$/.test(name);

/** Claude Code's name of a project's folder: no other characters, and an end of its own when it is long. */
export const encodePath = (path: string): string => {
  const name = path.normalize("NFC").replace(/[^a-zA-Z0-9]/g, "-");
  if (name.length <= 200) return name;
  let hash = 0;
  for (let index = 0; index < path.length; index++) hash = ((hash << 5) - hash + path.charCodeAt(index)) | 0;
  return `${name.slice(0, 200)}-${Math.abs(hash).toString(36)}`;
};

/** Folders such as 2026/11/21, from the latest back to the day `since`. */
const foldersByDate = ({ held, history: { root } }: HistoryPlace, since: string): string[] => {
  const days: string[] = [];
  const enter = (folder: string, depth: number): void => {
    const entries = listEntries(held, folder) ?? [];
    const names = entries.filter(({ name, kind }) => kind === "directory" && /^\d{2,4}$/.test(name));
    for (const name of names
      .map((entry) => entry.name)
      .sort()
      .reverse()) {
      const below = `${folder}/${name}`;
      const day = below.slice(root.length + 1);
      if (days.length >= mostFolders || day < since.slice(0, day.length)) return;
      if (depth === 3) days.push(below);
      else enter(below, depth + 1);
    }
  };
  enter(root, 1);
  return days;
};

const matching = (held: Held, folder: string, below: string, like: RegExp): HistoryFile[] =>
  inside(held, partsOf(`${folder}/${below}`), (directory) =>
    (listEntries(directory, "") ?? [])
      .filter(({ name, kind }) => kind === "file" && like.test(name))
      .slice(0, mostFiles)
      .flatMap(({ name: last }) => factsOf(directory, last, folder, below === "" ? last : `${below}/${last}`) ?? []),
  ) ?? [];

const factsOf = (directory: Held, last: string, folder: string, name: string): HistoryFile | undefined => {
  const stat = fs.lstatSync(entryOf(directory, last), { throwIfNoEntry: false });
  return stat?.isFile()
    ? { folder, name, path: `${folder}/${name}`, size: stat.size, mtimeMs: stat.mtimeMs }
    : undefined;
};

const partsOf = (path: string): string[] => path.split("/").filter((part) => part !== "");

/** proc(5): a step from the open directory itself. */
const entryOf = (directory: Held, name: string): string => `/proc/self/fd/${directory}/${name}`;

/** Most conversations tell it at once; a long first message may stand before it. */
const headSizes = [8 * 1024, 512 * 1024];

const readHead = (held: Held, { path }: HistoryFile, enough: (head: string) => boolean): string => {
  const names = partsOf(path);
  const name = names.pop()!;
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
  const read = (directory: Held): string => {
    const fd = fs.openSync(entryOf(directory, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      if (!fs.fstatSync(fd).isFile()) return "";
      let head = "";
      for (const size of headSizes) {
        const bytes = Buffer.alloc(size);
        head = bytes.toString("utf8", 0, fs.readSync(fd, bytes, 0, size, 0));
        if (enough(head)) break;
      }
      return head;
    } finally {
      fs.closeSync(fd);
    }
  };
  return inside(held, names, read) ?? "";
};
