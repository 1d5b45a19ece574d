// Opcodes of classic BPF, <linux/bpf_common.h>. Only those that the kernel's seccomp action cache can evaluate
// (`seccomp_is_const_allow`): a call that is allowed by its number alone then never runs the filter.
const LOAD_WORD = 0x20;
const AND = 0x54;
const RETURN = 0x06;
const JUMPS = { equal: 0x15, atLeast: 0x35, anyBit: 0x45 } as const;

/** A conditional jump counts its distance in one byte. */
const MAX_JUMP = 255;
const CAPACITY = 512;

/**
 * A filter that is written from its end: jumps only go forwards, so every target already has its place when a jump
 * is written, and no labels need resolving. `start` is the place of the first instruction so far.
 */
export interface Program {
  words: Uint32Array;
  start: number;
}

/** An empty program with room for 512 instructions. */
export const createProgram = (): Program => ({ words: new Uint32Array(2 * CAPACITY), start: CAPACITY });

/** Loads the 32-bit word at `offset` bytes into `struct seccomp_data`. Like the others it gives back its own place. */
export const load = (program: Program, offset: number): number => prepend(program, LOAD_WORD, offset);

/** Keeps only the bits of `mask` of the loaded word. */
export const and = (program: Program, mask: number): number => prepend(program, AND, mask);

/** Ends the run of the program with a `SECCOMP_RET_*` value. */
export const giveBack = (program: Program, verdict: number): number => prepend(program, RETURN, verdict);

/** Compares the loaded word with `value`, unsigned, and goes on at one of two places. Throws where that is too far for a jump. */
export function jumpIf(program: Program, test: keyof typeof JUMPS, value: number, yes: number, no: number): number {
  const onTrue = yes - program.start;
  const onFalse = no - program.start;
  if (onTrue > MAX_JUMP || onFalse > MAX_JUMP) throw new RangeError("seccomp: a jump is too far");
  return prepend(program, JUMPS[test] | (onTrue << 16) | (onFalse << 24), value);
}

/** The bytes of `struct sock_filter[]`: code u16, jt u8, jf u8, k u32, little-endian as every machine that this runs on. */
export function toBytes({ words, start }: Program): Uint8Array {
  return new Uint8Array(words.buffer.slice(8 * start));
}

function prepend(program: Program, operation: number, value: number): number {
  if (program.start === 0) throw new RangeError("seccomp: the filter is too long");
  program.start -= 1;
  program.words[2 * program.start] = operation;
  program.words[2 * program.start + 1] = value;
  return program.start;
}
