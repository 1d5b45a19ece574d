import path from "node:path";
import { isWithin } from "../places.ts";
import { type Entry, type Held, inside, listEntries, readText } from "./held-directory.ts";
import { type Change, setAside } from "./neutralise-repository.ts";

const maxListBytes = 1024 * 1024;

type Renamed = Extract<Change, { kind: "renamed" }>;

/**
 * Takes away what a git directory of an agent's making borrows: the next run would be shown the objects, whoever they
 * belong to (gitrepository-layout(5), `objects/info/alternates`). Those of `trusted` git directories may stay.
 */
export const disarmObjects = (held: Held, trusted: string[]): Renamed[] =>
  ["objects", "objects/info"].flatMap((folder) =>
    (listEntries(held, folder) ?? []).flatMap((entry) => {
      const why = findBorrowed(held, folder, entry, trusted);
      if (why === undefined) return [];
      const to = inside(held, folder.split("/"), (directory) => setAside(directory, entry.name))!;
      return [{ kind: "renamed" as const, from: `${folder}/${entry.name}`, to: `${folder}/${to}`, why }];
    }),
  );

const findBorrowed = (held: Held, folder: string, { name, kind }: Entry, trusted: string[]): string | undefined => {
  if (kind === "other") return "it is a link";
  if (folder === "objects" || !/^(http-)?alternates$/i.test(name)) return undefined;
  const lines = (readText(held, `${folder}/${name}`, maxListBytes) ?? "?").split("\n");
  const isTrusted = (line: string) =>
    line.startsWith("/") && trusted.some((place) => isWithin(path.resolve(line), place));
  return lines.every((line) => line === "" || isTrusted(line)) ? undefined : "it borrows objects from another place";
};
