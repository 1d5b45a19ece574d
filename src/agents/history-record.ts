import { readPrivateFile, writePrivateFile } from "./private-file.ts";

/** What a file of the user's was like when it was last decided about. */
export type Known = { size: number; mtimeMs: number; isForeign?: true };

/** What cordon remembers of the conversations that it has carried; no sandbox sees it. */
export type HistoryRecord = {
  version: 1;
  /** The day up to which folders by date were looked through, as their path. */
  through: string;
  /** By the path in the user's own directory. */
  files: Record<string, Known>;
};

const name = "history.json";

/** A missing or unreadable one knows nothing. */
export const readRecord = (directory: string): HistoryRecord => {
  const nothing: HistoryRecord = { version: 1, through: "", files: {} };
  try {
    const read = JSON.parse(readPrivateFile(directory, name, { followLinks: false }) ?? "{}") as Partial<HistoryRecord>;
    return read.version === 1 ? { ...nothing, ...read } : nothing;
  } catch {
    return nothing;
  }
};

export const writeRecord = (directory: string, record: HistoryRecord): void =>
  writePrivateFile(directory, name, JSON.stringify(record));

/** A copy bears the time of its original, but for what a file system rounds off. */
export const isSameFile = (one: Known | undefined, other: Known | undefined): boolean =>
  one !== undefined && other !== undefined && one.size === other.size && Math.abs(one.mtimeMs - other.mtimeMs) < 2;
