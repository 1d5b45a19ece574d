import fs from "node:fs";
import path from "node:path";
import { bubblewrap, findBwrap } from "../backends/bubblewrap.ts";
import { findOverlayTools } from "../backends/overlay.ts";
import { captureWith } from "../doctor/capture.ts";
import { isSetuidRoot, planProbe } from "../doctor/sandbox.ts";
import { capture } from "../exec.ts";
import type { Host } from "../host.ts";
import { isWithin } from "../places.ts";
import type { Mount, Plan } from "../plan/plan.ts";
import { type DirectoryTable, isMarked, ownMark, pathAt, writeTable } from "../workspace/directory-table.ts";
import { nestedCache } from "../workspace/nested.ts";
import { showPath } from "../workspace/shown-path.ts";
import { namesOf, statOf } from "../workspace/walk.ts";
import { removeRoom } from "./removal.ts";

/** Whether a session of a project can be an overlay; `why` not is one sentence without its full stop. */
export type Overlayable = { ok: true } | { ok: false; why: string };

const lookTimeoutMs = 60_000;
/** More directories than that are quicker looked through by \`find\`. */
const mostAsked = 300;
const largestSampleBytes = 64 * 1024;
const roomParts = ["lower", "upper", "work", "merged"] as const;

/** Makes what an overlay needs in a room; the room may be there already. */
export const makeOverlayRoom = (room: string): void => {
  for (const part of roomParts) fs.mkdirSync(path.join(room, part), { recursive: true, mode: 0o700 });
};

/**
 * Tries an overlay over the project, in the very place where its room would be (a directory that exists), and looks for
 * files that nobody could change through it. `project` is a real path. With `trusted`, a directory in which nothing has
 * come or gone since an earlier look at owners need not be looked into again: what is missed then is a file that was
 * given away where it stands, and just that file cannot be changed. Never throws for what it finds.
 */
export const canOverlay = async (
  host: Host,
  project: string,
  room: string,
  trusted?: DirectoryTable,
): Promise<Overlayable> => {
  const cheap = findHindrance(host, project);
  if (cheap !== undefined) return { ok: false, why: cheap };
  const [tried, foreign] = await Promise.all([tryOverlay(host, project, room), findForeign(host, project, trusted)]);
  const why = tried ?? foreign;
  return why === undefined ? { ok: true } : { ok: false, why };
};

const findHindrance = (host: Host, project: string): string | undefined => {
  if (host.platform !== "linux") return "overlays are made by Linux only";
  if (!findOverlayTools(host, project)) return "`unshare` or `mount` is not installed";
  const bwrap = findBwrap(host, project);
  if (bwrap === undefined) return "bubblewrap (`bwrap`) is not installed";
  if (isSetuidRoot(bwrap)) return "bubblewrap is setuid root, and cannot work behind an overlay";
  const inner = mountPoints().find((point) => point !== project && isWithin(point, project));
  return inner && `${showPath(inner)} is mounted in the project, and an overlay would not show it`;
};

/** Field 5 of each row, in which blanks and the like are octal (proc(5), `/proc/PID/mountinfo`). */
const mountPoints = (): string[] =>
  fs
    .readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .flatMap((row) => row.split(" ")[4] ?? [])
    .map((point) => point.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8))));

/**
 * In an overlay only this user's own ids exist, so the kernel cannot copy a file of another owner or group to where it
 * may be changed. No `.git` is looked into: none is seen through the overlay, where private ones stand in their place.
 * What cannot be read is not found.
 */
const findForeign = async (host: Host, project: string, trusted?: DirectoryTable): Promise<string | undefined> => {
  if (!trusted) return await findForeignOf(host, project);
  const unknown = [...trusted.marks.keys()].filter((row) => !isMarked(trusted, row, ownMark));
  const isMany = unknown.length > mostAsked;
  const why = isMany ? await findForeignOf(host, project) : findForeignIn(host, project, unknown, trusted);
  if (why !== undefined || unknown.length === 0) return why;
  for (const row of unknown) trusted.marks[row]! |= ownMark;
  writeTable(nestedCache(host, project), trusted);
  return undefined;
};

const explain = (place: string): string =>
  `${showPath(place || ".")} belongs to another user or group, so it could not be changed in an overlay`;

const findForeignIn = (
  { uid, gid }: Host,
  project: string,
  rows: number[],
  table: DirectoryTable,
): string | undefined => {
  const isForeign = (name: string) => {
    const stat = statOf(project, name);
    return typeof stat !== "string" && (stat.uid !== BigInt(uid) || stat.gid !== BigInt(gid));
  };
  const namesIn = (directory: string) =>
    namesOf(project, directory)
      .filter((name) => name !== ".git")
      .map((name) => (directory === "" ? name : `${directory}/${name}`));
  const found = rows
    .map((row) => pathAt(table, row))
    .flatMap((place) => [place, ...namesIn(place)].find(isForeign) ?? []);
  return found[0] === undefined ? undefined : explain(found[0]);
};

/** Through everything. A walk in this process takes a quarter more, and holds it up. */
const findForeignOf = async ({ uid, gid }: Host, project: string): Promise<string | undefined> => {
  const isForeign = ["(", "!", "-user", String(uid), "-o", "!", "-group", String(gid), ")"];
  const tests = ["-name", ".git", "-prune", "-o", ...isForeign, "-print0", "-quit"];
  const { code, stdout, isTimedOut } = await capture("find", [project, ...tests], { timeoutMs: lookTimeoutMs });
  if (isTimedOut) return "it takes too long to look at the owners of all its files";
  const [found] = stdout.split("\0");
  if (found) return explain(path.relative(project, found));
  // 1 is what `find` gives where it could not look into a directory.
  return code === 0 || code === 1 ? undefined : "`find` is not installed";
};

/** Removes a file, replaces a directory and changes a file of each overlay, from inside of a real sandbox. */
const script = `set -e
cd /run/tried
rm gone
rm -r full
mkdir full
[ ! -e gone ] && [ ! -e full/old ]
echo more >> kept
[ -z "$1" ] || touch "/run/project/$1"
`;

/**
 * Makes a real overlay in a room, over a directory and over one of its own; what was wrong, undefined when nothing was.
 * Both must exist. Never throws.
 */
export const tryOverlay = async (host: Host, project: string, room: string): Promise<string | undefined> => {
  const probe = path.join(room, `probe-${crypto.randomUUID()}`);
  try {
    const [own, rooms] = [path.join(probe, "own"), ["tried", "project"].map((name) => path.join(probe, name))];
    for (const place of rooms) makeOverlayRoom(place);
    fs.mkdirSync(path.join(own, "full"), { recursive: true });
    for (const name of ["gone", "kept", "full/old"]) fs.writeFileSync(path.join(own, name), "probe\n");
    const lay = (lower: string, index: number): Mount => {
      const target = `/run/${path.basename(rooms[index]!)}`;
      return { kind: "overlay", target, lower, room: rooms[index]!, mode: "rw", origin: "probe" };
    };
    const base = planProbe(host, "none");
    const plan: Plan = {
      ...base,
      command: ["/bin/sh", "-c", script, "sh", findSample(project)],
      workdir: "/run",
      mounts: [...base.mounts, ...[own, project].map(lay)],
    };
    const { main } = bubblewrap.compile(plan, bubblewrap.observe(host, plan));
    const inputs = main.fds.map((fd) => (fd.kind === "bytes" ? fd.bytes : undefined));
    const { code, stderr } = await captureWith(main.file, main.args, { env: main.env, inputs });
    return code === 0 ? undefined : describe(stderr);
  } catch (cause) {
    return describe((cause as Error).message);
  } finally {
    await removeRoom(probe);
  }
};

const describe = (complaint: string): string => {
  const line = complaint.split("\n").find((row) => row.trim() !== "") ?? "no reason given";
  return `an overlay cannot be made here: ${showPath(line.replace(/^cordon: /, "").replace(/\.$/, ""))}`;
};

/** A small file of the project whose copy tells whether its file system plays along; empty when none stands at the top. */
const findSample = (project: string): string => {
  const isSmall = (name: string) => fs.lstatSync(path.join(project, name)).size <= largestSampleBytes;
  const files = fs.readdirSync(project, { withFileTypes: true }).filter((entry) => entry.isFile());
  return files.map(({ name }) => name).find((name) => !name.includes("\ufffd") && isSmall(name)) ?? "";
};
