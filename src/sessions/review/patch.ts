import { type GitCall, runGit } from "../../workspace/git.ts";
import { isForeign } from "../../workspace/name-bytes.ts";
import { blindCall, isReadable, largestShown, readBlobs } from "./objects.ts";
import type { Review, ReviewFile } from "./review.ts";

/** The text of what a session changes, as bytes: made by git from objects alone, read apart here. */

/** A line of a patch without its line end; its first byte says what it is. */
export type Patch = {
  file: ReviewFile;
  /** Undefined: no text, or too large; `isCut`: the answer of git broke off. */
  lines?: Uint8Array[];
  isCut?: boolean;
};

const typeOf = (mode: number | undefined): number => (mode ?? 0) & 0o170000;

/** Bytes of a patch that are read at most; what does not fit is cut, and said so. */
export const mostPatchBytes = 32 * 1024 * 1024;
const mostWords = 64 * 1024;
const mostDisguised = 200;

/** Patches of files of a review, in its order. */
export const readPatches = async (call: GitCall, review: Review, files: ReviewFile[]): Promise<Patch[]> => {
  const blind = blindCall(call);
  const options = ["-r", "-p", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color", "--full-index"];
  const words = files.map(({ path }) => path);
  const isNarrow =
    files.length < review.files.length && !words.some(isForeign) && words.join(" ").length + words.length < mostWords;
  const paths = isNarrow ? words : [];
  const env = { ...blind.env, GIT_LITERAL_PATHSPECS: "1" };
  const args = ["diff-tree", ...options, review.from, review.tip, "--", ...paths];
  const done = await runGit(args, { ...blind, env, maxBytes: mostPatchBytes });
  if (done.code !== 0 && !done.isTooLong && !done.isTimedOut)
    throw new Error(`git cannot show the changes: ${done.stderr.trim()}`);
  const sections = splitSections(done.stdout);
  const wanted = new Set(files);
  const isBroken = done.isTooLong || done.isTimedOut;
  const named = new Set(words);
  const order = isNarrow ? review.files.filter(({ path }) => named.has(path)) : review.files;
  let at = 0;
  const patches = order.map((file): Patch => {
    // git shows a file that becomes a link as one that goes and one that comes.
    const count = file.kind === "changed" && typeOf(file.mode) !== typeOf(file.modeBefore) ? 2 : 1;
    const own = sections.slice(at, at + count);
    at += count;
    const isCut = isBroken && at >= sections.length;
    if (own.length === 0 || own.some(({ isBinary }) => isBinary)) return { file, ...(isCut && { isCut }) };
    return { file, lines: own.flatMap(({ lines }) => lines), ...(isCut && { isCut }) };
  });
  return await readDisguised(
    patches.filter(({ file }) => wanted.has(file)),
    blind,
  );
};

type Section = { lines: Uint8Array[]; isBinary: boolean };

/** Only what hunks announce counts as content: a line of a file cannot pass for the beginning of the next. */
const splitSections = (bytes: Uint8Array): Section[] => {
  const sections: Section[] = [];
  const [before, after] = [0, 1];
  const left = [0, 0];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(10, start);
    const line = bytes.subarray(start, end < 0 ? bytes.length : end);
    start = end < 0 ? bytes.length : end + 1;
    const section = sections.at(-1);
    const first = line[0];
    if (section && (left[before]! > 0 || left[after]! > 0) && first !== 0x5c) {
      if (first !== 0x2b) left[before]! -= 1;
      if (first !== 0x2d) left[after]! -= 1;
      section.lines.push(line);
      continue;
    }
    const text = Buffer.from(line.subarray(0, 200)).toString("latin1");
    if (text.startsWith("diff --git ")) sections.push({ lines: [], isBinary: false });
    else if (section && text.startsWith("Binary files ")) section.isBinary = true;
    else if (section && first === 0x5c) section.lines.push(line);
    const counts = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(text);
    if (!counts || !section) continue;
    left[before] = Number(counts[1] ?? 1);
    left[after] = Number(counts[2] ?? 1);
    section.lines.push(line);
  }
  return sections;
};

/** A byte among the lines is enough for git to call a file binary: what a person can read is shown all the same. */
const readDisguised = async (patches: Patch[], call: GitCall): Promise<Patch[]> => {
  const small = (size: number | undefined) => size === undefined || size <= largestShown;
  const closed = patches.filter(
    ({ lines, isCut, file }) => !lines && !isCut && small(file.sizeBytes) && small(file.sizeBefore),
  );
  const chosen = closed.slice(0, mostDisguised);
  const ids = chosen.flatMap(({ file }) => [file.id, file.idBefore].flatMap((id) => id ?? []));
  const blobs = await readBlobs(ids, { mostEach: largestShown, mostBytes: mostPatchBytes }, call);
  const texts = new Map<Patch, Uint8Array[]>();
  for (const patch of chosen) {
    const { id, idBefore } = patch.file;
    const sides = [idBefore, id].map((one) => (one === undefined ? undefined : blobs.get(one)));
    const last = sides[1] ?? sides[0];
    if (!last || !isReadable(last)) continue;
    texts.set(patch, await compareAsText(idBefore, id, sides, call));
  }
  return patches.map((patch) => (texts.has(patch) ? { ...patch, lines: texts.get(patch)! } : patch));
};

const compareAsText = async (
  idBefore: string | undefined,
  id: string | undefined,
  [before, after]: (Buffer | undefined)[],
  call: GitCall,
): Promise<Uint8Array[]> => {
  if (idBefore !== undefined && id !== undefined) {
    const options = ["--text", "--no-ext-diff", "--no-textconv", "--no-color"];
    const done = await runGit(["diff", ...options, idBefore, id, "--"], { ...call, maxBytes: mostPatchBytes });
    return splitSections(done.stdout).flatMap(({ lines }) => lines);
  }
  const sign = Buffer.from(after ? "+" : "-");
  const text = (after ?? before)!;
  const lines: Uint8Array[] = [];
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf(10, start);
    lines.push(Buffer.concat([sign, text.subarray(start, end < 0 ? text.length : end)]));
    start = end < 0 ? text.length : end + 1;
  }
  const range = `${lines.length > 0 ? 1 : 0},${lines.length}`;
  return [Buffer.from(after ? `@@ -0,0 +${range} @@` : `@@ -${range} +0,0 @@`), ...lines];
};
