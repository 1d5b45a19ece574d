import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";

export type AgentName = "claude" | "codex" | "gemini" | "opencode";

export interface InstalledAgent {
  /** What to start: absolute, and not a symbolic link. Gemini's is a script for `node`. */
  readonly executable: string;
  /** Holds the agent under its usual name, for PATH. */
  readonly bin: string;
  /** The host directories that must be readable for it to run. */
  readonly readable: readonly string[];
}

interface Source {
  readonly package: string;
  /** The link in `node_modules/.bin`. */
  readonly bin: string;
  /** What the package's own install step runs, with `node`, in the package's directory. */
  readonly build?: string;
}

const SOURCES: Record<AgentName, Source> = {
  claude: { package: "@anthropic-ai/claude-code", bin: "claude", build: "install.cjs" },
  codex: { package: "@openai/codex", bin: "codex" },
  gemini: { package: "@google/gemini-cli", bin: "gemini" },
  opencode: { package: "opencode-ai", bin: "opencode", build: "postinstall.mjs" },
};

const MANIFEST = join(import.meta.dirname, "package.json");
const INSTALL_TIMEOUT_MS = 15 * 60_000;

/**
 * Installs the named agents (all by default) at the versions of `package.json` into the cache directory
 * (`CORDON_TEST_CACHE`, else `.cache` in the repository). Each agent has a directory of its own, named by its version:
 * an existing one is complete, since it got its name last. Throws an Error that names the agent and the cause.
 */
export async function installAgents<Name extends AgentName>(
  names: readonly Name[] = Object.keys(SOURCES) as Name[],
): Promise<Record<Name, InstalledAgent>> {
  const installed: [Name, InstalledAgent][] = [];
  for (const name of names) installed.push([name, await installAgent(name)]);
  return Object.fromEntries(installed) as Record<Name, InstalledAgent>;
}

/** The same, or undefined, with a word about it, where they cannot be had: then the tests that need them are left out. */
export async function findAgents<Name extends AgentName>(
  names?: readonly Name[],
): Promise<Record<Name, InstalledAgent> | undefined> {
  return installAgents(names).catch((cause: Error) => {
    console.warn(`the real agents are left out: ${cause.message}`);
    return undefined;
  });
}

async function installAgent(name: AgentName): Promise<InstalledAgent> {
  const source = SOURCES[name];
  const { dependencies } = JSON.parse(readFileSync(MANIFEST, "utf8"));
  const wanted = `${source.package}@${dependencies[source.package]}`;
  const cache = resolve(process.env["CORDON_TEST_CACHE"] ?? join(import.meta.dirname, "../../.cache"), "agents");
  const key = createHash("sha256").update(`${wanted} ${process.platform} ${process.arch}`).digest("hex").slice(0, 12);
  const directory = join(cache, `${name}-${key}`);
  if (!existsSync(directory)) await fill(directory, name, source, wanted);
  const bin = join(realpathSync(directory), "node_modules/.bin");
  return { executable: realpathSync(join(bin, source.bin)), bin, readable: [realpathSync(directory)] };
}

/** Installs beside the final place and renames: of two processes at once, the second finds the place taken and yields. */
async function fill(directory: string, name: AgentName, source: Source, wanted: string): Promise<void> {
  mkdirSync(dirname(directory), { recursive: true });
  const staging = mkdtempSync(`${directory}.part-`);
  try {
    // Install scripts are off, whatever npm's version and configuration say, and the one needed step runs by itself.
    const flags = [
      "--ignore-scripts",
      "--include=optional",
      "--no-audit",
      "--no-fund",
      "--no-save",
      "--loglevel=error",
    ];
    // A project of its own: with `--prefix` npm would look for its global settings there.
    writeFileSync(join(staging, "package.json"), '{"private":true}');
    await run("npm", ["install", ...flags, wanted], staging);
    const home = join(staging, "node_modules", source.package);
    if (source.build) await run("node", [source.build], home);
    await run(join(staging, "node_modules/.bin", source.bin), ["--version"], staging);
    // The boundary suites also run as another user, for whom mkdtemp's mode is too narrow.
    chmodSync(staging, 0o755);
    publish(staging, directory);
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new Error(`cannot install the agent \`${name}\` (${wanted}): ${cause}`);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

function publish(staging: string, directory: string): void {
  try {
    renameSync(staging, directory);
  } catch (error) {
    if (!existsSync(directory)) throw error;
  }
}

function run(file: string, args: readonly string[], cwd: string): Promise<void> {
  return new Promise((done, fail) => {
    const child = spawn(file, args, { cwd, stdio: ["ignore", "pipe", "pipe"], timeout: INSTALL_TIMEOUT_MS });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    child.once("error", fail);
    child.once("close", (code, signal) => {
      if (code === 0) done();
      else fail(new Error(`${file} ${args[0]} ended with ${code ?? signal}: ${output.trim().slice(-2000)}`));
    });
  });
}

if (import.meta.main) process.stdout.write(`${JSON.stringify(await installAgents(), null, 2)}\n`);
