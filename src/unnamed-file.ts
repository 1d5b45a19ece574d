import fs from "node:fs";

/**
 * A file without a name that holds these bytes, open for reading from its start: a child reads it like a pipe that
 * needs no feeding, and nothing is left behind. `file` is a free name in a directory that only this user can enter.
 */
export const openUnnamed = (file: string, bytes: Uint8Array): number => {
  const fd = fs.openSync(file, "wx+", 0o600);
  fs.unlinkSync(file);
  // A positioned write leaves the offset, which the child shares, at the start.
  for (let at = 0; at < bytes.length; ) at += fs.writeSync(fd, bytes, at, bytes.length - at, at);
  return fd;
};
