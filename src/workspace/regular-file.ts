import fs from "node:fs";

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;

/**
 * The text of a regular file of at most `maxBytes`, undefined for anything else: the file may be of an agent's making,
 * and a FIFO would wait for ever. Throws when an open file cannot be read.
 */
export const readRegularFile = (
  file: string,
  { maxBytes, followLinks }: { maxBytes: number; followLinks: boolean },
): string | undefined => {
  let fd: number;
  try {
    fd = fs.openSync(file, O_RDONLY | O_NONBLOCK | (followLinks ? 0 : O_NOFOLLOW));
  } catch {
    return undefined;
  }
  try {
    const stat = fs.fstatSync(fd);
    return stat.isFile() && stat.size <= maxBytes ? fs.readFileSync(fd, "utf8") : undefined;
  } finally {
    fs.closeSync(fd);
  }
};
