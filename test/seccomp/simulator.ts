/** One decoded `struct sock_filter`. */
export interface Decoded {
  code: number;
  jt: number;
  jf: number;
  k: number;
}

/** A system call as the kernel shows it to a filter. */
export interface Call {
  arch: number;
  nr: number;
  args?: bigint[];
}

const ERRNO_NAMES: Record<number, string> = { 1: "EPERM", 38: "ENOSYS", 93: "EPROTONOSUPPORT", 97: "EAFNOSUPPORT" };

/** Splits the bytes as the kernel does: code u16, jt u8, jf u8, k u32, little-endian. */
export function decode(bytes: Uint8Array): Decoded[] {
  if (bytes.length % 8 !== 0) throw new Error("not a whole number of instructions");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 8 }, (_, index) => ({
    code: view.getUint16(8 * index, true),
    jt: view.getUint8(8 * index + 2),
    jf: view.getUint8(8 * index + 3),
    k: view.getUint32(8 * index + 4, true),
  }));
}

/** Lays out `struct seccomp_data`: nr, arch, instruction_pointer, args[6]. */
function layOut({ arch, nr, args = [] }: Call): DataView {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, nr, true);
  data.setUint32(4, arch, true);
  args.forEach((value, index) => {
    data.setBigUint64(16 + 8 * index, BigInt.asUintN(64, value), true);
  });
  return data;
}

/** Runs the filter over one call and names the verdict; throws where the kernel would have refused the program. */
export function simulate(filter: Decoded[], call: Call): string {
  const data = layOut(call);
  let accumulator = 0;
  for (let at = 0; at < filter.length; at += 1) {
    const { code, jt, jf, k } = filter[at]!;
    if (code === 0x20) accumulator = data.getUint32(k, true);
    else if (code === 0x54) accumulator = (accumulator & k) >>> 0;
    else if (code === 0x15) at += accumulator === k ? jt : jf;
    else if (code === 0x35) at += accumulator >= k ? jt : jf;
    else if (code === 0x45) at += (accumulator & k) !== 0 ? jt : jf;
    else if (code === 0x06) return nameVerdict(k);
    else throw new Error(`unknown opcode ${code} at ${at}`);
  }
  throw new Error("ran off the end");
}

function nameVerdict(value: number): string {
  if (value === 0x7fff0000) return "ALLOW";
  if (value === 0x80000000) return "KILL";
  const errno = value & 0xffff;
  if (value >>> 16 !== 0x0005) throw new Error(`unknown verdict ${value.toString(16)}`);
  return ERRNO_NAMES[errno] ?? `errno ${errno}`;
}

const FIELDS: Record<number, string> = {
  0: "nr",
  4: "arch",
  16: "args[0]",
  24: "args[1]",
  32: "args[2]",
  40: "args[3]",
};
const JUMPS: Record<number, string> = { 21: "jeq", 53: "jge", 69: "jset" };

/** The program as text, one instruction a line, with absolute jump targets. */
export function disassemble(filter: Decoded[]): string {
  const lines = filter.map(({ code, jt, jf, k }, index) => {
    const at = `${index}`.padStart(4);
    const hex = `0x${k.toString(16)}`;
    if (code === 0x20) return `${at}: ld    ${FIELDS[k] ?? `[${k}]`}`;
    if (code === 0x54) return `${at}: and   ${hex}`;
    if (code === 0x06) return `${at}: ret   ${nameVerdict(k)}`;
    const jump = JUMPS[code] ?? `?${code}`;
    return `${at}: ${jump.padEnd(5)} ${k < 1024 ? k : hex}  true:${index + 1 + jt} false:${index + 1 + jf}`;
  });
  return `${lines.join("\n")}\n`;
}
