import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { type OuterPty, openOuterPty } from "./outer-pty.ts";

setDefaultTimeout(60_000);
let outer: OuterPty;
afterEach(() => outer.close());

const has = (program: string): boolean => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
const CTRL_Z = "\x1a";

const outerShells = [
  ["bash", "--norc", "--noprofile", "-i"],
  ["dash", "-i"],
].filter(([name]) => has(name!));
const supervisors = ["sh", "dash", "bash", "bash --posix", "busybox sh"].filter((name) => has(name.split(" ")[0]!));

for (const shell of outerShells) {
  describe(`outer shell ${shell[0]}`, () => {
    for (const supervisor of supervisors) {
      test(`^Z, fg, self-stops and the exit code, supervised by ${supervisor}`, async () => {
        outer = openOuterPty(shell);
        await outer.see(/> $/);
        outer.type(`export SUPERVISOR_SHELL='${supervisor}'\r`);
        outer.type(
          `$cordon sh -c 'echo "<one>"; kill -STOP $$; echo "<two>"; kill -TSTP $$; echo "<three>"; read line; echo "<$line>"; exit 42'\r`,
        );
        await outer.see(/<one>\r/);
        for (const next of [/<two>\r/, /<three>\r/]) {
          await outer.see(/Stopped/);
          outer.type("echo at-$((3+4))\r");
          await outer.see(/at-7/);
          outer.type("fg\r");
          await outer.see(next);
        }
        outer.type(CTRL_Z);
        await outer.see(/Stopped/);
        outer.type("fg\r");
        await Bun.sleep(300);
        outer.type("typed\r");
        await outer.see(/<typed>\r/);
        await outer.see(/\n42> $/);
        expect(outer.output()).not.toContain('"$@"');
      });
    }
  });
}

test("a stopped full-screen program gives the screen back and gets it again", async () => {
  outer = openOuterPty();
  await outer.see(/0> $/);
  outer.type(
    `$cordon sh -c 'stty raw -echo; printf "\\033[?1049h\\033[?25l<ready>"; kill -STOP $$; printf "<back>"; stty sane; printf "\\033[?25h\\033[?1049l"'\r`,
  );
  await outer.see(/<ready>\x1b\[\?25h\x1b\[\?1049l/);
  await outer.see(/Stopped/);
  outer.resize({ cols: 66, rows: 22 });
  outer.type("stty | head -1; fg\r");
  await outer.see(/\x1b\[\?1049h\x1b\[\?25l/);
  await outer.see(/<back>/);
  await outer.see(/\n?0> /);
});

test("in the background the command goes on, and fg gives it the keyboard", async () => {
  outer = openOuterPty();
  await outer.see(/0> $/);
  outer.type(`$cordon sh -c 'echo "<ready>"; kill -STOP $$; echo "<running>"; read line; echo "<$line>"'\r`);
  await outer.see(/Stopped/);
  outer.type("bg\r");
  await outer.see(/<running>/);
  outer.type("echo at-$((3+4))\r");
  await outer.see(/at-7/);
  outer.type("fg\r");
  await Bun.sleep(800);
  outer.type("typed\r");
  await outer.see(/<typed>\r/);
});

test("without a shell to continue it, a stop is undone at once", async () => {
  // `setsid` gives the driver a session of its own, as a service or a container's first process has.
  outer = openOuterPty(["sh", "-c", `exec $cordon sh -c 'echo "<one>"; kill -STOP $$; echo "<two>"; sleep 1'`]);
  await outer.see(/<one>\r\n<two>\r/);
});
