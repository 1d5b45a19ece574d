import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { toolPath, type World } from "./world.ts";

const name = "@anthropic-ai/sandbox-runtime";
const version = "0.0.78";
/** What its own start looks for on Linux. */
const tools = ["bwrap", "socat", "rg"];
/** In the world of the measurements the name leads to an address of the machine itself, which must be allowed, too. */
const allowed = ["allowed.test", "11.1.1.1"];
const timeoutMs = 60_000;
const cache = process.env["CORDON_TEST_CACHE"] ?? join(import.meta.dirname, "../.cache");

/** The words of a command go behind `argv`, or behind `lookingIn`, which takes off the TLS of what passes. */
export type Peer = { name: string; argv: string[]; lookingIn: string[]; env: Record<string, string> };

/** Another tool that puts a command into bubblewrap and filters its network, by a proxy; or why it cannot be measured here. */
export const findPeer = (world: World): Peer | { name: string; skipped: string } => {
  const missing = tools.filter((tool) => !Bun.which(tool));
  if (missing.length > 0) return { name, skipped: `it needs ${missing.join(" and ")}` };
  const node = Bun.which("node");
  const npm = Bun.which("npm");
  if (!node || !npm) return { name, skipped: "it needs Node and npm" };
  const directory = join(cache, "bench", `srt-${version}`);
  try {
    if (!existsSync(directory)) install(directory, npm);
  } catch (cause) {
    return { name, skipped: (cause as Error).message };
  }
  const places = [node, ...tools.map((tool) => Bun.which(tool)!)].map((file) => dirname(file));
  const sockets = join(world.root, "sockets");
  mkdirSync(sockets);
  const env = { ...world.env, TMPDIR: sockets, PATH: [...new Set([...places, ...toolPath.split(":")])].join(":") };
  const program = [node, join(directory, "node_modules", name, "dist/cli.js"), "--settings"];
  const argv = [...program, writeSettings(world, "peer.json", {})];
  const tried = Bun.spawnSync([...argv, "true"], {
    cwd: world.project,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: timeoutMs,
  });
  if (tried.exitCode !== 0) return { name, skipped: `it fails here: ${tried.stderr.toString().trim().split("\n")[0]}` };
  const lookingIn = [...program, writeSettings(world, "peer-tls.json", { tlsTerminate: {} })];
  return { name: `${name} ${version}`, argv, lookingIn, env };
};

const writeSettings = ({ root }: World, file: string, more: object): string => {
  const network = { allowedDomains: allowed, deniedDomains: [], ...more };
  const filesystem = { denyRead: [], allowRead: [], allowWrite: ["."], denyWrite: [] };
  writeFileSync(join(root, file), JSON.stringify({ network, filesystem }));
  return join(root, file);
};

/** Complete or not there at all. Its install scripts do not run. */
const install = (directory: string, npm: string): void => {
  mkdirSync(dirname(directory), { recursive: true });
  const staging = mkdtempSync(`${directory}.part-`);
  try {
    const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", staging];
    const done = Bun.spawnSync([npm, "install", ...flags, `${name}@${version}`], {
      stdio: ["ignore", "ignore", "ignore"],
      timeout: timeoutMs,
    });
    if (done.exitCode !== 0) throw new Error("npm cannot install it");
    renameSync(staging, directory);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
};
