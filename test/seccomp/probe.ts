import { CFunction, dlopen, FFIType, type Pointer, toArrayBuffer } from "bun:ffi";
import { I386_GETPID, RAW_SYSCALL } from "./machine-code.ts";

// Runs inside the sandbox: `probe.ts calls JSON` makes the calls and prints their answers, `probe.ts int80` a 32-bit one.
const READ_WRITE_EXECUTE = 7;
const PRIVATE_ANONYMOUS = 0x22;

const { symbols } = dlopen("libc.so.6", {
  mmap: { args: ["ptr", "u64", "i32", "i32", "i32", "i64"], returns: "ptr" },
});

function loadCode(code: number[]): Pointer {
  const page = symbols.mmap(null, 4096, READ_WRITE_EXECUTE, PRIVATE_ANONYMOUS, -1, 0) as Pointer;
  new Uint8Array(toArrayBuffer(page, 0, 4096)).set(code);
  return page;
}

const [mode, list = "[]"] = process.argv.slice(2);
if (mode === "int80") {
  const getpid = CFunction({ ptr: loadCode(I386_GETPID), args: [], returns: FFIType.i32 });
  console.log(getpid() > 0 ? "pid" : "none");
} else {
  const args = Array<FFIType>(7).fill(FFIType.u64);
  const call = CFunction({ ptr: loadCode(RAW_SYSCALL[process.arch]!), args, returns: FFIType.i64 });
  const answers = (JSON.parse(list) as string[][]).map((numbers) =>
    Number(call(...Array.from({ length: 7 }, (_, index) => BigInt.asUintN(64, BigInt(numbers[index] ?? 0))))),
  );
  console.log(JSON.stringify(answers));
}
