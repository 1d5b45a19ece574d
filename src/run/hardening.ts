import { ptr } from "bun:ffi";
import fs from "node:fs";
import { lazyLibc } from "../libc.ts";

/** What cordon does to its own process around a launch. Numbers are Linux's, the same on x86-64 and arm64. */
const RLIMIT_CORE = 4;
const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
const ALL_SEALS = 0xf; // seal, shrink, grow, write: fcntl(2)
const MADV_DONTNEED = 4;

const libc = lazyLibc({
  setrlimit: { args: ["i32", "ptr"], returns: "i32" },
  memfd_create: { args: ["ptr", "u32"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  madvise: { args: ["u64", "u64", "i32"], returns: "i32" },
});

/** Nothing inside can raise it again: a core dump in the project would hold whatever the program had in memory. */
export const forbidCoreDumps = (): void => {
  libc().setrlimit(RLIMIT_CORE, ptr(new BigUint64Array([0n, 0n])));
};

/**
 * A copy of a program in memory that nobody can change, as a path to start it by. As the owner of the file on disk the
 * sandbox could else open it for writing through /proc/PID/exe (CVE-2019-5736). It lasts as long as this process.
 */
export const sealProgram = (file: string): string => {
  const fd = libc().memfd_create(ptr(Buffer.from("cordon-sandbox\0")), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) throw new Error("memfd_create failed");
  const bytes = fs.readFileSync(file);
  for (let at = 0; at < bytes.length; ) at += fs.writeSync(fd, bytes, at);
  fs.fchmodSync(fd, 0o500);
  if (libc().fcntl(fd, F_ADD_SEALS, ALL_SEALS) !== 0) throw new Error("sealing the copy failed");
  return `/proc/${process.pid}/fd/${fd}`;
};

/**
 * Gives back the pages of cordon's own code that only the start needed: while the agent works cordon waits. Code is
 * clean and read-only, so the kernel reads it again from the file where it is touched (madvise(2)). Only code: other
 * read-only parts of the program hold what the dynamic linker has written.
 */
export const releaseStartPages = (): void => {
  for (const row of readMaps().filter((row) => row.endsWith(process.execPath))) {
    const [range = "", permissions] = row.split(" ", 2);
    if (permissions !== "r-xp") continue;
    const [from, to] = range.split("-").map((digits) => BigInt(`0x${digits}`));
    libc().madvise(from!, to! - from!, MADV_DONTNEED);
  }
};

/** None when there is no descriptor left to look with: then the pages stay. */
const readMaps = (): string[] => {
  try {
    return fs.readFileSync("/proc/self/maps", "latin1").split("\n");
  } catch {
    return [];
  }
};
