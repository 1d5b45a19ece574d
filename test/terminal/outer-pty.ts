import { closeSync, mkdtempSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPty, type Size, writeSize } from "../../src/terminal/libc.ts";

const HANG_MS = 30_000;
const KEPT = 4096;

/** What a user has before him: a terminal with an interactive shell, typed at and read by a test. */
export type OuterPty = {
  type(text: string): void;
  /** Waits for `pattern` in what has come since the last match, and gives the match; fails loudly when it does not come. */
  see(pattern: RegExp): Promise<RegExpExecArray>;
  /** All output so far. */
  output(): string;
  resize(size: Size): void;
  /** Stops or goes on reading what the terminal gets, as a terminal that is stuck. */
  stall(isStalled: boolean): void;
  /** From here on only the last bytes are kept, for floods; `received` counts all. */
  forget(): void;
  received(): number;
  home: string;
  close(): Promise<void>;
};

const driver = join(import.meta.dir, "driver.ts");

/** Starts `shell` (with job control) on a new terminal; `$cordon` runs the driver, the prompt is `$?> `. */
export const openOuterPty = (shell = ["bash", "--norc", "--noprofile", "-i"]): OuterPty => {
  const { master, slave } = openPty({ cols: 90, rows: 30 });
  const home = mkdtempSync(join(tmpdir(), "outer-pty-"));
  // Readline's own sequences would stand between what the tests look for.
  writeFileSync(join(home, "inputrc"), "set enable-bracketed-paste off\n");
  const child = Bun.spawn(["setsid", "-c", ...shell], {
    stdio: [slave, slave, slave],
    cwd: home,
    env: {
      HOME: home,
      PATH: process.env["PATH"] ?? "",
      TERM: "xterm",
      INPUTRC: join(home, "inputrc"),
      PS1: "$?> ",
      cordon: `${process.execPath} ${driver}`,
    },
  });
  closeSync(slave);
  let all = "";
  let seen = 0;
  let isStalled = false;
  let isForgetful = false;
  let received = 0;
  const decoder = new TextDecoder();
  const reading = (async () => {
    try {
      for await (const chunk of Bun.file(master).stream()) {
        while (isStalled) await Bun.sleep(5);
        received += chunk.length;
        if (isForgetful) {
          all = (all + decoder.decode(chunk.slice(-KEPT))).slice(-KEPT);
          seen = 0;
        } else all += decoder.decode(chunk, { stream: true });
      }
    } catch {}
  })();

  const see = async (pattern: RegExp): Promise<RegExpExecArray> => {
    const deadline = performance.now() + HANG_MS;
    for (;;) {
      const match = pattern.exec(all.slice(seen));
      if (match) {
        seen += match.index + match[0].length;
        return match;
      }
      if (performance.now() > deadline)
        throw new Error(`${pattern} did not come; output: ${JSON.stringify(all.slice(seen))}`);
      await Bun.sleep(5);
    }
  };

  const close = async (): Promise<void> => {
    isStalled = false;
    child.kill("SIGHUP");
    await Promise.race([child.exited, Bun.sleep(2000)]);
    child.kill("SIGKILL");
    await Promise.race([reading, Bun.sleep(2000)]);
    closeSync(master);
    rmSync(home, { recursive: true, force: true });
  };

  return {
    type: (text) => void writeSync(master, text),
    see,
    output: () => all,
    resize: (size) => writeSize(master, size),
    stall: (value) => {
      isStalled = value;
    },
    forget: () => {
      isForgetful = true;
    },
    received: () => received,
    home,
    close,
  };
};
