import { closeSync, openSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Facts, held, type Probe } from "../facts.ts";
import { attempt, listNames } from "../reach.ts";
import { addressOf, call } from "../syscall.ts";

const AT_FDCWD = -100;
const AT_SYMLINK_FOLLOW = 0x400;
const S_IFREG = 0o100000;
const O_CREAT_WRONLY = 0o101;
// __O_TMPFILE with O_DIRECTORY, whose bit differs, and O_WRONLY.
const O_TMPFILE_WRONLY = process.arch === "arm64" ? 0o20040001 : 0o20200001;

const prefix = (facts: Facts): string => `escape-setuid-${facts.token}-`;

function linkUnnamed(directory: string, path: string, mode: number): void {
  const { value } = call("openat", AT_FDCWD, directory, O_TMPFILE_WRONLY, mode);
  if (value === -1) return;
  call("linkat", AT_FDCWD, `/proc/self/fd/${value}`, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
  closeSync(value);
}

function changeOpened(path: string, mode: number): void {
  writeFileSync(path, "");
  const fd = openSync(path, "r");
  call("fchmod", fd, mode);
  closeSync(fd);
}

function changeNamed(name: "chmod" | "fchmodat" | "fchmodat2", path: string, mode: number): void {
  writeFileSync(path, "");
  call(name, ...(name === "chmod" ? [] : [AT_FDCWD]), path, mode, 0);
}

/** Every call that gives a file its mode. */
const ways: Record<string, (path: string, mode: number, directory: string) => unknown> = {
  chmod: (path, mode) => changeNamed("chmod", path, mode),
  fchmod: changeOpened,
  fchmodat: (path, mode) => changeNamed("fchmodat", path, mode),
  fchmodat2: (path, mode) => changeNamed("fchmodat2", path, mode),
  creat: (path, mode) => call("creat", path, mode),
  open: (path, mode) => call("open", path, O_CREAT_WRONLY, mode),
  openat: (path, mode) => call("openat", AT_FDCWD, path, O_CREAT_WRONLY, mode),
  openat2: (path, mode) => {
    const how = new BigUint64Array([BigInt(O_CREAT_WRONLY), BigInt(mode), 0n]);
    return call("openat2", AT_FDCWD, path, addressOf(new Uint8Array(how.buffer)), how.byteLength);
  },
  tmpfile: (path, mode, directory) => linkUnnamed(directory, path, mode),
  mknod: (path, mode) => call("mknod", path, S_IFREG | mode, 0),
  mknodat: (path, mode) => call("mknodat", AT_FDCWD, path, S_IFREG | mode, 0),
};

/** A setgid program of the user's own group gives nobody more than the user's files do; one of the group root does. */
function describeMode(path: string, name: string): string | undefined {
  const status = attempt(() => statSync(path));
  if (!status) return undefined;
  const gives = (status.mode & 0o4000) !== 0 || ((status.mode & 0o2000) !== 0 && status.gid === 0);
  return gives ? `${name}: mode ${(status.mode & 0o7777).toString(8)}` : undefined;
}

export const modeProbes: Probe[] = [
  {
    id: "X-03",
    attack: "leave a setuid program, or a setgid one of the group root, in the workspace for another user of the host",
    attempt(facts) {
      for (const [name, make] of Object.entries(ways)) {
        for (const mode of [0o4755, 0o2755]) {
          const path = join(facts.workspace, `${prefix(facts)}${name}-${mode.toString(8)}`);
          attempt(() => make(path, mode, facts.workspace));
        }
      }
      return held("judged on the host");
    },
    inspect(facts) {
      const names = listNames(facts.workspace).filter((name) => name.startsWith(prefix(facts)));
      const paths = names.map((name) => join(facts.workspace, name));
      const found = names.flatMap((name, at) => describeMode(paths[at]!, name.slice(prefix(facts).length)) ?? []);
      for (const path of paths) rmSync(path, { force: true });
      // The files of fchmod are made in any case: without them the probe has not run.
      if (names.length === 0) return "the probe left no file to judge";
      return found.length > 0 ? `the host has ${found.join(", ")}` : undefined;
    },
  },
];
