import { afterAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { findSyscall, type SyscallName } from "../../src/backends/seccomp/numbers.ts";
import { compileSeccomp, type SeccompArch, seccompRules } from "../../src/backends/seccomp.ts";
import { buildI386Program } from "./machine-code.ts";
import { type Probe, probes, rootGroupProbes, visibleToRoot } from "./probes.ts";
import { createScratch, findObstacle, identities, isRoot, removeScratch, runSandboxed } from "./sandbox.ts";

const arch = process.arch as SeccompArch;
const filter = compileSeccomp({ arch, allowUserns: false });
const ISOLATED = ["--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-ipc", "--cap-add", "ALL"];
const KILLED_BY_SIGSYS = 128 + constants.signals.SIGSYS;

// With all capabilities of its own user namespace, and for root also of the machine: nothing else stands before the filter.
// (As another uid than 0, bwrap would put the command into a second user namespace, which owns none of the others.)
const places = [
  ...identities.map(({ who, prefix }) => ({
    place: `${who}, own user namespace`,
    prefix,
    user: ["--unshare-user", "--uid", "0", "--gid", "0"],
  })),
  ...(isRoot ? [{ place: "root, the machine's user namespace", prefix: [], user: [] as string[] }] : []),
];

type Numbered = Probe & { number: number };
const number = (list: Probe[]) =>
  list
    .map((probe) => ({ ...probe, number: findSyscall(arch, probe.name as SyscallName) }))
    .filter((probe): probe is Numbered => probe.number !== null);
const present = number(probes);
const presentForRootGroup = number(rootGroupProbes);
const describeProbe = ({ name, args }: Probe) => `${name}(${args.map((value) => `${value}`).join(", ")})`;
const wantedOf = (list: Probe[]) => list.map(({ errno }) => -constants.errno[errno as keyof typeof constants.errno]);
const wanted = wantedOf(present);

const obstacle = findObstacle();
describe.skipIf(obstacle !== undefined)(`real calls under the filter${obstacle ? `: ${obstacle}` : ""}`, () => {
  const scratch = obstacle ? "" : createScratch(["probe.ts", "machine-code.ts"]);
  afterAll(() => removeScratch(scratch));
  const run = (place: (typeof places)[number], program: Uint8Array | undefined, command: string[]) =>
    runSandboxed({ scratch, prefix: place.prefix, filter: program, options: [...ISOLATED, ...place.user], command });
  const probe = (place: (typeof places)[number], program?: Uint8Array, list = present): number[] => {
    const calls = JSON.stringify(list.map(({ number, args }) => [number, ...args].map(String)));
    const { stdout, stderr } = run(place, program, [join(scratch, "bun"), join(scratch, "probe.ts"), "calls", calls]);
    if (!stdout) throw new Error(stderr);
    return JSON.parse(stdout);
  };
  const label = (answers: number[], list = present) =>
    answers.map((answer, index) => `${describeProbe(list[index]!)} = ${answer}`);

  test.each(places)("every refused call gets its error ($place)", (place) => {
    expect(label(probe(place, filter))).toEqual(label(wanted));
  });

  test.each(places)("a change of mode gets its error for the setgid bit where the group is root ($place)", (place) => {
    const list = presentForRootGroup;
    const strict = compileSeccomp({ arch, allowUserns: false, groupIsRoot: true });
    expect(label(probe(place, strict, list), list)).toEqual(label(wantedOf(list), list));
    const lenient = probe(place, filter, list);
    expect(lenient.filter((answer, index) => answer === wantedOf(list)[index])).toEqual([]);
  });

  test("every probe is answered otherwise without the filter", () => {
    const bare = places.map((place) => probe(place));
    const alike = present.filter((_, index) => bare.every((answers) => answers[index] === wanted[index]));
    expect(alike.filter(({ name }) => isRoot || !visibleToRoot.has(name)).map(describeProbe)).toEqual([]);
  }, 60_000);

  test("every call of the rules has a probe", () => {
    const named = new Set<string>(seccompRules.flatMap(({ syscalls }) => syscalls));
    expect(new Set(probes.map(({ name }) => name))).toEqual(named);
  });

  const isX64 = arch === "x64";
  test.skipIf(!isX64).each(places)(`calls of i386 kill the process${isX64 ? "" : ": no x86"} ($place)`, (place) => {
    const program = join(scratch, "i386");
    writeFileSync(program, buildI386Program(42), { mode: 0o755 });
    const getpid = [join(scratch, "bun"), join(scratch, "probe.ts"), "int80"];
    // A kernel without 32-bit support cannot run them at all: then only the filtered half says something.
    if (run(place, undefined, [program]).status === 42) expect(run(place, undefined, getpid).stdout).toBe("pid\n");
    else console.warn("this kernel runs no i386 programs: the check without the filter was left out");
    expect(run(place, filter, [program]).status).not.toBe(42);
    expect(run(place, filter, getpid)).toMatchObject({ status: KILLED_BY_SIGSYS, stdout: "" });
  });
});
