import { expect, test } from "bun:test";
import path from "node:path";

const source = path.join(import.meta.dirname, "../../src/cli/ask.ts");
const script = `
console.log("ready"); await Bun.sleep(300);
const { askOnTerminal } = await import(${JSON.stringify(source)});
console.log("answer:" + askOnTerminal("Trust?"));`;

/** What the question answers when some keys were pressed before it stood there and others after it. */
const answer = async (before: string, after: string): Promise<string> => {
  let seen = "";
  let asked = false;
  const terminal = {
    data(pty: Bun.Terminal, bytes: Uint8Array) {
      seen += new TextDecoder().decode(bytes);
      if (before !== "" && seen.includes("ready")) {
        pty.write(before);
        before = "";
      }
      if (seen.includes("[y/N]") && !asked) {
        asked = true;
        pty.write(after);
      }
    },
  };
  const child = Bun.spawn([process.execPath, "-e", script], { terminal });
  await child.exited;
  await Bun.sleep(50);
  child.terminal?.close();
  return /answer:(\w+)/.exec(seen)?.[1] ?? seen;
};

test.each([
  ["", "y\n", "true"],
  ["", "Yes\n", "true"],
  ["", "n\n", "false"],
  ["", "\n", "false"],
  ["", "yyy\n", "false"],
  ["", "\u0004", "false"],
  ["y\n", "\n", "false"],
  ["y\ny\n", "n\n", "false"],
  ["y", "\n", "false"],
  ["n\n", "y\n", "true"],
])(
  "%j before the question and %j after it is %s",
  async (before, after, expected) => {
    expect(await answer(before, after)).toBe(expected);
  },
  20_000,
);
