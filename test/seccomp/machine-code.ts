/**
 * Machine code that makes a raw system call and gives back the kernel's own answer (minus errno on failure).
 * The C library's `syscall()` keeps errno apart, and the runtime may change it before it is read.
 */
export const RAW_SYSCALL: Record<string, number[]> = {
  // mov rax,rdi; mov rdi,rsi; mov rsi,rdx; mov rdx,rcx; mov r10,r8; mov r8,r9; mov r9,[rsp+8]; syscall; ret
  x64: [
    ...[0x48, 0x89, 0xf8, 0x48, 0x89, 0xf7, 0x48, 0x89, 0xd6, 0x48, 0x89, 0xca, 0x4d, 0x89, 0xc2, 0x4d, 0x89, 0xc8],
    ...[0x4c, 0x8b, 0x4c, 0x24, 0x08, 0x0f, 0x05, 0xc3],
  ],
  // mov x8,x0; mov x0,x1; … mov x5,x6; svc #0; ret
  arm64: [
    0xaa0003e8, 0xaa0103e0, 0xaa0203e1, 0xaa0303e2, 0xaa0403e3, 0xaa0503e4, 0xaa0603e5, 0xd4000001, 0xd65f03c0,
  ].flatMap((word) => [word & 0xff, (word >>> 8) & 0xff, (word >>> 16) & 0xff, word >>> 24]),
};

/** mov eax,20 (getpid of i386); int 0x80; ret */
export const I386_GETPID = [0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3];

/** A whole i386 program for x86-64 Linux that ends with `status`: ELF header, one program header, code. */
export function buildI386Program(status: number): Uint8Array {
  const base = 0x8048000;
  const code = [0xb8, 1, 0, 0, 0, 0xbb, status, 0, 0, 0, 0xcd, 0x80];
  const words = (...values: number[]) => [...new Uint8Array(new Uint32Array(values).buffer)];
  const halves = (...values: number[]) => [...new Uint8Array(new Uint16Array(values).buffer)];
  const size = 52 + 32 + code.length;
  return new Uint8Array([
    ...[0x7f, 0x45, 0x4c, 0x46, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ...[...halves(2, 3), ...words(1, base + 84, 52, 0, 0), ...halves(52, 32, 1, 0, 0, 0)],
    ...words(1, 0, base, base, size, size, 5, 0x1000),
    ...code,
  ]);
}
