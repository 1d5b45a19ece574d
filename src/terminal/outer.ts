import { ptr } from "bun:ffi";
import { closeSync, constants, openSync, readFileSync, readSync } from "node:fs";
import { closeQuietly, isReady, libc, POLLIN, readSize, type Size } from "./libc.ts";
import { writeNow } from "./write.ts";

const TCSANOW = 0;
const TCIFLUSH = 0;
/** Larger than `struct termios` on any system; its output flags are the second word. */
const TERMIOS_BYTES = 128;
const OUTPUT_FLAGS = 1;
const OPOST = 1;

/** How long a terminal may take to answer before what it still sends is given up. */
const ANSWER_MS = 300;
/** Asks for the terminal's status: answered by every terminal, and after all that was asked before. */
const STATUS_QUESTION = "\x1b[5n";
const STATUS_ANSWER = /\x1b\[[03]n/;

/**
 * The user's terminal, opened anew: `O_NONBLOCK` on a descriptor that the shell shares would break the shell. The device of
 * another user (after `su`) cannot be opened by its own name, but `/dev/tty` always can.
 */
const reopen = (fd: number): number => {
  const flags = constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK;
  try {
    return openSync(`/proc/self/fd/${fd}`, flags);
  } catch {
    return openSync("/dev/tty", flags);
  }
};

const readTermios = (fd: number): Uint32Array => {
  const termios = new Uint32Array(TERMIOS_BYTES / 4);
  libc().tcgetattr(fd, ptr(termios));
  return termios;
};

export type OuterTerminal = {
  /** For output only; input has a descriptor of its own while the terminal is held. */
  fd: number;
  size(): Size;
  isForeground(): boolean;
  /** Gives another terminal the same settings: erase key, UTF-8, echo, … */
  copyTo(slave: number): void;
  /** Takes the keyboard: raw mode, and a descriptor to read from. */
  hold(): number;
  /** Stops reading and leaves the modes as they are, after a stop that cordon did not choose. */
  drop(): void;
  /** Gives the keyboard back with the modes it had. */
  release(): void;
  isHeld(): boolean;
  /** Reads away the answers to questions that the sandbox asked, so that they do not end up on the shell's command line. */
  discardAnswers(): void;
  close(): void;
};

/**
 * Opens the terminal behind `fd`. With `keepsOutput`, output processing stays on, because other programs of the same pipeline
 * write to the terminal too. Throws when the terminal cannot be opened.
 */
export const openOuter = (fd: number, { keepsOutput }: { keepsOutput: boolean }): OuterTerminal => {
  const own = reopen(fd);
  let input: number | undefined;
  /** The modes to restore; they outlive a `drop`, because what the terminal has then may be our own raw mode. */
  let saved: Uint32Array | undefined;

  const hold = (): number => {
    saved ??= readTermios(own);
    const raw = saved.slice();
    libc().cfmakeraw(ptr(raw));
    if (keepsOutput) raw[OUTPUT_FLAGS] = saved[OUTPUT_FLAGS]!;
    libc().tcsetattr(own, TCSANOW, ptr(raw));
    input ??= reopen(fd);
    return input;
  };

  const drop = (): void => {
    if (input !== undefined) closeQuietly(input);
    input = undefined;
  };

  const isForeground = (): boolean => {
    const group = libc().tcgetpgrp(own);
    return group < 0 || group === libc().getpgid(0);
  };

  const release = (): void => {
    drop();
    // In the background the modes are the shell's. Not TCSADRAIN: a terminal that has stopped reading must not hang cordon's end.
    if (saved && isForeground()) libc().tcsetattr(own, TCSANOW, ptr(saved));
    saved = undefined;
  };

  const copyTo = (slave: number): void => {
    const termios = saved?.slice() ?? readTermios(own);
    // Line ends are turned into CR LF once: inside, unless the outer terminal does it for others anyway.
    if (keepsOutput) termios[OUTPUT_FLAGS]! &= ~OPOST;
    libc().tcsetattr(slave, TCSANOW, ptr(termios));
  };

  const discardAnswers = (): void => {
    if (input === undefined) return;
    writeNow(input, STATUS_QUESTION);
    const bytes = Buffer.alloc(4096);
    const deadline = performance.now() + ANSWER_MS;
    let answer = "";
    while (!STATUS_ANSWER.test(answer) && performance.now() < deadline) {
      if (!isReady(input, POLLIN, deadline - performance.now())) break;
      try {
        const count = readSync(input, bytes);
        if (count === 0) break;
        answer = (answer + bytes.toString("latin1", 0, count)).slice(-8192);
      } catch {
        break;
      }
    }
    libc().tcflush(input, TCIFLUSH);
  };

  return {
    fd: own,
    size: () => readSize(own),
    isForeground,
    copyTo,
    hold,
    drop,
    release,
    isHeld: () => input !== undefined,
    discardAnswers,
    close: () => closeSync(own),
  };
};

/** The parent of a process and its group, from proc(5); the name in parentheses may hold anything. */
const readParent = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
};

/**
 * Whether a shell with job control is there to continue cordon's process group after a stop (else it is orphaned, and the
 * kernel ignores ^Z for such a group too).
 */
export const hasJobControl = (): boolean => {
  const { getpgid, getsid } = libc();
  try {
    let pid = process.ppid;
    while (pid > 1 && getpgid(pid) === getpgid(0)) pid = readParent(pid);
    return pid > 0 && getsid(pid) === getsid(0);
  } catch {
    return false;
  }
};
