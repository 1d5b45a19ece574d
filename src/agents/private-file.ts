import fs from "node:fs";
import path from "node:path";
import { readRegularFile } from "../workspace/regular-file.ts";

/**
 * Files in a directory that a sandbox may have written. Every name is a single component, no link is followed
 * unless the directory is the user's own, nothing
 * but a regular file of bounded size is read, and writing replaces the name instead of what it points to.
 */

const maxBytes = 8 * 1024 * 1024;

/** Undefined when there is no such regular file, or it is too large. */
export const readPrivateFile = (
  directory: string,
  name: string,
  { followLinks }: { followLinks: boolean },
): string | undefined => readRegularFile(path.join(directory, name), { maxBytes, followLinks });

export const writePrivateFile = (directory: string, name: string, text: string): void =>
  replace(directory, name, (temporary) => fs.writeFileSync(temporary, text, { mode: 0o600, flag: "wx" }));

export const linkPrivateFile = (directory: string, name: string, target: string): void =>
  replace(directory, name, (temporary) => fs.symlinkSync(target, temporary));

const replace = (directory: string, name: string, make: (temporary: string) => void): void => {
  const temporary = path.join(directory, `.cordon-${process.pid}-${name}`);
  fs.rmSync(temporary, { force: true, recursive: true });
  make(temporary);
  const target = path.join(directory, name);
  const standing = fs.lstatSync(target, { throwIfNoEntry: false });
  if (standing?.isDirectory()) fs.rmSync(target, { recursive: true, force: true });
  fs.renameSync(temporary, target);
};
