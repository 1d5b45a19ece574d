import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type OuterPty, openOuterPty } from "./outer-pty.ts";

setDefaultTimeout(60_000);
let outer: OuterPty;
beforeEach(async () => {
  outer = openOuterPty();
  await outer.see(/0> $/);
});
afterEach(() => outer.close());

const sttyOf = async (): Promise<string> => {
  outer.type("stty -a | tr '\\n' ' '; echo; echo '==' \r");
  return (await outer.see(/(speed [^\r]*)\r\n==/))[1]!;
};

const CTRL_C = "\x03";
const CTRL_Z = "\x1a";
const COUNTER = `trap 'echo "<INT>"' INT; trap 'echo "<WINCH $(stty size)>"' WINCH; echo "<ready>"; while :; do sleep 0.05; done`;

test("the inner terminal is a controlling one and has the outer size", async () => {
  outer.type(`$cordon sh -c 'stty size; tty -s && echo yes-tty; : </dev/tty && echo has-ctty'\r`);
  await outer.see(/30 90\r\nyes-tty\r\nhas-ctty\r\n0> /);
});

test("the command holds its three streams and nothing of cordon's", async () => {
  const probe = 'for n in 0 2 3 4 5 6 7 8 9; do (: <&$n) 2>/dev/null && echo "open-$n"; done; echo "<end>"';
  outer.type(`$cordon sh -c '${probe}' </dev/null\r`);
  await outer.see(/\nopen-0\r\nopen-2\r\n<end>\r/);
});

test("a resize reaches the command as one signal and a new size", async () => {
  outer.type(`$cordon sh -c '${COUNTER.replaceAll("'", `'\\''`)}'\r`);
  await outer.see(/<ready>\r/);
  outer.resize({ cols: 101, rows: 41 });
  await outer.see(/<WINCH 41 101>/);
});

test("^C arrives exactly once each time and only at the command", async () => {
  outer.type(`$cordon sh -c '${COUNTER.replaceAll("'", `'\\''`)}'\r`);
  await outer.see(/<ready>\r/);
  for (let count = 1; count <= 3; count++) {
    outer.type(CTRL_C);
    await outer.see(/<INT>\r/);
    await Bun.sleep(200);
    expect(outer.output().match(/<INT>\r/g)?.length).toBe(count);
  }
  outer.type("\x1c");
  await outer.see(/131> /);
});

test("a command in raw mode reads ^C and ^Z as bytes", async () => {
  outer.type(`$cordon sh -c 'stty raw -echo; echo "<ready>"; head -c2 | od -An -tx1; stty sane'\r`);
  await outer.see(/<ready>\n/);
  outer.type(CTRL_C + CTRL_Z);
  await outer.see(/03 1a/);
  await outer.see(/0> /);
});

for (const code of [0, 1, 42, 127]) {
  test(`exit code ${code}`, async () => {
    outer.type(`$cordon sh -c 'exit ${code}'\r`);
    await outer.see(new RegExp(`\n${code}> `));
  });
}

test("death by a signal is 128 + its number, a missing command 127", async () => {
  outer.type("$cordon sh -c 'kill -KILL $$'\r");
  await outer.see(/\n137> /);
  outer.type("$cordon sh -c 'kill -TERM $$'\r");
  await outer.see(/\n143> /);
  outer.type("$cordon no-such-command\r");
  await outer.see(/not found\r\n127> /);
  outer.type("$cordon /dev/null\r");
  await outer.see(/\n126> /);
});

test("the terminal's modes are the same after the command was killed in raw mode", async () => {
  const before = await sttyOf();
  outer.type(`$cordon sh -c 'stty raw -echo; printf "\\033[?1049h\\033[?1003h\\033[?25l"; kill -KILL $$'\r`);
  await outer.see(/\n?137> /);
  expect(await sttyOf()).toBe(before);
  const text = outer.output();
  expect(text).toContain("\x1b[?1003l\x1b[?25h");
  expect(text.lastIndexOf("\x1b[?1049l")).toBeGreaterThan(text.lastIndexOf("\x1b[?1049h"));
});

test("the terminal's modes are restored when cordon itself fails", async () => {
  const before = await sttyOf();
  outer.type(`DRIVER_FAILS=1 $cordon sh -c 'printf "\\033[?2004h"; sleep 20'\r`);
  await outer.see(/driver failed/);
  await outer.see(/1> $/);
  expect(await sttyOf()).toBe(before);
  expect(outer.output()).toContain("\x1b[?2004l");
});

test("an ordinary program causes no byte that it did not write", async () => {
  outer.type(
    `$cordon printf 'a\\033[1mb\\033[0mc\\n' | od -An -c | head -0; $cordon printf '<a\\033[1mb\\033[0mc>\\n'\r`,
  );
  await outer.see(/\n<a\x1b\[1mb\x1b\[0mc>\r\n0> /);
});

test("the clipboard cannot be written from inside", async () => {
  outer.type(`$cordon printf '<\\033]52;c;ZXZpbA==\\007>\\n'\r`);
  await outer.see(/\n<>\r\n/);
  expect(outer.output().split("0> ").at(-1)).not.toContain("\x1b]52");
});

test("the answer to a question of a dead command is not typed at the shell", async () => {
  outer.type(`$cordon sh -c 'stty -echo raw; printf "\\033[c"'\r`);
  await outer.see(/\x1b\[c/);
  await outer.see(/\x1b\[5n/);
  outer.type("\x1b[?62;1c\x1b[0n");
  await outer.see(/0> /);
  outer.type("echo rest-$((1+1))\r");
  await outer.see(/rest-2\r\n0> /);
  expect(outer.output()).not.toContain("62;1c");
});

test("standard input that is no terminal is passed on byte by byte", async () => {
  const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 7 + (index >> 8)) & 255));
  writeFileSync(join(outer.home, "in"), bytes);
  outer.type("$cordon cat <in >out; echo done-$?\r");
  await outer.see(/done-0/);
  expect(readFileSync(join(outer.home, "out")).equals(bytes)).toBeTrue();
  outer.type("$cordon cksum <in; cat in | $cordon cksum; cksum <in\r");
  const sums = await outer.see(/(\d+ 100000)\r\n(\d+ 100000)\r\n(\d+ 100000)\r\n/);
  expect(new Set(sums.slice(1)).size).toBe(1);
});

test("standard output and standard error that are no terminals are kept apart", async () => {
  outer.type(
    `$cordon sh -c 'printf "a\\nb\\n"; echo problem >&2; test -t 0 && test ! -t 1 && test -t 2' >out; echo code-$?\r`,
  );
  await outer.see(/problem\r/);
  await outer.see(/code-0/);
  expect(readFileSync(join(outer.home, "out"), "latin1")).toBe("a\nb\n");
  outer.type(`$cordon sh -c 'echo shown; echo problem >&2; test -t 1 && test ! -t 2' 2>err; echo code-$?\r`);
  await outer.see(/shown\r/);
  await outer.see(/code-0/);
  expect(readFileSync(join(outer.home, "err"), "latin1")).toBe("problem\n");
  outer.type(`$cordon sh -c 'echo one; echo two' | tee copy\r`);
  await outer.see(/\none\r\ntwo\r\n/);
});

test("^C and ^Z work where standard output is a pipe", async () => {
  outer.type(`$cordon sh -c '${COUNTER.replaceAll("'", `'\\''`)}' | cat\r`);
  await outer.see(/<ready>\r/);
  outer.type(CTRL_C);
  await outer.see(/<INT>\r/);
  outer.type(CTRL_Z);
  await outer.see(/Stopped/);
  outer.type("fg\r");
  await Bun.sleep(300);
  outer.type(CTRL_C);
  await outer.see(/<INT>\r/);
  outer.type("\x1c");
  await outer.see(/> $/);
});

test("where only standard error is a terminal, the keyboard is left alone and ^Z stops the command", async () => {
  const before = await sttyOf();
  outer.type(`$cordon sh -c 'echo "<ready>" >&2; read line; echo "<$line>" >&2' <fifo >out\r`);
  await outer.see(/No such file/);
  outer.type(
    `mkfifo fifo; exec 8<>fifo; $cordon sh -c 'echo "<ready>" >&2; read line; echo "<$line>" >&2' <fifo >out\r`,
  );
  await outer.see(/\n<ready>\r/);
  outer.type(CTRL_Z);
  await outer.see(/Stopped/);
  expect(await sttyOf()).toBe(before);
  outer.type("echo hello >&8; fg\r");
  await outer.see(/\n<hello>\r\n0> /);
});

test("a terminal that is stuck makes the command wait, not cordon grow", async () => {
  const size = 20_000_000;
  outer.forget();
  outer.type(`$cordon sh -c 'head -c ${size} /dev/zero; echo "<end>" >&2' 2>end; echo done-$?\r`);
  await outer.see(/\0{100}/);
  outer.stall(true);
  await Bun.sleep(1500);
  expect(readFileSync(join(outer.home, "end"), "latin1")).toBe("");
  outer.stall(false);
  await outer.see(/done-0/);
  expect(outer.received()).toBeGreaterThan(size);
});

test("a flood of output leaves memory bounded", async () => {
  outer.forget();
  outer.type(`DRIVER_RSS=rss $cordon head -c 400000000 /dev/zero; echo done-$?\r`);
  await outer.see(/done-0/);
  expect(Number(readFileSync(join(outer.home, "rss"), "utf8"))).toBeLessThan(300 * 1024);
});
