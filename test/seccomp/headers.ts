import { existsSync, readFileSync } from "node:fs";
import type { SeccompArch } from "../../src/backends/seccomp.ts";

const FILES: Record<SeccompArch, string[]> = {
  x64: ["/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"],
  arm64: ["/usr/include/asm-generic/unistd.h"],
};

/** Call numbers from the kernel's own headers (Debian: linux-libc-dev), or the reason why there are none. */
export function readSyscallNumbers(arch: SeccompArch): { numbers: Map<string, number> } | { missing: string } {
  const file = FILES[arch].find((name) => existsSync(name));
  if (!file) return { missing: `no ${FILES[arch].join(" nor ")} (package linux-libc-dev)` };
  const numbers = new Map<string, number>();
  // The generic header calls those that differ between 32 and 64 bits __NR3264_*.
  for (const [, name, number] of readFileSync(file, "utf8").matchAll(/^#define __NR(?:3264)?_(\w+)\s+(\d+)/gm)) {
    if (name !== "syscalls") numbers.set(name!, Number(number));
  }
  return { numbers };
}
