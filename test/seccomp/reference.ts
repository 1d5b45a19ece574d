import { readFileSync, writeFileSync } from "node:fs";
import { compileSeccomp, type SeccompOptions } from "../../src/backends/seccomp.ts";
import { decode, disassemble } from "./simulator.ts";

/** Every filter that can be compiled, with the file of its reference disassembly. */
export const references: (SeccompOptions & { file: string })[] = [
  { arch: "x64", allowUserns: false, file: "x64.txt" },
  { arch: "x64", allowUserns: true, file: "x64-userns.txt" },
  { arch: "arm64", allowUserns: false, file: "arm64.txt" },
  { arch: "arm64", allowUserns: true, file: "arm64-userns.txt" },
];

const locate = (file: string): URL => new URL(file, import.meta.url);

export const readReference = (file: string): string => readFileSync(locate(file), "utf8");

// `bun test/seccomp/reference.ts` writes the files anew after a wanted change, for review in the diff.
if (import.meta.main) {
  for (const { file, ...options } of references) {
    writeFileSync(locate(file), disassemble(decode(compileSeccomp(options))));
  }
}
