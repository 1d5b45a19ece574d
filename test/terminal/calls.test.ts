import { expect, test } from "bun:test";
import { createFilter } from "../../src/terminal/filter.ts";

const callsOf = (parts: string[]): string[] => {
  const calls: string[] = [];
  const filter = createFilter((by) => calls.push(by));
  for (const part of parts) filter.push(Buffer.from(part, "latin1"));
  return calls;
};

const calls: Record<string, [text: string, by: string[]]> = {
  "a bell": ["x\x07y", ["bell"]],
  "a bell alone": ["\x07", ["bell"]],
  "the end of a title": ["\x1b]0;title\x07", []],
  "iTerm's": ["\x1b]9;look here\x07", ["notification"]],
  "urxvt's": ["\x1b]777;notify;title;body\x1b\\", ["notification"]],
  "kitty's": ["\x1b]99;i=1:d=0;hello\x1b\\", ["notification"]],
  "kitty's body": ["\x1b]99;i=1:p=body;hello\x1b\\", ["notification"]],
  "kitty's question": ["\x1b]99;i=1:p=?;\x1b\\", []],
  "kitty's closing": ["\x1b]99;i=1:p=close;\x1b\\", []],
  "a progress bar": ["\x1b]9;4;1;50\x07", []],
  "a command for ConEmu, which is dropped": ["\x1b]9;7;run\x07", []],
  "one that is too long, which is dropped": [`\x1b]9;${"x".repeat(3000)}\x07`, []],
  "drawing, links and colours": ["\x1b[2J\x1b[1mx\x1b]8;;https://a.example/\x07y\x1b]8;;\x07\x1b]11;?\x07", []],
};

test.each(Object.entries(calls))("%s", (_, [text, by]) => {
  expect(callsOf([text])).toEqual(by);
  expect(callsOf([...text])).toEqual(by);
});
