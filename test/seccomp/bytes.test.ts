import { describe, expect, test } from "bun:test";
import { compileSeccomp, type SeccompArch, seccompRules } from "../../src/backends/seccomp.ts";
import { readSyscallNumbers } from "./headers.ts";
import { readReference, references } from "./reference.ts";
import { decode, disassemble, simulate } from "./simulator.ts";
import { byArguments, byRootGroup, liftedByUserns, refusedAlways } from "./verdicts.ts";

const ARCHES: Record<SeccompArch, { native: number; foreign: number[] }> = {
  x64: { native: 0xc000003e, foreign: [0x40000003, 0xc00000b7, 0x3e, 0] },
  arm64: { native: 0xc00000b7, foreign: [0x40000028, 0xc000003e, 0xb7, 0] },
};
/** Calls of old that a newer architecture has only in their form with a directory. */
const LACKING: Record<SeccompArch, string[]> = { x64: [], arm64: ["chmod", "creat", "mknod", "open"] };
/** Newer than the headers of the oldest system that runs these tests; both architectures share the numbers. */
const RECENT = { fchmodat2: 452, open_tree_attr: 467, file_setattr: 469 };

describe.each(references)("filter $file", ({ file, ...options }) => {
  const { arch, allowUserns, groupIsRoot } = options;
  const filter = decode(compileSeccomp(options));
  const { native, foreign } = ARCHES[arch];
  const judge = (nr: number, args: bigint[] = []) => simulate(filter, { arch: native, nr, args });

  test("is the reference disassembly", () => {
    expect(disassemble(filter)).toBe(readReference(file));
  });

  test("is well formed: every path returns, forwards and inside the program", () => {
    expect(filter.length).toBeLessThanOrEqual(4096);
    filter.forEach(({ code, jt, jf }, index) => {
      const isJump = (code & 7) === 5;
      const isReturn = (code & 7) === 6;
      if (isJump) expect(index + 1 + Math.max(jt, jf)).toBeLessThan(filter.length);
      else expect([jt, jf]).toEqual([0, 0]);
      if (!isReturn) expect(index + 1).toBeLessThan(filter.length);
    });
  });

  test("kills foreign architectures, whatever the number", () => {
    for (const other of foreign)
      for (const nr of [0, 1, 20, 500]) expect(simulate(filter, { arch: other, nr })).toBe("KILL");
  });

  test("answers ENOSYS to x32 calls and to calls newer than the rules", () => {
    for (let nr = 0; nr < 600; nr += 1) expect(judge(0x40000000 + nr)).toBe("ENOSYS");
    for (const nr of [470, 512, 547, 0x7fffffff, 0xffffffff]) expect(judge(nr)).toBe("ENOSYS");
  });

  const headers = readSyscallNumbers(arch);
  if ("missing" in headers) {
    test.skip(`verdict of every call: ${headers.missing}`, () => {});
    return;
  }
  const numbers = new Map([...headers.numbers, ...Object.entries(RECENT)]);
  const refusal = (name: string): string => {
    if (allowUserns && liftedByUserns.has(name)) return "ALLOW";
    return Object.keys(refusedAlways).find((errno) => refusedAlways[errno]!.includes(name)) ?? "ALLOW";
  };

  test("gives every call of the kernel header its verdict", () => {
    const plain = [...numbers.keys()].filter((name) => !byArguments.some(([other]) => other === name));
    expect(plain.length).toBeGreaterThan(250);
    const verdicts = (decide: (name: string) => string) => plain.map((name) => `${name} ${decide(name)}`);
    expect(verdicts((name) => judge(numbers.get(name)!))).toEqual(verdicts(refusal));
    expect(verdicts((name) => judge(numbers.get(name)!, Array(6).fill(-1n)))).toEqual(verdicts(refusal));
  });

  test("judges arguments by their low 32 bits", () => {
    const missing = new Set(byArguments.map(([name]) => name).filter((name) => !numbers.has(name)));
    expect([...missing].sort()).toEqual(LACKING[arch]);
    for (const [name, args, strict, withUserns] of byArguments) {
      if (missing.has(name)) continue;
      const verdict = (allowUserns && withUserns) || strict;
      expect(`${name} ${args} ${judge(numbers.get(name)!, args)}`).toBe(`${name} ${args} ${verdict}`);
    }
  });

  test(`${groupIsRoot ? "refuses" : "allows"} the setgid bit in a change of mode`, () => {
    const present = byRootGroup.filter(([name]) => numbers.has(name));
    const verdicts = present.map(([name, args]) => `${name} ${args} ${judge(numbers.get(name)!, args)}`);
    expect(verdicts).toEqual(present.map(([name, args]) => `${name} ${args} ${groupIsRoot ? "EPERM" : "ALLOW"}`));
  });
});

describe("rules", () => {
  test("have a unique name and a reason each, and no call is both refused always and by arguments", () => {
    expect(new Set(seccompRules.map(({ name }) => name)).size).toBe(seccompRules.length);
    for (const { reason } of seccompRules) expect(reason).toMatch(/^\p{Lu}.{20,}\.$/u);
    const always = seccompRules.filter(({ when }) => !when).flatMap(({ syscalls }) => syscalls);
    const sometimes = seccompRules.filter(({ when }) => when).flatMap(({ syscalls }) => syscalls);
    expect(new Set(always).size).toBe(always.length);
    expect(sometimes.filter((name) => always.includes(name))).toEqual([]);
  });

  test("name what the verdict table names", () => {
    const expected = [...Object.values(refusedAlways).flat(), ...byArguments.map(([name]) => name)];
    expect(new Set(seccompRules.flatMap(({ syscalls }) => syscalls as readonly string[]))).toEqual(new Set(expected));
  });
});
