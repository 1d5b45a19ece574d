import fs from "node:fs";
import path from "node:path";
import { runCaptured } from "../exec.ts";

/**
 * What `PROGRAM --version` says, as numbers; [0] when it says nothing of the kind. Remembered in cordon's cache for as
 * long as the file stays the same: asking costs a process at every start.
 */
export const versionOf = (program: string, cache: string): number[] => {
  const { mtimeMs, size, ino } = fs.statSync(program);
  const key = [program, mtimeMs, size, ino].join(" ");
  const file = path.join(cache, `version-${path.basename(program)}`);
  const known = readText(file)?.split("\n");
  if (known?.[0] === key && known[1]) return known[1].split(".").map(Number);
  const version = askVersion(program);
  try {
    fs.mkdirSync(cache, { recursive: true, mode: 0o700 });
    fs.writeFileSync(file, `${key}\n${version.join(".")}\n`, { mode: 0o600 });
  } catch {
    // Without a cache it is asked again.
  }
  return version;
};

export const askVersion = (program: string): number[] =>
  (/(\d+)\.(\d+)(?:\.(\d+))?/.exec(runCaptured(program, ["--version"]).stdout)?.slice(1, 4) ?? ["0"]).map((part) =>
    Number(part ?? 0),
  );

/** Compares version numbers part by part. */
export const isOlder = (version: number[], than: number[]): boolean => {
  const at = than.findIndex((part, index) => part !== (version[index] ?? 0));
  return at >= 0 && (version[at] ?? 0) < than[at]!;
};

const readText = (file: string): string | undefined => {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
};
