import { closeSync } from "node:fs";
import type { Child, Exit } from "../exec.ts";
import type { Streams } from "../launch.ts";
import { copyAbove } from "../libc.ts";
import { createFilter } from "./filter.ts";
import { closeQuietly, libc, openPty, openSocketPair, writeSize } from "./libc.ts";
import { hasJobControl, openOuter } from "./outer.ts";
import { cancelReader, createKeyboard, createScreen, openReader, readAll } from "./relay.ts";
import type { Watch } from "./watch.ts";
import { writeAll, writeNow } from "./write.ts";

/** How long output may still come after the command has ended, while something else holds the private terminal open. */
const LINGER_MS = 500;
/** How often a cordon in the background looks whether it has come to the foreground (`fg` of a running job sends no signal). */
const FOREGROUND_CHECK_MS = 300;

export type TerminalSession = {
  /**
   * Starts a program in a session of its own on the private terminal; where a stream is no terminal it gets cordon's own.
   * `extraFds` appear from `3 + terminalFds(streams)` upwards; the caller closes its copies. When it has ended, all its output
   * has been written and the user's terminal restored before `exited` resolves. Call once.
   */
  spawn(file: string, args: string[], options: { env: Record<string, string>; cwd: string; extraFds: number[] }): Child;
  /** Restores the user's terminal; synchronous, may be called again. Also runs when cordon exits. */
  close(): void;
};

/** Opens a private terminal between the user's and a sandbox. At least one of `streams` must be a terminal. */
export const openTerminal = (streams: Streams, watch?: Watch): TerminalSession => {
  // Where only stderr is a terminal, the keyboard belongs to whatever else runs there.
  const usesKeyboard = streams.stdin || streams.stdout;
  const outer = openOuter(streams.stdin ? 0 : streams.stdout ? 1 : 2, { keepsOutput: !streams.stdout });
  const { master, slave } = openPty(outer.size());
  // At its prompt a shell has modes of its own, which are not for a program in the background.
  if (outer.isForeground()) outer.copyTo(slave);
  const report = openSocketPair();
  const filter = createFilter(watch?.called);
  const screen = createScreen(outer, (bytes) => {
    watch?.shown();
    return filter.push(bytes);
  });
  const keyboard = createKeyboard(outer, master, watch?.typed);
  let reports: ReturnType<typeof openReader> | undefined;
  let isClosed = false;
  /** Set while the command is stopped and waits for cordon to be continued. */
  let resume: (() => void) | undefined;

  const takeKeyboard = (): void => {
    if (!usesKeyboard || outer.isHeld() || !outer.isForeground()) return;
    keyboard.start();
    writeNow(outer.fd, filter.modes.enter());
  };

  const giveKeyboard = (): void => {
    writeNow(outer.fd, filter.modes.leave());
    if (filter.questions() > keyboard.answers()) outer.discardAnswers();
    keyboard.stop();
  };

  const resize = (): void => writeSize(master, outer.size());

  const onContinue = (): void => {
    // A stop that came from outside has left the terminal to the shell, which may have changed it.
    if (outer.isHeld()) keyboard.drop();
    takeKeyboard();
    resize();
    resume?.();
  };

  const onStop = (): void => {
    const group = libc().tcgetpgrp(master);
    if (group > 1) process.kill(-group, "SIGTSTP");
  };

  /** The command has stopped: so does cordon, with its whole pipeline, as a job of the user's shell. */
  const stop = async (): Promise<void> => {
    await screen.settle(master, LINGER_MS);
    if (hasJobControl()) {
      const continued = new Promise<void>((resolve) => {
        resume = resolve;
      });
      giveKeyboard();
      process.kill(0, "SIGSTOP");
      await continued;
      resume = undefined;
    }
    await writeAll(report.near, Buffer.from("continue\n"));
  };

  const foregroundCheck = setInterval(() => resume ?? takeKeyboard(), FOREGROUND_CHECK_MS);
  foregroundCheck.unref();
  process.on("SIGWINCH", resize);
  process.on("SIGCONT", onContinue);
  if (!usesKeyboard) process.on("SIGTSTP", onStop);

  const close = (): void => {
    if (isClosed) return;
    isClosed = true;
    clearInterval(foregroundCheck);
    process.off("SIGWINCH", resize);
    process.off("SIGCONT", onContinue);
    process.off("SIGTSTP", onStop);
    process.off("exit", close);
    giveKeyboard();
    screen.close();
    cancelReader(reports);
    outer.close();
    for (const fd of [master, report.near]) closeQuietly(fd);
  };
  process.on("exit", close);
  takeKeyboard();

  const finish = async (exit: Promise<Exit>, output: Promise<void>): Promise<Exit> => {
    const ended = await exit;
    await Promise.race([output, screen.untilQuiet(LINGER_MS)]);
    close();
    return ended;
  };

  const spawn: TerminalSession["spawn"] = (file, args, { env, cwd, extraFds }) => {
    const real = (fd: number, isTerminal: boolean) => (isTerminal ? slave : fd);
    const outputs = [real(1, streams.stdout), real(2, streams.stderr)];
    const stdio = [slave, ...outputs, report.far, real(0, streams.stdin), ...extraFds].map(copyAbove);
    try {
      // The type knows three descriptors only.
      const child = Bun.spawn([file, ...args], {
        env,
        cwd,
        detached: true,
        stdio: stdio as unknown as [number, number, number],
      });
      const exit = child.exited.then(
        (): Exit => ({ code: child.exitCode, signal: child.signalCode as NodeJS.Signals | null }),
      );
      reports = openReader(report.near);
      void readAll(reports, stop);
      return { pid: child.pid, exited: finish(exit, screen.show(master)) };
    } catch (error) {
      close();
      throw error;
    } finally {
      for (const fd of [slave, report.far, ...stdio]) closeSync(fd);
    }
  };
  return { spawn, close };
};
