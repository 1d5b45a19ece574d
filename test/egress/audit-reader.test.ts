import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { type AuditEntry, formatEntry, previousOf } from "../../src/egress/audit.ts";
import { followAudit, readAudit } from "../../src/egress/audit-reader.ts";

setDefaultTimeout(60_000);

let directory: string;
let file: string;
beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "cordon-audit-"));
  file = path.join(directory, "audit.jsonl");
});
afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));

const line = (host: string, rest: Partial<AuditEntry> = {}): string =>
  formatEntry({ time: "t", run: "r", project: "/p", agent: "a", event: "denied", host, ...rest });
const hostsOf = (entries: AuditEntry[]): string[] => entries.map(({ host }) => host);

test("both generations are read, oldest first, and what is no entry is passed over", () => {
  expect(readAudit(file, {})).toEqual([]);
  fs.writeFileSync(previousOf(file), `${line("a.test")}nonsense\nnull\n[]\n{}\n\n{"host":1}\n${line("b.test")}`);
  expect(hostsOf(readAudit(file, {}))).toEqual(["a.test", "b.test"]);
  const other = [
    '"event":"exploded"',
    '"event":"denied","reason":5',
    '"event":"denied","rule":{}',
    '"event":"denied","port":"x"',
  ]
    .map((part) => line("x.test").replace('"event":"denied"', part))
    .join("");
  fs.writeFileSync(file, `${Buffer.alloc(3_000_000, 0xff).toString("latin1")}\n${other}${line("c.test")}{"time":"t"`);
  expect(hostsOf(readAudit(file, {}))).toEqual(["a.test", "b.test", "c.test"]);
});

test("what is asked for is chosen before it is counted", () => {
  const lines = [
    line("a.test", { project: "/p/inner" }),
    line("b.test"),
    line("c.test", { project: "/pp" }),
    line("d.test", { event: "allowed" }),
    line("e.test"),
  ];
  fs.writeFileSync(file, lines.join(""));
  expect(hostsOf(readAudit(file, { within: "/p" }))).toEqual(["b.test", "d.test", "e.test"]);
  expect(hostsOf(readAudit(file, { within: "/p/inner" }))).toEqual(["a.test", "b.test", "d.test", "e.test"]);
  expect(hostsOf(readAudit(file, { within: "/p", onlyDenied: true }))).toEqual(["b.test", "e.test"]);
  expect(hostsOf(readAudit(file, { within: "/p", onlyDenied: true, last: 1 }))).toEqual(["e.test"]);
  expect(readAudit(file, { last: 0 })).toEqual([]);
});

test("following shows what is there, then what comes: a new file, a half line, another file, an emptied one", async () => {
  const seen: string[] = [];
  const steps: [expected: number, act: () => void][] = [
    [0, () => fs.writeFileSync(file, line("a.test"))],
    [1, () => fs.appendFileSync(file, line("b.test").slice(0, 20))],
    [1, () => fs.appendFileSync(file, line("b.test").slice(20))],
    [
      2,
      () => {
        fs.appendFileSync(file, line("c.test"));
        fs.renameSync(file, previousOf(file));
        fs.writeFileSync(file, line("d.test"));
      },
    ],
    [4, () => fs.writeFileSync(file, "")],
    [4, () => fs.appendFileSync(file, line("e.test"))],
  ];
  // Asked after each look, so every step stands between two of them.
  await followAudit(
    file,
    {},
    ({ host }) => seen.push(host),
    () => {
      const [next] = steps;
      if (next && next[0] === seen.length) steps.shift()![1]();
      return seen.length < 5;
    },
  );
  expect(seen).toEqual(["a.test", "b.test", "c.test", "d.test", "e.test"]);
});
