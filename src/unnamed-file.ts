import fs from "node:fs";
import { createMemoryFile } from "./libc.ts";

/**
 * A file in memory that holds these bytes, open for reading from its start: a child reads it like a pipe that needs no
 * feeding. It has no name, so nothing of it reaches a disk or is left behind. The caller closes it.
 */
export const openUnnamed = (bytes: Uint8Array): number => {
  const fd = createMemoryFile();
  // A positioned write leaves the offset, which the child shares, at the start.
  for (let at = 0; at < bytes.length; ) at += fs.writeSync(fd, bytes, at, bytes.length - at, at);
  return fd;
};
