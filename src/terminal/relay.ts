import { setTimeout as sleep } from "node:timers/promises";
import { isReady, POLLIN } from "./libc.ts";
import type { OuterTerminal } from "./outer.ts";
import { writeAll } from "./write.ts";

type Reader = ReadableStreamDefaultReader<Uint8Array>;

/** Reads on demand: while nobody asks for the next chunk, the kernel's buffer fills and the writer waits. `fd` must be non-blocking. */
export const openReader = (fd: number): Reader => Bun.file(fd).stream().getReader() as unknown as Reader;

/** Ends a reader before its descriptor is closed, so that nothing waits for a number that is given out anew. */
export const cancelReader = (reader: Reader | undefined): void => void reader?.cancel().catch(() => undefined);

/** Hands every chunk to `take` until the stream ends; a hang-up is an end. */
export const readAll = async (reader: Reader, take: (bytes: Uint8Array) => Promise<void>): Promise<void> => {
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) await take(next.value);
  } catch {}
};

export type Screen = {
  /** Shows what the private terminal puts out; resolves when its last user has gone and all is written. */
  show(master: number): Promise<void>;
  /** Waits until what the private terminal has put out so far is written, at most `limitMs`. */
  settle(master: number, limitMs: number): Promise<void>;
  close(): void;
  /** Waits until there has been nothing to write for `quietMs`. */
  untilQuiet(quietMs: number): Promise<void>;
};

/** The way from the sandbox to the user: private terminal, filter, user's terminal. */
export const createScreen = (outer: OuterTerminal, filter: (bytes: Uint8Array) => Uint8Array): Screen => {
  let isWriting = false;
  let lastMs = 0;
  let isGone = false;
  let reader: Reader | undefined;

  const write = async (bytes: Uint8Array): Promise<void> => {
    const visible = filter(bytes);
    isWriting = true;
    // Once the user's terminal has hung up, the output goes nowhere: a program that ignores SIGHUP must not block on it.
    if (!isGone) {
      await writeAll(outer.fd, visible).catch(() => {
        isGone = true;
      });
    }
    isWriting = false;
    lastMs = performance.now();
  };

  const show = (master: number): Promise<void> => {
    reader = openReader(master);
    return readAll(reader, write);
  };

  const close = (): void => cancelReader(reader);

  const settle = async (master: number, limitMs: number): Promise<void> => {
    const deadline = performance.now() + limitMs;
    do await sleep(1);
    while ((isWriting || isReady(master, POLLIN, 0)) && performance.now() < deadline);
  };

  const untilQuiet = async (quietMs: number): Promise<void> => {
    lastMs = performance.now();
    while (isWriting || performance.now() - lastMs < quietMs) await sleep(quietMs / 10);
  };

  return { show, settle, untilQuiet, close };
};

/** What terminals answer: device attributes, positions, modes, sizes, and the string answers (DCS, OSC, APC). */
const ANSWER = /\x1b(?:\[[?>=]?[\d;:]*(?:[cnRtxu]|\$y)|[P\]_])/g;

export type Keyboard = { start(): void; stop(): void; drop(): void; answers(): number };

/** The way from the user to the sandbox. `onKey` hears of what is typed, and not of the terminal's answers. */
export const createKeyboard = (outer: OuterTerminal, master: number, onKey?: () => void): Keyboard => {
  let reader: Reader | undefined;
  let answers = 0;

  const take = (bytes: Uint8Array): Promise<void> => {
    const found = Buffer.from(bytes).toString("latin1").match(ANSWER)?.length ?? 0;
    answers += found;
    if (found === 0) onKey?.();
    return writeAll(master, bytes);
  };

  const cancel = (): void => {
    cancelReader(reader);
    reader = undefined;
  };

  const start = (): void => {
    reader = openReader(outer.hold());
    void readAll(reader, take);
  };

  const stop = (): void => {
    cancel();
    outer.release();
  };

  const drop = (): void => {
    cancel();
    outer.drop();
  };

  return { start, stop, drop, answers: () => answers };
};
