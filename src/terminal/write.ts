import { writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { isReady, POLLOUT } from "./libc.ts";

/** Writes a short sequence at once, or as much as the terminal takes. */
export const writeNow = (fd: number, text: string): void => {
  try {
    if (text !== "" && isReady(fd, POLLOUT, 50)) writeSync(fd, text);
  } catch {}
};

const isAgain = (error: unknown): boolean => ["EAGAIN", "EINTR"].includes((error as NodeJS.ErrnoException).code ?? "");

/** Writes all of `bytes` to a non-blocking descriptor. Rejects when it is closed or hung up. */
export const writeAll = async (fd: number, bytes: Uint8Array): Promise<void> => {
  let at = 0;
  for (let waits = 0; at < bytes.length; ) {
    // A reader that keeps up needs microseconds; for one that does not, nothing but this write may wait.
    if (!isReady(fd, POLLOUT, waits === 0 ? 2 : 0)) {
      await sleep(Math.min(++waits, 20));
      continue;
    }
    try {
      at += writeSync(fd, bytes, at);
      waits = 0;
    } catch (error) {
      if (!isAgain(error)) throw error;
      await sleep(Math.min(++waits, 20));
    }
  }
};
