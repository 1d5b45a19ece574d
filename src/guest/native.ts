import { cc, type Pointer, ptr } from "bun:ffi";
import fs from "node:fs";
import path from "node:path";
import { lazyLibc } from "../libc.ts";

const libc = lazyLibc({
  setenv: { args: ["ptr", "ptr", "i32"], returns: "i32" },
  unsetenv: { args: ["ptr"], returns: "i32" },
  dlsym: { args: ["ptr", "ptr"], returns: "u64" },
});

/**
 * Compiles C functions of one pointer in memory with the runtime's own compiler. It reads a file and unpacks headers,
 * which nobody includes, into TMPDIR: `scratch` is a private directory for both, and the caller removes it. Throws when
 * the text is not C.
 */
export const compileNative = <Name extends string>(scratch: string, source: string, ...names: Name[]) => {
  const file = path.join(scratch, "native.c");
  fs.writeFileSync(file, source, { mode: 0o600 });
  const before = process.env["TMPDIR"];
  setTemporary(scratch);
  try {
    const { symbols } = cc({
      source: file,
      flags: "-nostdlib",
      symbols: Object.fromEntries(names.map((name) => [name, { args: ["ptr"], returns: "i32" }] as const)),
    });
    return symbols as unknown as Record<Name, (argument: Pointer) => number>;
  } finally {
    setTemporary(before);
  }
};

/** For the compiler, which does not ask the runtime for it. */
const setTemporary = (directory: string | undefined): void => {
  const name = ptr(Buffer.from("TMPDIR\0"));
  if (directory === undefined) libc().unsetenv(name);
  else libc().setenv(name, ptr(Buffer.from(`${directory}\0`)), 1);
};

/** Addresses of functions of the C library, for code that is compiled without it. */
export const addressesOf = (...names: string[]): bigint[] => {
  return names.map((name) => libc().dlsym(null, ptr(Buffer.from(`${name}\0`))));
};
