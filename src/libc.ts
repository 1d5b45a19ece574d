import { dlopen, type FFIFunction, ptr } from "bun:ffi";

/** What a function of the C library takes and gives, for `bun:ffi`. */
export type Signatures = Record<string, FFIFunction>;

/** glibc, then musl's own name, which every musl system has beside the architecture's. */
const names = () => ["libc.so.6", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`];

/**
 * Binds calls of the C library that neither Node nor Bun offers. Binding costs about 0.2 ms: callers do it when they
 * first need it. Throws when there is no C library of a known name.
 */
export const loadLibc = <Bound extends Signatures>(signatures: Bound) => {
  for (const name of names()) {
    try {
      return dlopen(name, signatures).symbols;
    } catch {}
  }
  throw new Error(`no C library found (tried ${names().join(", ")})`);
};

/** The same when it is first needed, and once: every binding stays in memory. */
export const lazyLibc = <Bound extends Signatures>(signatures: Bound) => {
  let bound: ReturnType<typeof loadLibc<Bound>> | undefined;
  return () => {
    bound ??= loadLibc(signatures);
    return bound;
  };
};

const libc = lazyLibc({
  pipe2: { args: ["ptr", "i32"], returns: "i32" },
  memfd_create: { args: ["ptr", "u32"], returns: "i32" },
  socketpair: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
});

const O_CLOEXEC = 0o2000000;
const F_DUPFD_CLOEXEC = 1030;
const aboveStandard = 128;

/** Two ends of a pipe, to read from and to write to, that close on exec. The caller owns both. */
export const openPipe = (): [read: number, write: number] => {
  const ends = new Int32Array(2);
  if (libc().pipe2(ptr(ends), O_CLOEXEC) < 0) throw new Error("pipe2 failed");
  return [ends[0]!, ends[1]!];
};

const MFD_CLOEXEC = 1;

/** A file that has no place in any file system and closes on exec (memfd_create(2)). The caller owns it. */
export const createMemoryFile = (): number => {
  const fd = libc().memfd_create(ptr(Buffer.from("cordon\0")), MFD_CLOEXEC);
  if (fd < 0) throw new Error("memfd_create failed");
  return fd;
};

const AF_UNIX = 1;
const SOCK_STREAM_NONBLOCK_CLOEXEC = 0o2004001;

/** Two connected stream sockets that close on exec. The caller owns both. */
export const openSocketPair = (): [number, number] => {
  const ends = new Int32Array(2);
  if (libc().socketpair(AF_UNIX, SOCK_STREAM_NONBLOCK_CLOEXEC, 0, ptr(ends)) < 0) throw new Error("socketpair failed");
  return [ends[0]!, ends[1]!];
};

/**
 * A copy of a descriptor with a high number that closes on exec. A starting child gets its descriptors placed one by
 * one: a source whose number is also a target would be overwritten before its turn. The caller closes both.
 */
export const copyAbove = (fd: number): number => {
  const copy = libc().fcntl(fd, F_DUPFD_CLOEXEC, aboveStandard);
  if (copy < 0) throw new Error("fcntl failed to copy a descriptor");
  return copy;
};
