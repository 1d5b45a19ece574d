import { and, createProgram, giveBack, jumpIf, load, type Program, toBytes } from "./seccomp/bpf.ts";
import { auditArch, findSyscall, LAST_KNOWN_SYSCALL, type SeccompArch } from "./seccomp/numbers.ts";
import { type Condition, errnos, type SeccompRule, seccompRules } from "./seccomp/rules.ts";

export type { SeccompArch } from "./seccomp/numbers.ts";
export { type SeccompRule, seccompRules } from "./seccomp/rules.ts";

/** What decides the filter. */
export interface SeccompOptions {
  /** Of the machine. */
  arch: SeccompArch;
  /** The policy allows nested sandboxes. */
  allowUserns: boolean;
  /**
   * Files made inside belong to the group root outside: cordon runs as root or with that group. Then no setgid bit can
   * be set at all, which also ends the setgid directories of shared repositories.
   */
  groupIsRoot?: boolean;
}

/** Calls from `first` on, up to the next range, go on at the place `target`. */
interface Range {
  first: number;
  target: number;
}

/** Where the program gives each of its answers. */
type Answers = Record<keyof typeof errnos | "ALLOW", number>;

// Offsets in `struct seccomp_data`, <linux/seccomp.h>; on little-endian machines the low half of an argument comes first.
const NUMBER_OFFSET = 0;
const ARCH_OFFSET = 4;
const ARGUMENTS_OFFSET = 16;
const ARGUMENT_BYTES = 8;

const RET_KILL_PROCESS = 0x80000000;
const RET_ERRNO = 0x00050000;
const RET_ALLOW = 0x7fff0000;

/**
 * The filter for `bwrap --seccomp FD`: the bytes of a `struct sock_filter[]`.
 * A call of a foreign architecture kills the process, since its numbers mean other calls. Numbers above the last known
 * one get ENOSYS: that covers the x32 calls (bit 30) and whatever a later kernel adds before anyone has weighed it.
 */
export function compileSeccomp(options: SeccompOptions): Uint8Array {
  const program = createProgram();
  const kill = giveBack(program, RET_KILL_PROCESS);
  const answers = { ALLOW: giveBack(program, RET_ALLOW) } as Answers;
  let name: keyof typeof errnos;
  for (name in errnos) answers[name] = giveBack(program, RET_ERRNO | errnos[name]);
  const ranges = buildRanges(program, groupRules(options), answers);
  addSearch(program, ranges, 0, ranges.length);
  const native = load(program, NUMBER_OFFSET);
  jumpIf(program, "equal", auditArch[options.arch], native, kill);
  load(program, ARCH_OFFSET);
  return toBytes(program);
}

/** The rules of every call number; no entry where there are none. */
function groupRules({ arch, allowUserns, groupIsRoot }: SeccompOptions): (SeccompRule[] | undefined)[] {
  const table = new Array<SeccompRule[] | undefined>(LAST_KNOWN_SYSCALL + 1);
  for (const rule of seccompRules) {
    if (allowUserns && rule.liftedByUserns) continue;
    if (!groupIsRoot && rule.onlyForRootGroup) continue;
    for (const name of rule.syscalls) {
      const number = findSyscall(arch, name);
      if (number === null) continue;
      const rules = table[number];
      if (rules) rules.push(rule);
      else table[number] = [rule];
    }
  }
  return table;
}

function buildRanges(program: Program, table: (SeccompRule[] | undefined)[], answers: Answers): Range[] {
  const ranges: Range[] = [];
  const places = new Map<string, number>();
  const findPlace = (rules: SeccompRule[]) => {
    const key = rules.map(({ name }) => name).join();
    const place = places.get(key) ?? addChecks(program, rules, answers);
    places.set(key, place);
    return place;
  };
  let previous = -1;
  for (let first = 0; first < table.length; first += 1) {
    const rules = table[first];
    const target = rules ? findPlace(rules) : answers.ALLOW;
    if (target !== previous) ranges.push({ first, target });
    previous = target;
  }
  ranges.push({ first: table.length, target: answers.ENOSYS });
  return ranges;
}

/** Asks the rules of one call in order: a rule whose conditions all hold answers, otherwise the next one is asked. */
function addChecks(program: Program, rules: SeccompRule[], answers: Answers): number {
  let otherwise = answers.ALLOW;
  for (let index = rules.length - 1; index >= 0; index -= 1) {
    const { when = [], errno } = rules[index]!;
    let place = answers[errno];
    for (let at = when.length - 1; at >= 0; at -= 1) place = addTest(program, when[at]!, place, otherwise);
    otherwise = place;
  }
  return otherwise;
}

function addTest(program: Program, condition: Condition, holds: number, fails: number): number {
  const { argument, mask, test, values } = condition;
  const found = test === "notIn" ? fails : holds;
  let next = test === "notIn" ? holds : fails;
  for (let at = values.length - 1; at >= 0; at -= 1) {
    next = jumpIf(program, test === "anyBit" ? "anyBit" : "equal", values[at]!, found, next);
  }
  if (mask !== undefined) and(program, mask);
  return load(program, ARGUMENTS_OFFSET + ARGUMENT_BYTES * argument);
}

/** A binary search over `ranges[low]` up to `ranges[high - 1]`, so that no call costs more than some seven comparisons. */
function addSearch(program: Program, ranges: Range[], low: number, high: number): number {
  const start = ranges[low]!;
  if (high - low === 1) return start.target;
  const second = ranges[low + 1]!;
  if (high - low === 3 && ranges[low + 2]!.target === start.target && ranges[low + 2]!.first === second.first + 1) {
    return jumpIf(program, "equal", second.first, second.target, start.target);
  }
  const middle = (low + high) >> 1;
  const yes = addSearch(program, ranges, middle, high);
  const no = addSearch(program, ranges, low, middle);
  return jumpIf(program, "atLeast", ranges[middle]!.first, yes, no);
}
