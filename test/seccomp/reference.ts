import { readFileSync, writeFileSync } from "node:fs";
import { compileSeccomp, type SeccompOptions } from "../../src/backends/seccomp.ts";
import { decode, disassemble } from "./simulator.ts";

/** Every filter that can be compiled, with the file of its reference disassembly. */
export const references: (Required<SeccompOptions> & { file: string })[] = (["x64", "arm64"] as const).flatMap(
  (arch) => [
    { arch, allowUserns: false, groupIsRoot: false, file: `${arch}.txt` },
    { arch, allowUserns: true, groupIsRoot: false, file: `${arch}-userns.txt` },
    { arch, allowUserns: false, groupIsRoot: true, file: `${arch}-root.txt` },
    { arch, allowUserns: true, groupIsRoot: true, file: `${arch}-userns-root.txt` },
  ],
);

const locate = (file: string): URL => new URL(file, import.meta.url);

export const readReference = (file: string): string => readFileSync(locate(file), "utf8");

// `bun test/seccomp/reference.ts` writes the files anew after a wanted change, for review in the diff.
if (import.meta.main) {
  for (const { file, ...options } of references) {
    writeFileSync(locate(file), disassemble(decode(compileSeccomp(options))));
  }
}
