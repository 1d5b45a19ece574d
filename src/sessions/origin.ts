import path from "node:path";
import { isObjectId, isRefName } from "../workspace/refs.ts";
import { isPlain, partsOf, readJson, writeJson } from "./record.ts";

/**
 * What a session began with, written down before anything is made, so that whatever is left of it can be found and
 * removed.
 */
export type Origin = {
  version: 1;
  name: string;
  project: string;
  /** Git directories of the host that hold references for it. */
  holders: string[];
  /** Its private git directories; the project's own first. */
  parts: OriginPart[];
};

export type OriginPart = {
  /** The working tree, relative to the project. */
  place: string;
  /** On the host. */
  directory: string;
  /** What the host's repository was like. */
  base: { branch: string | undefined; head: string | undefined; refs: Record<string, string>; stash: string[] };
};

/** References and their ids, at the most; more than any repository has. */
const maxBytes = 256 * 1024 * 1024;

export const writeOrigin = (directory: string, origin: Origin): void => writeJson(partsOf(directory).origin, origin);

/** Undefined when there is none, or it is no such file. */
export const readOrigin = (directory: string): Origin | undefined => {
  const value = readJson(partsOf(directory).origin, maxBytes);
  return isOrigin(value) ? value : undefined;
};

const isPath = (value: unknown): boolean => typeof value === "string" && path.isAbsolute(value);
const isList = (value: unknown, is: (value: unknown) => boolean): boolean => Array.isArray(value) && value.every(is);

const isOrigin = (value: unknown): value is Origin =>
  isPlain(value, {
    version: (version) => version === 1,
    name: (name) => typeof name === "string",
    project: isPath,
    holders: (holders) => isList(holders, isPath),
    parts: (parts) => isList(parts, isPart),
  });

const isPart = (value: unknown): boolean =>
  isPlain(value, {
    place: (place) => typeof place === "string",
    directory: isPath,
    base: (base) =>
      isPlain(base, {
        branch: (branch) => branch === undefined || (typeof branch === "string" && isRefName(branch)),
        head: (head) => head === undefined || (typeof head === "string" && isObjectId(head)),
        refs: (refs) => typeof refs === "object" && refs !== null,
        stash: (stash) => isList(stash, (id) => typeof id === "string" && isObjectId(id)),
      }),
  });
