import fs, { constants } from "node:fs";
import path from "node:path";

/** Lock files, and what is installed from them: a directory counts by being there. */
const usual = [
  /^(package-lock|npm-shrinkwrap|packages\.lock)\.json$/,
  /^(pnpm-lock|pnpm-workspace)\.yaml$/,
  /^(yarn|bun|deno|uv|poetry|pdm|Cargo|Gemfile|composer|mix|pubspec|flake|Podfile|conan)\.lock$/,
  /^(bun\.lockb|go\.sum|go\.work\.sum|Pipfile\.lock|gradle\.lockfile|Package\.resolved|\.terraform\.lock\.hcl)$/,
  /^requirements[^/]*\.(txt|in)$/,
  /^(node_modules|\.venv|vendor)$/,
];

/** Of a larger file its size and time count. */
const mostBytes = 32 * 1024 * 1024;

/**
 * A digest of a command and everything it depends on. The project is hostile: only regular files are read, links count by
 * what is written in them, nothing waits. Never throws.
 */
export const digestInputs = (project: string, command: readonly string[], named?: readonly string[]): string => {
  const hash = new Bun.CryptoHasher("sha256").update(JSON.stringify(command));
  const inputs = named ?? usualIn(project);
  for (const name of [...new Set(inputs)].sort()) hash.update(`\0${name}\0`).update(describe(path.join(project, name)));
  return hash.digest("hex");
};

const usualIn = (project: string): string[] => {
  try {
    return fs.readdirSync(project).filter((name) => usual.some((pattern) => pattern.test(name)));
  } catch {
    return [];
  }
};

const describe = (target: string): string | Uint8Array => {
  try {
    const stat = fs.lstatSync(target);
    if (stat.isSymbolicLink()) return `link ${fs.readlinkSync(target)}`;
    if (stat.isDirectory()) return "directory";
    if (!stat.isFile() || stat.size > mostBytes) return `${stat.mode} ${stat.size} ${stat.mtimeMs}`;
    return readBounded(target);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "unreadable";
  }
};

/** Another kind of file may have taken its place since: opening it neither waits nor follows. */
const readBounded = (target: string): Uint8Array | string => {
  const descriptor = fs.openSync(
    target,
    constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY,
  );
  try {
    if (!fs.fstatSync(descriptor).isFile()) return "other";
    const hash = new Bun.CryptoHasher("sha256");
    const buffer = new Uint8Array(1024 * 1024);
    for (let left = mostBytes; left > 0; ) {
      const count = fs.readSync(descriptor, buffer);
      if (count === 0) break;
      hash.update(buffer.subarray(0, count));
      left -= count;
    }
    return new Uint8Array(hash.digest());
  } finally {
    fs.closeSync(descriptor);
  }
};
