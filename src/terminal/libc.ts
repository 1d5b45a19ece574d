import { ptr } from "bun:ffi";
import { closeSync, constants, openSync } from "node:fs";
import { loadLibc } from "../libc.ts";

/** Neither Node nor Bun reaches these terminal calls; loading costs 0.3 ms, so it happens only when a terminal is there. */
const SIGNATURES = {
  posix_openpt: { args: ["i32"], returns: "i32" },
  grantpt: { args: ["i32"], returns: "i32" },
  unlockpt: { args: ["i32"], returns: "i32" },
  ptsname_r: { args: ["i32", "ptr", "u64"], returns: "i32" },
  socketpair: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
  poll: { args: ["ptr", "u64", "i32"], returns: "i32" },
  isatty: { args: ["i32"], returns: "i32" },
  tcgetattr: { args: ["i32", "ptr"], returns: "i32" },
  tcsetattr: { args: ["i32", "i32", "ptr"], returns: "i32" },
  cfmakeraw: { args: ["ptr"], returns: "void" },
  tcflush: { args: ["i32", "i32"], returns: "i32" },
  tcgetpgrp: { args: ["i32"], returns: "i32" },
  getpgid: { args: ["i32"], returns: "i32" },
  getsid: { args: ["i32"], returns: "i32" },
} as const;

const bind = () => loadLibc(SIGNATURES);
let loaded: ReturnType<typeof bind> | undefined;

/** The C library's terminal calls. Numbers below are Linux's. */
export const libc = () => {
  loaded ??= bind();
  return loaded;
};

const TIOCGWINSZ = 0x5413;
const TIOCSWINSZ = 0x5414;
const F_SETFD = 2;
const F_SETFL = 4;
const FD_CLOEXEC = 1;
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;

export type Size = { cols: number; rows: number };

const check = (result: number, call: string): void => {
  if (result < 0) throw new Error(`${call} failed on the terminal`);
};

/** The size of the terminal `fd`; a terminal that does not know its size (0×0) counts as 80×24. */
export const readSize = (fd: number): Size => {
  const size = new Uint16Array(4);
  libc().ioctl(fd, TIOCGWINSZ, ptr(size));
  return { cols: size[1] || 80, rows: size[0] || 24 };
};

/** Setting a new size sends SIGWINCH to the foreground group of the terminal. */
export const writeSize = (fd: number, { cols, rows }: Size): void => {
  libc().ioctl(fd, TIOCSWINSZ, ptr(new Uint16Array([rows, cols, 0, 0])));
};

/** `O_RDWR` is all that a terminal or socket of ours has besides; setting the flags as a whole loses nothing. */
const setNonBlocking = (fd: number): void => check(libc().fcntl(fd, F_SETFL, constants.O_NONBLOCK), "fcntl");

/** A fresh pty. `master` is non-blocking; both ends close on exec. */
export const openPty = (size: Size): { master: number; slave: number } => {
  const c = libc();
  const master = c.posix_openpt(constants.O_RDWR | constants.O_NOCTTY);
  check(master, "posix_openpt");
  check(c.fcntl(master, F_SETFD, FD_CLOEXEC), "fcntl");
  check(c.grantpt(master), "grantpt");
  check(c.unlockpt(master), "unlockpt");
  const name = Buffer.alloc(128);
  check(-c.ptsname_r(master, ptr(name), name.length), "ptsname");
  const slave = openSync(name.toString("utf8", 0, name.indexOf(0)), constants.O_RDWR | constants.O_NOCTTY);
  setNonBlocking(master);
  writeSize(master, size);
  return { master, slave };
};

/** A connected pair of stream sockets; `near` is non-blocking, both close on exec. */
export const openSocketPair = (): { near: number; far: number } => {
  const pair = new Int32Array(2);
  check(libc().socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ptr(pair)), "socketpair");
  const [near, far] = [pair[0]!, pair[1]!];
  setNonBlocking(near);
  return { near, far };
};

export const POLLIN = 1;
export const POLLOUT = 4;

/** Waits up to `timeoutMs` until `fd` is ready for `events` (or has failed, which the next read or write then tells). */
export const isReady = (fd: number, events: number, timeoutMs: number): boolean => {
  const entry = new Int32Array([fd, events]);
  return libc().poll(ptr(entry), 1, timeoutMs) > 0;
};

/** Closes a descriptor; one that is closed already is no error. */
export const closeQuietly = (fd: number): void => {
  try {
    closeSync(fd);
  } catch {}
};
