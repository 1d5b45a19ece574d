import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A throw-away home and project: nothing of the user who measures is looked at. */
export type World = { root: string; project: string; env: Record<string, string>; remove(): void };

export const toolPath = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

export const createWorld = (): World => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "cordon-bench-")));
  const place = (name: string): string => {
    mkdirSync(join(root, name), { mode: 0o700 });
    return join(root, name);
  };
  // In memory, as everywhere (XDG Base Directory Specification).
  const runtime = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : root, "cordon-bench-"));
  const env = { HOME: place("home"), XDG_RUNTIME_DIR: runtime, PATH: toolPath, TERM: "xterm-256color" };
  const remove = () => {
    for (const directory of [root, runtime]) rmSync(directory, { recursive: true, force: true });
  };
  return { root, project: place("project"), env, remove };
};

type Place = Pick<World, "project" | "env">;

/** The same user with a configuration file. */
export const withConfig = ({ root, project, env }: Pick<World, "root" | "project" | "env">, text: string): Place => {
  const config = mkdtempSync(join(root, "config-"));
  const file = join(config, "cordon/config.toml");
  mkdirSync(dirname(file), { mode: 0o700 });
  writeFileSync(file, text, { mode: 0o600 });
  return { project, env: { ...env, XDG_CONFIG_HOME: config } };
};

/** Runs a program to its end, without a terminal, and gives what it prints. Throws when it fails. */
export const capture = (argv: string[], { project, env }: Place): string => {
  const done = Bun.spawnSync(argv, { cwd: project, env, stdio: ["ignore", "pipe", "pipe"] });
  if (done.exitCode !== 0) throw new Error(`${argv.join(" ")} ended with ${done.exitCode}: ${done.stderr.toString()}`);
  return done.stdout.toString();
};

/** How long a program takes from its start to its end, in milliseconds. Throws when it fails. */
export const timeMs = (argv: string[], { project, env }: Place): number => {
  const start = performance.now();
  const done = Bun.spawnSync(argv, { cwd: project, env, stdio: ["ignore", "ignore", "inherit"] });
  const tookMs = performance.now() - start;
  if (done.exitCode !== 0) throw new Error(`${argv.join(" ")} ended with ${done.exitCode}`);
  return tookMs;
};
