import fs from "node:fs";
import path from "node:path";
import { errorOf } from "../errors.ts";
import { findProgram, isExecutable } from "../exec.ts";
import type { Host } from "../host.ts";
import { isWithin } from "../places.ts";
import { searchPath } from "./environment.ts";
import { type Mount, mountAt } from "./plan.ts";

/** A program of the host as it will be found inside, and the mounts that make it and its interpreter visible there. */
export type Program = { path: string; mounts: Mount[] };

const maxHops = 16;
const shebangBytes = 256;

/**
 * Finds a program by name on the host's PATH, or by path from the working directory. Throws E_COMMAND_MISSING (127) with `install`
 * as the hint, or E_COMMAND_UNEXECUTABLE (126). `mounts` are those that the run has anyway.
 */
export const locateProgram = (name: string, host: Host, mounts: Mount[], install: string): Program => {
  const file = name.includes("/") ? path.resolve(host.cwd, name) : findProgram(name, searchPath(host), host.project);
  if (file === undefined || !fs.existsSync(file)) throw errorOf("E_COMMAND_MISSING", name, install);
  if (!isExecutable(file)) throw errorOf("E_COMMAND_UNEXECUTABLE", name, "it is not an executable file");
  const needed = [...hopsOf(file), ...interpreterOf(file, host)];
  const added: Mount[] = [];
  for (const hop of needed) {
    if (!isVisible([...mounts, ...added], hop)) added.push(showing(hop, host, name));
  }
  return { path: file, mounts: added };
};

/** The file, and each file that its links lead through. */
const hopsOf = (file: string): string[] => {
  const hops = [file];
  for (let at = file; hops.length < maxHops; ) {
    const stat = fs.lstatSync(at, { throwIfNoEntry: false });
    if (!stat?.isSymbolicLink()) break;
    at = path.resolve(path.dirname(at), fs.readlinkSync(at));
    hops.push(at);
  }
  return [...new Set([...hops, fs.realpathSync.native(file)])];
};

/** The interpreter that a script names in its first line (execve(2)), directly or through env(1). */
const interpreterOf = (file: string, host: Host): string[] => {
  const fd = fs.openSync(file, "r");
  const bytes = Buffer.alloc(shebangBytes);
  const size = fs.readSync(fd, bytes, 0, shebangBytes, 0);
  fs.closeSync(fd);
  const line = bytes.toString("utf8", 0, size).split("\n", 1)[0]!;
  if (!line.startsWith("#!")) return [];
  const words = line.slice(2).trim().split(/\s+/);
  const isEnv = path.basename(words[0] ?? "") === "env";
  const wanted = isEnv ? words.slice(1).find((word) => !word.startsWith("-")) : words[0];
  const found =
    wanted === undefined || wanted.includes("/") ? wanted : findProgram(wanted, searchPath(host), host.project);
  return found !== undefined && fs.existsSync(found) ? hopsOf(found) : [];
};

const isVisible = (mounts: Mount[], file: string): boolean => {
  const mount = mountAt(mounts, file);
  return mount?.kind === "bind" || mount?.kind === "workspace" || mount?.kind === "overlay";
};

/** The narrowest directory with which a program usually works: its package tree, its prefix, its directory; or itself. */
const showing = (file: string, host: Host, name: string): Mount => {
  const origin = `program ${name}`;
  const target = enclosing(file).find((directory) => directory !== "/" && !isWithin(host.realHome, directory)) ?? file;
  return { kind: "bind", source: fs.realpathSync.native(target), target, mode: "ro", origin };
};

const enclosing = (file: string): string[] => {
  const modules = file.indexOf("/node_modules/");
  if (modules >= 0) return [file.slice(0, modules + "/node_modules".length)];
  const directory = path.dirname(file);
  return path.basename(directory) === "bin" ? [path.dirname(directory), directory] : [directory];
};
