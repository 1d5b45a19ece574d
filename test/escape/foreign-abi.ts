import { callNumber, runMachineCode } from "./syscall.ts";

/** Asks for its own pid in a foreign calling convention. In a process of its own: a good filter kills the caller. */
const I386_GETPID = [0x53, 0xb8, 0x14, 0x00, 0x00, 0x00, 0xcd, 0x80, 0x5b, 0xc3];
const X32_GETPID = 0x40000000 | 39;

const answer = process.argv[2] === "i386" ? runMachineCode(I386_GETPID) : callNumber(X32_GETPID).value;
console.log(answer === process.pid ? "admitted" : "refused");
