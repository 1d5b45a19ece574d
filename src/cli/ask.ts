import fs from "node:fs";
import tty from "node:tty";

/**
 * Asks once on the terminal itself, never on stdin, and forgets what was typed before the question stood there.
 * True only for `y` or `yes`. Throws when there is no terminal.
 */
export const askOnTerminal = (question: string): boolean => {
  const descriptor = fs.openSync("/dev/tty", fs.constants.O_RDWR | fs.constants.O_NOCTTY);
  try {
    forgetTyped(descriptor);
    fs.writeSync(descriptor, `${question} [y/N] `);
    return /^y(es)?$/i.test(readLine(descriptor).trim());
  } finally {
    fs.closeSync(descriptor);
  }
};

/** In raw mode also an unfinished line can be read, so that it does not become the beginning of the answer. */
const forgetTyped = (descriptor: number): void => {
  const drain = fs.openSync("/dev/tty", fs.constants.O_RDONLY | fs.constants.O_NOCTTY | fs.constants.O_NONBLOCK);
  const stream = new tty.ReadStream(descriptor);
  try {
    stream.setRawMode(true);
    const rubbish = new Uint8Array(4096);
    while (readSome(drain, rubbish) > 0);
  } finally {
    stream.setRawMode(false);
    fs.closeSync(drain);
  }
};

/** Bytes read; nothing when nothing waits. */
const readSome = (descriptor: number, buffer: Uint8Array): number => {
  try {
    return fs.readSync(descriptor, buffer);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return 0;
    throw error;
  }
};

const readLine = (descriptor: number): string => {
  const buffer = new Uint8Array(1024);
  const count = fs.readSync(descriptor, buffer);
  return new TextDecoder().decode(buffer.subarray(0, count));
};
