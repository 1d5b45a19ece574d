import fs, { constants } from "node:fs";
import { errorOf } from "../errors.ts";

export const largestFile = 256 * 1024;

export type FileKind = {
  /** The file's name in messages. */
  label: string;
  /** A link is followed only where nobody but the user can have put it. */
  followLinks: boolean;
};

/**
 * All bytes of a small regular file, read once through one descriptor, so that what was checked is what is used.
 * Undefined when there is none. Never waits (a FIFO opens at once and is refused). Throws E_CONFIG_UNREADABLE.
 */
export const readSmallFile = (target: string, { label, followLinks }: FileKind): Uint8Array | undefined => {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
  let descriptor: number;
  try {
    descriptor = fs.openSync(target, followLinks ? flags : flags | constants.O_NOFOLLOW);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw errorOf("E_CONFIG_UNREADABLE", label, reasons[code ?? ""] ?? code ?? "unknown reason");
  }
  try {
    return readAll(descriptor, label);
  } finally {
    fs.closeSync(descriptor);
  }
};

const reasons: Record<string, string> = {
  ELOOP: "it is a symbolic link",
  EACCES: "permission denied",
  ENXIO: "it is not a regular file",
};

const readAll = (descriptor: number, label: string): Uint8Array => {
  if (!fs.fstatSync(descriptor).isFile()) throw errorOf("E_CONFIG_UNREADABLE", label, "it is not a regular file");
  const buffer = new Uint8Array(largestFile + 1);
  let length = 0;
  while (length <= largestFile) {
    const count = fs.readSync(descriptor, buffer, length, buffer.length - length, null);
    if (count === 0) return buffer.slice(0, length);
    length += count;
  }
  throw errorOf("E_CONFIG_UNREADABLE", label, `it is larger than ${largestFile / 1024} KiB`);
};
