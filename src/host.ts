import fs from "node:fs";
import path from "node:path";
import type { Streams } from "./launch.ts";
import { type Places, placesOf } from "./places.ts";
import { findProject } from "./project.ts";
import { libc } from "./terminal/libc.ts";

/** What is true of this machine and this invocation. Gathered once at the edge; everything after reads only this. */
export type Host = {
  platform: NodeJS.Platform;
  arch: NodeJS.Architecture;
  uid: number;
  gid: number;
  /** As the user spells it, and with links resolved. */
  home: string;
  realHome: string;
  /** The working directory with links resolved, fixed for the whole run. */
  cwd: string;
  /** The project around it: what the sandbox may write, and what settings and state belong to. */
  project: string;
  env: Record<string, string>;
  tty: Streams;
  places: Places;
  /** Path of the running executable. */
  executable: string;
};

/** What stands at a path: its kind after following links, where the links lead, and the link's own text. */
export type PathFact = {
  kind: "file" | "directory" | "socket" | "other" | "missing";
  real: string;
  link?: string;
};
export type Facts = Record<string, PathFact>;

export const gatherHost = (): Host => {
  const env = definedValues(process.env);
  const uid = process.getuid?.() ?? 0;
  const home = path.resolve(env["HOME"] || homeOf(uid));
  const realHome = inspectPath(home).real;
  const cwd = workingDirectory();
  return {
    platform: process.platform,
    arch: process.arch,
    uid,
    gid: process.getgid?.() ?? 0,
    home,
    realHome,
    cwd,
    project: findProject(cwd, realHome),
    env,
    tty: { stdin: isTerminal(0), stdout: isTerminal(1), stderr: isTerminal(2) },
    places: placesOf(env, home, uid),
    executable: process.execPath,
  };
};

/** A name that is no UTF-8 arrives with U+FFFD in it, and then names nothing: `checkWorkdir` refuses it later. */
const workingDirectory = (): string => {
  const directory = process.cwd();
  return fs.existsSync(directory) ? fs.realpathSync.native(directory) : directory;
};

/** The home directory that /etc/passwd names (passwd(5)), for the rare case that HOME is not set. */
const homeOf = (uid: number): string => {
  const rows = fs.readFileSync("/etc/passwd", "utf8").split("\n");
  return rows.map((row) => row.split(":")).find((fields) => fields[2] === String(uid))?.[5] ?? "/";
};

/** A look at the kind of file first: loading the C library, or `node:tty`, costs more than most runs need. */
const isTerminal = (fd: number): boolean => {
  try {
    return fs.fstatSync(fd).isCharacterDevice() && libc().isatty(fd) === 1;
  } catch {
    return false;
  }
};

/** Never throws: what cannot be looked at counts as missing. */
export const inspectPath = (target: string): PathFact => {
  try {
    const own = fs.lstatSync(target, { throwIfNoEntry: false });
    if (!own) return { kind: "missing", real: target };
    const link = own.isSymbolicLink() ? fs.readlinkSync(target) : undefined;
    const stat = link === undefined ? own : fs.statSync(target, { throwIfNoEntry: false });
    if (!stat) return { kind: "missing", real: target, ...(link !== undefined && { link }) };
    return { kind: kindOf(stat), real: fs.realpathSync.native(target), ...(link !== undefined && { link }) };
  } catch {
    return { kind: "missing", real: target };
  }
};

export const inspectPaths = (targets: Iterable<string>): Facts =>
  Object.fromEntries([...new Set(targets)].map((target) => [target, inspectPath(target)]));

/** Names in a directory, or none when it cannot be read. */
export const listDirectory = (directory: string): string[] => {
  try {
    return fs.readdirSync(directory).sort();
  } catch {
    return [];
  }
};

/** Paths of the unix sockets that something on this host listens on (proc(5), `/proc/net/unix`, flag `__SO_ACCEPTCON`). */
export const listeningSockets = (): string[] => {
  try {
    const rows = fs.readFileSync("/proc/net/unix", "utf8").split("\n").slice(1);
    const columns = rows.map((row) => row.trim().split(/\s+/));
    return columns.filter((row) => row[3] === "00010000" && row[7]?.startsWith("/")).map((row) => row[7]!);
  } catch {
    return [];
  }
};

const kindOf = (stat: fs.Stats): PathFact["kind"] =>
  stat.isDirectory() ? "directory" : stat.isFile() ? "file" : stat.isSocket() ? "socket" : "other";

const definedValues = (env: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
