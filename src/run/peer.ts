import { ptr } from "bun:ffi";
import fs from "node:fs";
import { loadLibc } from "../libc.ts";

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;

/**
 * True when the other end of a unix socket is a process of this user in this process's own user namespace: a sandbox
 * that somehow got hold of the socket lives in another one. Credentials by SO_PEERCRED (unix(7)), the namespace by /proc.
 */
export const peerIsTrusted = (fd: number): boolean => {
  const peer = peerOf(fd);
  if (!peer || peer.uid !== process.getuid?.()) return false;
  try {
    return fs.readlinkSync(`/proc/${peer.pid}/ns/user`) === fs.readlinkSync("/proc/self/ns/user");
  } catch {
    return false;
  }
};

const peerOf = (fd: number): { pid: number; uid: number } | undefined => {
  const { getsockopt } = loadLibc({
    getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  });
  const credentials = new Int32Array(3);
  const size = new Int32Array([credentials.byteLength]);
  const failed = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ptr(credentials), ptr(size)) !== 0;
  return failed ? undefined : { pid: credentials[0]!, uid: credentials[1]! };
};
