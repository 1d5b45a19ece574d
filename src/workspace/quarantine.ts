import fs from "node:fs";
import path from "node:path";
import { type Program, runPipeline } from "../exec.ts";
import { type GitAnswer, type GitCall, gitProgram, runGit } from "./git.ts";
import { lastLine } from "./private-refs.ts";

/**
 * A place for objects that nobody has looked at yet: below the host's own store, so that moving them in is a rename,
 * and under a name that `git gc` takes for rubbish when it is old. What stands in it is in no one's way.
 */
export type Quarantine = { directory: string; env: Record<string, string> };

const prefix = "tmp_objdir-cordon-";

/** Removes those that dead imports have left. Only the holder of the repository's lock may. */
export const sweepQuarantines = (store: string): void => {
  for (const name of fs.readdirSync(store).filter((name) => name.startsWith(prefix)))
    fs.rmSync(path.join(store, name), { recursive: true, force: true });
};

export const openQuarantine = (store: string): Quarantine => {
  const directory = path.join(store, `${prefix}${crypto.randomUUID()}`);
  fs.mkdirSync(directory, { mode: 0o777 });
  return {
    directory,
    env: { GIT_OBJECT_DIRECTORY: directory, GIT_ALTERNATE_OBJECT_DIRECTORIES: quotePath(store) },
  };
};

export const closeQuarantine = ({ directory }: Quarantine): void =>
  fs.rmSync(directory, { recursive: true, force: true });

/** In that variable a colon separates, and what begins with a quote is quoted as in C (git(1)). */
export const quotePath = (file: string): string =>
  /[:"\n]/.test(file) ? `"${file.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"` : file;

export type Bounds = { inputBytes: number; memoryBytes: number; deadline: number };

/** Milliseconds until the deadline, at least one. */
export const leftMs = ({ deadline }: Pick<Bounds, "deadline">): number => Math.max(1, deadline - performance.now());

/**
 * Takes the pack that `source` prints into the quarantine, every object checked as for a fetch from a stranger
 * (git-index-pack(1), --strict; `transfer.fsckObjects`). Undefined when that went well, else what did not.
 */
export const receivePack = async (
  source: Program,
  input: string,
  quarantine: Quarantine,
  call: GitCall,
  bounds: Bounds,
): Promise<string | undefined> => {
  const args = ["index-pack", "--stdin", "--fix-thin", "--strict", `--max-input-size=${bounds.inputBytes}`];
  const config = ["core.bigFileThreshold=32m", "pack.threads=2", "core.deltaBaseCacheLimit=64m"];
  const sink = gitProgram(args, { ...call, config, env: quarantine.env, memoryBytes: bounds.memoryBytes });
  const done = await runPipeline([source, sink], {
    input: Buffer.from(input),
    timeoutMs: leftMs(bounds),
    maxBytes: 1024,
  });
  if (done.isTimedOut) return "it took too long";
  const [packing = "", indexing = ""] = done.errors;
  // When the reader refuses, the writer only notices that nobody listens any more.
  if (done.codes[1] !== 0 && !/early EOF|pack signature mismatch/.test(indexing)) return describe(indexing, bounds);
  if (done.codes[0] !== 0) return `it cannot be read: ${lastLine(packing) || "killed"}`;
  return done.codes[1] === 0 ? undefined : describe(indexing, bounds);
};

const describe = (complaint: string, { inputBytes }: Bounds): string =>
  /exceeds maximum allowed size/.test(complaint)
    ? `more than ${formatSize(inputBytes)} of new objects`
    : `git refuses its objects: ${lastLine(complaint) || "out of memory"}`;

const formatSize = (bytes: number): string =>
  bytes >= 1024 ** 3 ? `${+(bytes / 1024 ** 3).toFixed(1)} GiB` : `${+(bytes / 1024 ** 2).toFixed(1)} MiB`;

/** Everything that the tips lead to must be here, either in the quarantine or behind the host's own refs. */
export const checkConnectivity = async (
  tips: string[],
  quarantine: Quarantine,
  call: GitCall,
  bounds: Bounds,
): Promise<string | undefined> => {
  const partial = await runGit(["config", "--get", "extensions.partialclone"], { ...call, timeoutMs: leftMs(bounds) });
  const promised = partial.code === 0 ? ["--exclude-promisor-objects"] : [];
  const args = ["rev-list", "--objects", "--quiet", ...promised, "--stdin", "--not", "--all"];
  const input = `${tips.join("\n")}\n`;
  const done = await walk(args, input, quarantine, call, bounds);
  if (done.isTimedOut) return "it took too long";
  return done.code === 0 ? undefined : `objects are missing: ${lastLine(done.stderr)}`;
};

const walk = (args: string[], input: string, { env }: Quarantine, call: GitCall, bounds: Bounds): Promise<GitAnswer> =>
  runGit(args, { ...call, env, input, memoryBytes: bounds.memoryBytes, timeoutMs: leftMs(bounds) });

/** The kind of each object; absent when there is none. */
export const kindsOf = async (
  ids: string[],
  quarantine: Quarantine,
  call: GitCall,
  bounds: Bounds,
): Promise<Map<string, string>> => {
  const args = ["cat-file", "--batch-check=%(objectname) %(objecttype)"];
  const { text } = await walk(args, `${ids.join("\n")}\n`, quarantine, call, bounds);
  return new Map(text.split("\n").map((line) => line.split(" ") as [string, string]));
};

/** The order in which git itself moves the parts of a pack: the index last, because it makes the pack known. */
const order = [".pack", ".rev", ".idx"];

/** Moves checked packs into the store. A pack of the same name holds the same objects. */
export const admitPacks = ({ directory }: Quarantine, store: string): void => {
  const from = path.join(directory, "pack");
  const to = path.join(store, "pack");
  if (!fs.existsSync(from)) return;
  fs.mkdirSync(to, { recursive: true });
  const names = fs.readdirSync(from).filter((name) => order.includes(path.extname(name)));
  const inOrder = names.sort((a, b) => order.indexOf(path.extname(a)) - order.indexOf(path.extname(b)));
  for (const name of inOrder) fs.renameSync(path.join(from, name), path.join(to, name));
};
