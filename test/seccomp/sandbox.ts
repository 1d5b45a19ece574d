import { spawnSync } from "node:child_process";
import { chmodSync, closeSync, copyFileSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PATH = "/usr/local/bin:/usr/bin:/bin";
const UNPRIVILEGED = ["setpriv", "--reuid", "1234", "--regid", "1234", "--clear-groups"];

export const isRoot = process.getuid?.() === 0;

/** Who runs bwrap: the present user, and for root an unprivileged one as well. */
export const identities: { who: string; prefix: string[] }[] = [
  { who: isRoot ? "root" : "the present user", prefix: [] },
  ...(isRoot ? [{ who: "uid 1234", prefix: UNPRIVILEGED }] : []),
];

/** Why no sandbox can be tried here, or nothing. */
export function findObstacle(): string | undefined {
  if (process.platform !== "linux") return `no Linux, but ${process.platform}`;
  if (!findProgram("bwrap")) return "no bwrap (package bubblewrap)";
  return undefined;
}

export const findProgram = (name: string): string | null => Bun.which(name, { PATH });

/** A directory that every user can read, with bun and the named files of this directory in it. */
export function createScratch(files: string[]): string {
  const scratch = mkdtempSync(join(tmpdir(), "seccomp-"));
  chmodSync(scratch, 0o755);
  copyFileSync(process.execPath, join(scratch, "bun"));
  chmodSync(join(scratch, "bun"), 0o755);
  for (const file of files) {
    copyFileSync(join(import.meta.dir, file), join(scratch, file));
    chmodSync(join(scratch, file), 0o644);
  }
  return scratch;
}

export const removeScratch = (scratch: string): void => rmSync(scratch, { recursive: true, force: true });

export interface Run {
  scratch: string;
  prefix: string[];
  filter?: Uint8Array | undefined;
  /** Options for bwrap beside the file system and the filter. */
  options: string[];
  command: string[];
}

/** Runs a command to its end inside bwrap on a read-only view of this system, with an empty home. */
export function runSandboxed({ scratch, prefix, filter, options, command }: Run) {
  const program = join(scratch, "filter.bpf");
  writeFileSync(program, filter ?? "");
  const fd = openSync(program, "r");
  try {
    const argv = [
      ...[...prefix, "bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/mnt"],
      ...["--die-with-parent", "--new-session", "--chdir", "/mnt", ...options],
      ...[...(filter ? ["--seccomp", "3"] : []), ...command],
    ];
    const { status, stdout, stderr } = spawnSync(argv[0]!, argv.slice(1), {
      env: { PATH, HOME: "/mnt", TERM: "dumb", LC_ALL: "C" },
      stdio: ["ignore", "pipe", "pipe", fd],
      encoding: "utf8",
      timeout: 60_000,
    });
    return { status, stdout, stderr };
  } finally {
    closeSync(fd);
  }
}
