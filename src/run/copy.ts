import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { CordonError, errorOf } from "../errors.ts";
import { findProgram, type Program, runPipeline } from "../exec.ts";
import type { Host } from "../host.ts";
import { bindAt, openClosedRoom } from "../workspace/closed-room.ts";
import { release } from "../workspace/held-directory.ts";
import { checkFree, type Landing, land, openLanding } from "./landing.ts";
import type { Run } from "./registry.ts";
import { makeScratch, removeAbandonedScratch } from "./scratch.ts";

/** Files out of a running sandbox, and into it: one tar(1) writes on this side of the boundary, the other one reads on that. */

const timeoutMs = 60 * 60_000;
const targetInside = "/run/cordon/target";

/** Neither owners nor setuid bits come over, and a link comes as a link. */
const unpack = ["-x", "-f", "-", "--no-same-owner", "--no-same-permissions", "--delay-directory-restore"];

/**
 * Copies a file or directory of a sandbox to the host: into `target` when that is a directory, else to that name, which
 * must be free or a file. What comes out is unpacked where nothing else of the host is to be seen, in a place of cordon's
 * own: the sandbox may be able to write where it goes to. Gives the path that it has now. Throws E_COPY_FAILED.
 */
export const copyOut = async (host: Host, run: Run, source: string, target: string): Promise<string> => {
  const isInto = fs.statSync(target, { throwIfNoEntry: false })?.isDirectory() ?? false;
  const name = path.basename(source);
  if (name === "") throw errorOf("E_COPY_FAILED", source, "it is everything");
  const landing = openLanding(isInto ? path.join(target, name) : target, run.project);
  try {
    return await untilEnded((signal) => copyThrough(host, run, source, landing, signal));
  } catch (cause) {
    throw cause instanceof CordonError ? cause : errorOf("E_COPY_FAILED", target, (cause as Error).message);
  } finally {
    release(landing.parent);
  }
};

const copyThrough = async (host: Host, run: Run, source: string, landing: Landing, signal: AbortSignal) => {
  checkFree(landing, false);
  const name = path.basename(source);
  const scratch = makeScratch(host.places);
  const command = ["tar", "-C", targetInside, ...unpack];
  const closed = openClosedRoom(host, command, [bindAt(scratch.work, targetInside, "rw")]);
  try {
    const pack = ["tar", "-C", path.posix.dirname(source), "-c", "-f", "-", "--", `./${name}`];
    await pump([inside(host, run, pack), closed.program], source, signal);
    if (!fs.lstatSync(path.join(scratch.work, name), { throwIfNoEntry: false }))
      throw errorOf("E_COPY_FAILED", source, "nothing came out");
    land(scratch.work, name, landing);
    return landing.place;
  } finally {
    closed.release();
    scratch.remove();
    // What was killed may have made one more file.
    for (let left = 20; left > 0 && fs.existsSync(scratch.directory); left--) {
      await Bun.sleep(50);
      removeAbandonedScratch(host.places);
    }
  }
};

/** Runs work that tidies up after itself also when somebody ends this process meanwhile. */
const untilEnded = async <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
  const ending = new AbortController();
  let code: number | undefined;
  const handlers = (["SIGINT", "SIGTERM", "SIGHUP"] as const).map((name) => {
    const handler = () => {
      code = 128 + os.constants.signals[name];
      ending.abort();
    };
    process.on(name, handler);
    return () => process.removeListener(name, handler);
  });
  try {
    return await work(ending.signal);
  } finally {
    for (const remove of handlers) remove();
    if (code !== undefined) process.exit(code);
  }
};

/** Into a directory that exists inside; else to that name. */
const place = `set -e
if [ -d "$1" ]; then exec tar -C "$1" -x -f - --no-same-owner; fi
room=$(mktemp -d)
trap 'rm -rf -- "$room"' EXIT
tar -C "$room" -x -f - --no-same-owner
mv -T -- "$room/$2" "$1"
`;

/** The other way round. Throws E_COPY_FAILED. */
export const copyIn = async (host: Host, run: Run, source: string, target: string): Promise<void> => {
  if (!fs.existsSync(source)) throw errorOf("E_COPY_FAILED", source, "there is no such file");
  const tar = findProgram("tar", host.env["PATH"], host.project);
  if (!tar) throw errorOf("E_COPY_FAILED", source, "`tar` is not installed");
  const { parent, name } = openLanding(source, run.project);
  try {
    const from = `/proc/${process.pid}/fd/${parent}`;
    const pack: Program = { file: tar, args: ["-C", from, "-c", "-f", "-", "--", `./${name}`], env: {} };
    await pump([pack, inside(host, run, ["sh", "-c", place, "sh", target, name])], source);
  } finally {
    release(parent);
  }
};

/** A program in the sandbox: cordon starts itself, with this run's own words. */
const inside = (host: Host, run: Run, command: string[]): Program => ({
  file: host.executable,
  args: ["exec", run.id, "--", ...command],
  env: host.env,
});

const pump = async (programs: Program[], what: string, signal?: AbortSignal): Promise<void> => {
  const done = await runPipeline(programs, { timeoutMs, maxBytes: 64 * 1024, ...(signal && { signal }) });
  if (done.codes.every((code) => code === 0)) return;
  const line = done.errors
    .join("")
    .split("\n")
    .find((text) => text.trim() !== "");
  throw errorOf("E_COPY_FAILED", what, line ?? (done.isTimedOut ? "it takes too long" : "tar failed"));
};
