import { afterEach, beforeEach, describe, expect, jest, setDefaultTimeout, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { type AuditEntry, formatEntry, type Happening, openAudit, previousOf } from "../../src/egress/audit.ts";
import { readAudit } from "../../src/egress/audit-reader.ts";
import { tryLock } from "../../src/file-lock.ts";

setDefaultTimeout(60_000);

const source = path.join(import.meta.dirname, "../../src/egress/audit.ts");
const limit = 8 * 1024 * 1024;

let directory: string;
let file: string;
beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "cordon-audit-"));
  file = path.join(directory, "state/audit.jsonl");
});
afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));

const open = (troubles: string[] = []) =>
  openAudit({ file, run: "0a0a0a0a", project: "/a/project", agent: "claude", onTrouble: (it) => troubles.push(it) });
const denied = (host: string, rest: Partial<Happening> = {}): Happening => ({
  ...{ event: "denied", host, port: 443, via: "tcp", reason: "no-rule" },
  ...rest,
});
const entries = (): AuditEntry[] => readAudit(file, {});
const textOf = (name: string): string => fs.readFileSync(name, "latin1");

describe("an entry", () => {
  test("says who, when and what, in a private file that appears with it", () => {
    const audit = open();
    expect(fs.existsSync(path.dirname(file))).toBe(false);
    audit.record({ event: "allowed", host: "a.test", port: 443, via: "proxy", up: 1, down: 2 });
    audit.close();
    const [entry, ...others] = entries();
    expect(others).toEqual([]);
    expect(entry).toMatchObject({ run: "0a0a0a0a", project: "/a/project", agent: "claude", event: "allowed", up: 1 });
    expect(Math.abs(Date.parse(entry!.time) - Date.now())).toBeLessThan(60_000);
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect(fs.statSync(path.dirname(file)).mode & 0o777).toBe(0o700);
  });

  test("holds nothing that could steer a terminal, and is the text that came", () => {
    const hostile = "a\u001b]52;c;Zm9v\u0007\r\n\u009b31m\u202e\u2066\u2028\u0085\u007f\u{1f600}\ud800é";
    const audit = open();
    audit.record(denied(hostile, { reason: hostile, path: hostile, rule: { value: hostile, origin: hostile } }));
    audit.close();
    expect(textOf(file)).toMatch(/^[ -~]+\n$/);
    expect(entries()[0]).toMatchObject({ host: hostile, path: hostile, rule: { value: hostile } });
  });

  test("is shorter than 4 KiB, whatever is in it", () => {
    const long = "\u202e".repeat(5000);
    const rule = { value: long, origin: long };
    const worst = { time: "t", run: long, project: long, agent: long, ...denied(long, { reason: long, rule }) };
    const usual = { ...worst, run: "r", project: `/${"p".repeat(3000)}`, agent: "a", host: "h".repeat(256) };
    for (const entry of [worst, usual]) expect(formatEntry(entry).length).toBeLessThan(4096);
    expect(JSON.parse(formatEntry(usual)).project).toBe(usual.project);
    const audit = open();
    audit.record(denied("x".repeat(100_000)));
    audit.close();
    expect(entries()[0]!.host).toBe("x".repeat(256));
  });
});

describe("what repeats", () => {
  test("is said once, then as a number; what differs is told apart; what is allowed is all there", () => {
    const audit = open();
    for (let i = 0; i < 50; i++) {
      for (const port of [80, 443]) audit.record(denied("a.test", { port }));
      audit.record(denied("a.test", { via: "dns" }));
      audit.record(denied("a.test", { event: "failed" }));
      audit.record({ event: "allowed", host: "b.test", port: 443, via: "tcp" });
    }
    audit.flush();
    expect(entries().filter(({ event }) => event === "allowed").length).toBe(50);
    const others = entries().filter(({ event }) => event !== "allowed");
    expect(others.map(({ count }) => count)).toEqual([...Array(4).fill(undefined), ...Array(4).fill(49)]);
    audit.record(denied("a.test"));
    audit.close();
    expect(entries().at(-1)).toMatchObject({ host: "a.test", port: 443, count: 1 });
  });

  test("so do requests that are allowed: a flood of them leaves what was written before", () => {
    const audit = open();
    const request = (path: string) =>
      audit.record({ event: "allowed", host: "b.test", port: 443, via: "tcp", method: "GET", path });
    for (let i = 0; i < 3000; i++) for (const path of ["/same", `/${i}`]) request(path);
    audit.close();
    const said = entries();
    expect(said.filter(({ path }) => path === "/same").map(({ count }) => count)).toEqual([undefined, 2999]);
    expect(said.length).toBe(1002);
    expect(said.reduce((sum, { count }) => sum + (count ?? 1), 0)).toBe(6000);
  });

  test("is named up to a thousand times, and counted beyond", () => {
    const audit = open();
    const flood = () => {
      for (let i = 0; i < 5000; i++) audit.record(denied(`${i}.test`));
    };
    flood();
    audit.flush();
    expect(entries().length).toBe(1001);
    expect(entries().at(-1)).toMatchObject({ event: "denied", host: "*", count: 4000 });
    // Forgotten after a quiet time.
    audit.flush();
    flood();
    audit.close();
    expect(entries().filter(({ host }) => host === "4999.test").length).toBe(0);
    expect(entries().filter(({ host }) => host === "0.test").length).toBe(2);
    expect(entries().reduce((sum, { count }) => sum + (count ?? 1), 0)).toBe(10_000);
  });

  test("comes to the file after 250 ms, the number after 10 s", () => {
    jest.useFakeTimers();
    try {
      const audit = open();
      audit.record(denied("a.test"));
      audit.record(denied("a.test"));
      expect(fs.existsSync(file)).toBe(false);
      jest.advanceTimersByTime(250);
      expect(entries().length).toBe(1);
      jest.advanceTimersByTime(9_000);
      expect(entries().length).toBe(1);
      jest.advanceTimersByTime(1_250);
      expect(entries().map(({ count }) => count)).toEqual([undefined, 1]);
      audit.close();
    } finally {
      jest.useRealTimers();
    }
  });
});

describe("the file", () => {
  const fill = (bytes: number) => {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    const line = formatEntry({
      time: "t",
      run: "old",
      project: "/old",
      agent: "a",
      event: "allowed",
      host: "old.test",
    });
    fs.writeFileSync(file, line.repeat(Math.ceil(bytes / line.length)), { mode: 0o644 });
  };

  test("is bounded: a full one makes way, and one generation stays", () => {
    fill(limit);
    const full = textOf(file);
    const audit = open();
    audit.record(denied("a.test"));
    audit.flush();
    expect(textOf(previousOf(file))).toBe(full);
    expect(entries().at(-1)!.host).toBe("a.test");
    expect(textOf(file).split("\n").length).toBe(2);
    audit.record(denied("b.test"));
    audit.close();
    expect(textOf(file).split("\n").length).toBe(3);
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect(fs.readdirSync(path.dirname(file)).sort()).toEqual(["audit.jsonl", "audit.jsonl.1"]);
  });

  test("is left alone while another run renames it", () => {
    fill(limit);
    const holder = fs.openSync(file, "r");
    expect(tryLock(holder)).toBe(true);
    const audit = open();
    audit.record(denied("a.test"));
    audit.flush();
    expect(fs.existsSync(previousOf(file))).toBe(false);
    fs.closeSync(holder);
    audit.record(denied("b.test"));
    audit.close();
    expect(fs.existsSync(previousOf(file))).toBe(true);
    expect(
      entries()
        .slice(-2)
        .map(({ host }) => host),
    ).toEqual(["a.test", "b.test"]);
  });

  test("loses nothing when runs beside each other fill it", async () => {
    fill(limit - 40_000);
    const script = `
const { openAudit } = await import(${JSON.stringify(source)});
const audit = openAudit({ file: process.argv[1], run: process.argv[2], project: "/p", agent: "a" });
for (let i = 0; i < 300; i++) { audit.record({ event: "allowed", host: i + ".test" }); audit.flush(); }
audit.close();`;
    const runs = ["r1", "r2", "r3", "r4"];
    const codes = runs.map(
      (run) =>
        new Promise((resolve) =>
          spawn(process.execPath, ["-e", script, file, run]).on("exit", (code) => resolve(code)),
        ),
    );
    expect(await Promise.all(codes)).toEqual([0, 0, 0, 0]);
    expect(fs.existsSync(previousOf(file))).toBe(true);
    for (const run of runs) {
      const hosts = entries().flatMap((entry) => (entry.run === run ? [entry.host] : []));
      expect(hosts).toEqual(Array.from({ length: 300 }, (_, index) => `${index}.test`));
    }
  });

  test.each([
    ["a pipe", () => spawnSync("mkfifo", [file])],
    ["a link", () => fs.symlinkSync("/dev/null", file)],
    ["a directory", () => fs.mkdirSync(file)],
  ])("that is %s costs entries and one complaint, nothing else", (_, make) => {
    fs.mkdirSync(path.dirname(file));
    make();
    const troubles: string[] = [];
    const audit = open(troubles);
    for (const host of ["a.test", "b.test"]) {
      audit.record(denied(host));
      audit.flush();
    }
    audit.close();
    expect(troubles.length).toBe(1);
    expect(troubles[0]).toContain(file);
  });

  test("on a full disk loses what does not fit, and goes on when there is room", () => {
    const script = `
const fs = require("node:fs");
const { openAudit } = await import(${JSON.stringify(source)});
const { readAudit } = await import(${JSON.stringify(path.join(path.dirname(source), "audit-reader.ts"))});
const troubles = [], file = "/mnt/audit.jsonl";
const audit = openAudit({ file, run: "r", project: "/p", agent: "a", onTrouble: (it) => troubles.push(it) });
fs.writeFileSync("/mnt/filler", "x".repeat(100_000));
for (let i = 0; i < 1000; i++) { audit.record({ event: "allowed", host: i + ".test" }); audit.flush(); }
fs.rmSync("/mnt/filler");
audit.record({ event: "allowed", host: "late.test" });
audit.close();
const hosts = readAudit(file, {}).map(({ host }) => host);
console.log(JSON.stringify({ troubles: troubles.length, first: hosts[0], count: hosts.length, last: hosts.at(-1) }));`;
    const around = ["--bind", "/", "/", "--dev", "/dev", "--size", "131072", "--tmpfs", "/mnt"];
    const done = spawnSync("bwrap", [...around, process.execPath, "-e", script], { encoding: "utf8" });
    const { count, ...rest } = JSON.parse(done.stdout || done.stderr);
    expect(rest).toEqual({ troubles: 1, first: "0.test", last: "late.test" });
    expect(count).toBeGreaterThan(10);
    expect(count).toBeLessThan(1000);
  });
});
