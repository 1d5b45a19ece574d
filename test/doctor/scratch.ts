import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Check } from "../../src/backends/backend.ts";

export const systemPath = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";
export const isRoot = process.getuid?.() === 0;
export const unprivileged = isRoot ? ["setpriv", "--reuid", "1234", "--regid", "1234", "--clear-groups"] : [];

/** A directory that every user can read, with the runtime and doctor in one file. */
export const createScratch = async (): Promise<string> => {
  const scratch = mkdtempSync(join(tmpdir(), "doctor-"));
  chmodSync(scratch, 0o755);
  copyFileSync(process.execPath, join(scratch, "bun"));
  chmodSync(join(scratch, "bun"), 0o755);
  const built = await Bun.build({
    entrypoints: [join(import.meta.dir, "runner.ts")],
    target: "bun",
    outdir: scratch,
    naming: "doctor.js",
  });
  if (!built.success) throw new Error("doctor does not build");
  chmodSync(join(scratch, "doctor.js"), 0o644);
  return scratch;
};

export const removeScratch = (scratch: string): void => rmSync(scratch, { recursive: true, force: true });

export type DoctorRun = {
  scratch: string;
  /** Stands in front of the command: another user, another namespace. */
  prefix?: string[];
  searchPath?: string;
  args?: string[];
  env?: Record<string, string>;
};

export type DoctorResult = { status: number | null; stdout: string; stderr: string };

let homes = 0;

/** Runs doctor to its end with a home of its own that is empty, unless `env` names another. */
export const runDoctorIn = ({ scratch, prefix = [], searchPath = systemPath, args = [], env = {} }: DoctorRun) => {
  const home = join(scratch, `home-${++homes}`);
  mkdirSync(join(home, "project"), { recursive: true });
  for (const directory of [home, join(home, "project")]) chmodSync(directory, 0o777);
  const argv = [...prefix, join(scratch, "bun"), join(scratch, "doctor.js"), ...args];
  const { status, stdout, stderr } = spawnSync(argv[0]!, argv.slice(1), {
    cwd: join(home, "project"),
    env: { HOME: home, PATH: searchPath, TERM: "dumb", LC_ALL: "C", TMPDIR: "/tmp", XDG_RUNTIME_DIR: home, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    timeout: 60_000,
  });
  return { status, stdout, stderr } satisfies DoctorResult;
};

/** The checks of `--json` by name. */
export const checksOf = ({ stdout }: DoctorResult): Record<string, Check> => {
  const { checks } = JSON.parse(stdout) as { checks: Check[] };
  return Object.fromEntries(checks.map((check) => [check.name, check]));
};

/** A directory with a `bwrap` that says one thing on stderr and fails. */
export const plantBwrap = (scratch: string, name: string, version: string, message: string): string => {
  const directory = join(scratch, name);
  mkdirSync(directory);
  const script = `#!/bin/sh
[ "$1" = --version ] && { echo "bubblewrap ${version}"; exit 0; }
echo "${message}" >&2
exit 1
`;
  writeFileSync(join(directory, "bwrap"), script, { mode: 0o755 });
  return directory;
};
