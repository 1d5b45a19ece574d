import { CFunction, dlopen, type Pointer, ptr, read, toArrayBuffer } from "bun:ffi";
import { constants } from "node:os";

/** x86-64 and arm64 numbers, from the kernel's syscall tables; null where the architecture has no such call. */
const numbers: Record<string, readonly [number, number | null]> = {
  acct: [163, 89],
  add_key: [248, 217],
  bpf: [321, 280],
  chmod: [90, null],
  clone: [56, 220],
  clone3: [435, 435],
  close: [3, 57],
  connect: [42, 203],
  creat: [85, null],
  delete_module: [176, 106],
  fchmod: [91, 52],
  fchmodat: [268, 53],
  fchmodat2: [452, 452],
  finit_module: [313, 273],
  fsopen: [430, 430],
  fspick: [433, 433],
  getpgid: [121, 155],
  init_module: [175, 105],
  io_uring_setup: [425, 425],
  ioctl: [16, 29],
  iopl: [172, null],
  kexec_load: [246, 104],
  keyctl: [250, 219],
  kill: [62, 129],
  linkat: [265, 37],
  mknod: [133, null],
  mknodat: [259, 33],
  mmap: [9, 222],
  mount: [165, 40],
  mount_setattr: [442, 442],
  mq_open: [240, 180],
  mq_unlink: [241, 181],
  name_to_handle_at: [303, 264],
  open: [2, null],
  open_by_handle_at: [304, 265],
  open_tree: [428, 428],
  openat: [257, 56],
  openat2: [437, 437],
  perf_event_open: [298, 241],
  pidfd_getfd: [438, 438],
  pidfd_open: [434, 434],
  pivot_root: [155, 41],
  prlimit64: [302, 261],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  ptrace: [101, 117],
  quotactl: [179, 60],
  reboot: [169, 142],
  sched_setscheduler: [144, 119],
  setns: [308, 268],
  sethostname: [170, 161],
  settimeofday: [164, 170],
  setxattr: [188, 5],
  shmat: [30, 196],
  shmctl: [31, 195],
  shmget: [29, 194],
  socket: [41, 198],
  swapon: [167, 224],
  syslog: [103, 116],
  umount2: [166, 39],
  unshare: [272, 97],
  userfaultfd: [323, 282],
};

const libc = dlopen("libc.so.6", {
  syscall: { args: ["i64", "i64", "i64", "i64", "i64", "i64", "i64"], returns: "i64" },
  __errno_location: { args: [], returns: "ptr" },
});
const errnoNames = new Map(Object.entries(constants.errno).map(([name, value]) => [value, name]));

export interface Result {
  /** The kernel's answer, -1 on error. */
  value: number;
  /** Name of the error, empty on success. */
  error: string;
}

export type Argument = number | bigint | string | Uint8Array | null;

/** Calls the kernel directly; strings become C strings, buffers their address. */
export function call(name: keyof typeof numbers, ...args: Argument[]): Result {
  const number = numbers[name]?.[process.arch === "arm64" ? 1 : 0];
  if (number === undefined || number === null) return { value: -1, error: "ENOSYS" };
  return callNumber(number, ...args);
}

/** As `call`, by number, for calls that no table lists. */
export function callNumber(number: number, ...args: Argument[]): Result {
  const buffers = args.map((arg) => (typeof arg === "string" ? Buffer.from(`${arg}\0`) : arg));
  const words = Array.from({ length: 6 }, (_, index) => toWord(buffers[index] ?? 0));
  const [a, b, c, d, e, f] = words as [bigint, bigint, bigint, bigint, bigint, bigint];
  const value = Number(libc.symbols.syscall(BigInt(number), a, b, c, d, e, f));
  const errno = value === -1 ? read.i32(libc.symbols.__errno_location()!, 0) : 0;
  return { value, error: errno === 0 ? "" : (errnoNames.get(errno) ?? `errno ${errno}`) };
}

function toWord(arg: number | bigint | Uint8Array): bigint {
  if (arg instanceof Uint8Array) return BigInt(ptr(arg));
  return BigInt(arg);
}

export const addressOf = (buffer: Uint8Array): bigint => BigInt(ptr(buffer));

export const writeMemory = (address: number, text: string): void =>
  void Buffer.from(toArrayBuffer(address as Pointer, 0, text.length)).write(text, "latin1");

export const readMemory = (address: number, length: number): Buffer =>
  Buffer.from(toArrayBuffer(address as Pointer, 0, length).slice(0));

/** Errors by which the kernel, a filter or a missing feature says no. Any other error means that the call was let in. */
const refusals = new Set(["EPERM", "EACCES", "ENOSYS", "EAFNOSUPPORT", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT"]);

/** A line about the call if it was let in, undefined if it was refused. */
export function describeAdmitted(name: keyof typeof numbers, ...args: Argument[]): string | undefined {
  const { value, error } = call(name, ...args);
  if (refusals.has(error)) return undefined;
  return `${name} ${error === "" ? `= ${value}` : `reached the kernel (${error})`}`;
}

/** Runs machine code with up to three integer arguments: the only way to a second calling convention or a bare clone. */
export function runMachineCode(code: number[], ...args: (number | bigint)[]): number {
  const PROT_READ_WRITE_EXEC = 7;
  const MAP_PRIVATE_ANONYMOUS = 0x22;
  const page = call("mmap", 0, 4096, PROT_READ_WRITE_EXEC, MAP_PRIVATE_ANONYMOUS, -1, 0).value;
  new Uint8Array(toArrayBuffer(page as Pointer, 0, 4096)).set(code);
  const run = CFunction({ ptr: page as Pointer, args: ["i64", "i64", "i64"], returns: "i64" });
  const [a = 0, b = 0, c = 0] = args;
  return Number(run(BigInt(a), BigInt(b), BigInt(c)));
}

/** Connects to a unix socket; a name that starts with NUL is abstract. Empty on success, else the error. */
export function connectUnix(path: string): string {
  const AF_UNIX = 1;
  const SOCK_STREAM = 1;
  const socket = call("socket", AF_UNIX, SOCK_STREAM, 0);
  if (socket.error) return socket.error;
  const name = Buffer.from(path);
  const address = Buffer.alloc(2 + name.length + (path.startsWith("\0") ? 0 : 1));
  address.writeUInt16LE(AF_UNIX, 0);
  name.copy(address, 2);
  const { error } = call("connect", socket.value, address, address.length);
  call("close", socket.value);
  return error;
}
