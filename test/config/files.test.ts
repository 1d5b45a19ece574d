import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { readDotenv } from "../../src/config/dotenv.ts";
import { largestFile, readSmallFile } from "../../src/config/file.ts";

let directory: string;
beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "cordon-files-"));
});
afterEach(() => fs.rmSync(directory, { recursive: true }));

const strict = { label: "the file", followLinks: false };

describe("reading a small file", () => {
  const target = () => path.join(directory, "file");

  test("its bytes, or nothing when it is missing", () => {
    expect(readSmallFile(target(), strict)).toBeUndefined();
    fs.writeFileSync(target(), "a\0b");
    expect(readSmallFile(target(), strict)).toEqual(new TextEncoder().encode("a\0b"));
    expect(readSmallFile(path.join(target(), "below"), strict)).toBeUndefined();
  });

  test("a link is refused, and followed only for the user's own file", () => {
    fs.writeFileSync(path.join(directory, "real"), "x");
    fs.symlinkSync("real", target());
    expect(() => readSmallFile(target(), strict)).toThrow("the file: it is a symbolic link");
    expect(readSmallFile(target(), { ...strict, followLinks: true })?.length).toBe(1);
  });

  test("a dangling link is no missing file", () => {
    fs.symlinkSync("nowhere", target());
    expect(() => readSmallFile(target(), strict)).toThrow("symbolic link");
  });

  test("a directory and a device are refused", () => {
    expect(() => readSmallFile(directory, strict)).toThrow("not a regular file");
    expect(() => readSmallFile("/dev/zero", strict)).toThrow("not a regular file");
  });

  test("a FIFO is refused at once; in a process of its own, because waiting for one stops a test as well", () => {
    expect(spawnSync("mkfifo", [target()]).status).toBe(0);
    const source = path.join(import.meta.dirname, "../../src/config/load.ts");
    const script = `const { readProjectFile } = await import(${JSON.stringify(source)});
      await readProjectFile({ project: process.argv[1] }).catch((error) => console.log(error.code, error.message));`;
    fs.renameSync(target(), path.join(directory, ".cordon.toml"));
    const child = spawnSync(process.execPath, ["-e", script, directory], { encoding: "utf8", timeout: 10_000 });
    expect(child.stdout).toBe(
      "E_CONFIG_UNREADABLE cannot read project config .cordon.toml: it is not a regular file\n",
    );
  }, 20_000);

  test("256 KiB and not one byte more", () => {
    fs.writeFileSync(target(), new Uint8Array(largestFile));
    expect(readSmallFile(target(), strict)?.length).toBe(largestFile);
    fs.appendFileSync(target(), "x");
    expect(() => readSmallFile(target(), strict)).toThrow("larger than 256 KiB");
  });

  test("no descriptor stays open", () => {
    fs.writeFileSync(target(), new Uint8Array(largestFile + 1));
    const open = () => fs.readdirSync("/proc/self/fd").length;
    const before = open();
    for (let round = 0; round < 20; round++) expect(() => readSmallFile(target(), strict)).toThrow();
    expect(open()).toBeLessThanOrEqual(before);
  });
});

describe("reading NAME=VALUE lines", () => {
  const read = (text: string, names?: string[]): Record<string, unknown> => {
    const { variables, oddLines } = readDotenv(new TextEncoder().encode(text), names);
    return { ...Object.fromEntries(variables), ...(oddLines.length && { oddLines }) };
  };
  const table: [string, object][] = [
    ["A=1\nB=two words\n", { A: "1", B: "two words" }],
    ["export A=1 # comment\n# B=2\n\n", { A: "1" }],
    ["A='$HOME `id` \\n' # x", { A: "$HOME `id` \\n" }],
    ['A="x\\ny \\"q\\" \\\\ \\$B $C"', { A: 'x\ny "q" \\ $B $C' }],
    ['A="one\ntwo"\nB=3', { A: "one\ntwo", B: "3" }],
    ["A=\nB=''\nC= # none", { A: "", B: "", C: "" }],
    ["A=1\r\nB=2\r\n", { A: "1", B: "2" }],
    ["A=https://x/#y", { A: "https://x/#y" }],
    ["A=x=y", { A: "x=y" }],
    ["  A = 1 ", { A: "1" }],
    ["A=1\nA=2", { A: "2" }],
    ["A=1\nnonsense\nB C=2\n", { A: "1", oddLines: [2, 3] }],
    ['A="open\nB=2', { B: "2", oddLines: [1] }],
    ["A=1\0", {}],
  ];
  test.each(table)("%j", (text, expected) => {
    expect(read(text)).toEqual(expected as never);
  });

  test("only the wanted names", () => {
    expect(read("A=1\nLD_PRELOAD=x\nNODE_OPTIONS=y", ["A", "MISSING"])).toEqual({ A: "1" });
    expect(read("A=1", [])).toEqual({});
  });

  test("a large hostile file ends", () => {
    const hostile = [
      'A="'.repeat(80_000),
      "A=\\".repeat(80_000),
      `A=${" ".repeat(200_000)}x`,
      `${" ".repeat(200_000)}`,
    ];
    for (const text of hostile) read(text);
  }, 20_000);
});
