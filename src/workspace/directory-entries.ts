import fs from "node:fs";
import { decodeName } from "./name-bytes.ts";

export type DirectoryEntry = { name: string; kind: "file" | "directory" | "link" | "other" };

/** What stands in a directory, by names as `name-bytes.ts` spells them. Throws when it cannot be read. */
export const readEntries = (place: string | Buffer): DirectoryEntry[] => {
  const entries: DirectoryEntry[] = [];
  let isForeign = false;
  for (const entry of fs.readdirSync(place as string, { withFileTypes: true })) {
    isForeign ||= entry.name.includes("\ufffd");
    entries.push({ name: entry.name, kind: kindOf(entry) });
  }
  return isForeign ? readForeign(place) : entries;
};

/** A name that is no UTF-8 arrives with U+FFFD in it: then the directory is read again, as bytes. */
const readForeign = (place: string | Buffer): DirectoryEntry[] =>
  fs.readdirSync(place, { encoding: "buffer" }).map((bytes) => ({
    name: decodeName(bytes),
    kind: kindAt(Buffer.concat([Buffer.from(place), Buffer.from("/"), bytes])),
  }));

const kindAt = (place: Buffer): DirectoryEntry["kind"] => {
  try {
    return kindOf(fs.lstatSync(place));
  } catch {
    return "other";
  }
};

export const kindOf = (entry: Pick<fs.Dirent, "isFile" | "isDirectory" | "isSymbolicLink">): DirectoryEntry["kind"] =>
  entry.isFile() ? "file" : entry.isDirectory() ? "directory" : entry.isSymbolicLink() ? "link" : "other";
