import { styleText } from "node:util";
import { escapeControls } from "../../terminal/escape.ts";
import type { GitCall } from "../../workspace/git.ts";
import { decodeName } from "../../workspace/name-bytes.ts";
import { showPath } from "../../workspace/shown-path.ts";
import { gitlinkMode } from "../tree-diff.ts";
import { type Patch, readPatches } from "./patch.ts";
import type { Review, ReviewCommit, ReviewFile } from "./review.ts";

/** What a review looks like on a terminal. Nothing in it is obeyed: what would not be seen is spelled out. */

export type Look = {
  isColoured: boolean;
  /** Only these, each a file or a directory; undefined for all. */
  paths?: string[];
  /** Of one file at most so many lines; undefined for all. */
  mostLines?: number;
};

type Style = Parameters<typeof styleText>[0];
type Paint = (style: Style, text: string) => string;

const painter =
  (isColoured: boolean): Paint =>
  (style, text) =>
    isColoured ? styleText(style, text, { validateStream: false }) : text;

/** The files that a look is about. */
export const selectFiles = ({ files }: Review, paths: string[] | undefined): ReviewFile[] => {
  if (!paths) return files;
  const wanted = paths.map((path) => path.replace(/\/+$/, ""));
  return files.filter(({ path }) => wanted.some((one) => one === "" || path === one || path.startsWith(`${one}/`)));
};

/** The patch as text, each line with its end. */
export const printPatch = async (
  call: GitCall,
  review: Review,
  { isColoured, paths, mostLines }: Look,
): Promise<string> => {
  const paint = painter(isColoured);
  const patches = await readPatches(call, review, selectFiles(review, paths));
  return patches.map((patch) => `${printFile(patch, paint, mostLines).join("\n")}\n`).join("");
};

const printFile = ({ file, lines, isCut }: Patch, paint: Paint, mostLines = Number.POSITIVE_INFINITY): string[] => {
  const head = headOf(file).map((line) => paint("bold", line));
  if (file.movedFrom !== undefined || file.movedTo !== undefined) return head;
  if (!lines) return [...head, paint("dim", isCut ? "not shown: the whole is too long" : describeBytes(file))];
  const shown = lines.slice(0, mostLines).map((line) => printLine(line, paint));
  const hidden = lines.length - shown.length;
  if (hidden > 0) shown.push(paint("dim", `… ${hidden} more lines of ${showPath(file.path)}`));
  if (isCut) shown.push(paint("dim", `… the rest of ${showPath(file.path)} is too long to be shown`));
  return [...head, ...shown];
};

const headOf = ({ path, kind, mode, modeBefore, movedFrom, movedTo }: ReviewFile): string[] => {
  const name = showPath(path);
  const octal = (value: number | undefined) => (value ?? 0).toString(8).padStart(6, "0");
  const head = [`diff --git a/${name} b/${name}`];
  if (kind === "added") head.push(`new file mode ${octal(mode)}`);
  if (kind === "deleted") head.push(`deleted file mode ${octal(modeBefore)}`);
  if (kind === "changed" && mode !== modeBefore) head.push(`old mode ${octal(modeBefore)}`, `new mode ${octal(mode)}`);
  if (movedFrom !== undefined) head.push(`moved from ${showPath(movedFrom)}, every byte the same`);
  if (movedTo !== undefined) head.push(`moved to ${showPath(movedTo)}`);
  return head;
};

const describeBytes = ({ sizeBefore, sizeBytes, mode, modeBefore }: ReviewFile): string => {
  if (mode === gitlinkMode || modeBefore === gitlinkMode) return "a repository inside this one";
  const sides = [sizeBefore, sizeBytes].flatMap((size) => (size === undefined ? [] : `${size} bytes`));
  return `no text, or too large to be shown: ${sides.join(" → ")}`;
};

const longestLine = 4_000;

const styles: Record<string, Style> = { "+": "green", "-": "red", "@": "cyan", "\\": "dim" };

const printLine = (bytes: Uint8Array, paint: Paint): string => {
  const whole = decodeName(bytes);
  const text = whole.slice(0, longestLine);
  const style = styles[text[0] ?? ""];
  const rest = whole.length > longestLine ? paint("inverse", `… ${whole.length - longestLine} more characters`) : "";
  return colourLine(text, style, paint) + rest;
};

/** Tabs stay. What is spelled out stands out, so that nobody takes it for what the file says. */
const colourLine = (text: string, style: Style | undefined, paint: Paint): string => {
  const dress = (plain: string) => (style === undefined || plain === "" ? plain : paint(style, plain));
  const plain = text.replaceAll("\t", "");
  if (escapeControls(plain) === plain) return dress(text);
  let [line, run] = ["", ""];
  for (const character of text) {
    const escaped = character === "\t" ? character : escapeCharacter(character);
    if (escaped === character) run += character;
    else {
      line += dress(run) + paint("inverse", escaped);
      run = "";
    }
  }
  return line + dress(run);
};

/** A byte that is no UTF-8 is a lone surrogate (`name-bytes.ts`). */
const escapeCharacter = (character: string): string => {
  const code = character.codePointAt(0)!;
  return code >= 0xdc80 && code <= 0xdcff ? `\\x${(code - 0xdc00).toString(16)}` : escapeControls(character);
};

const widestBar = 40;

/** A line for each file, and one for all. */
export const printStat = (review: Review, { isColoured, paths }: Pick<Look, "isColoured" | "paths">): string[] => {
  const paint = painter(isColoured);
  const files = selectFiles(review, paths);
  const names = files.map((file) => showPath(file.path));
  const width = Math.min(80, Math.max(0, ...names.map(({ length }) => length)));
  const most = Math.max(1, ...files.map(({ added = 0, removed = 0 }) => added + removed));
  const bar = (count: number) => Math.ceil((count * Math.min(widestBar, most)) / most);
  const lines = files.map((file, at) => {
    const { added, removed } = file;
    const detail =
      added === undefined || removed === undefined
        ? describeBytes(file)
        : `${added + removed} ${paint("green", "+".repeat(bar(added)))}${paint("red", "-".repeat(bar(removed)))}`;
    return ` ${names[at]!.padEnd(width)} | ${detail.trimEnd()}${noteOf(file)}`;
  });
  const sum = (key: "added" | "removed") => files.reduce((total, file) => total + (file[key] ?? 0), 0);
  const count = `${files.length} ${files.length === 1 ? "file" : "files"} changed`;
  return [...lines, ` ${count}, ${sum("added")} lines added, ${sum("removed")} removed`];
};

const noteOf = (file: ReviewFile): string => {
  const { kind, mode, modeBefore } = file;
  if (file.movedFrom !== undefined) return ` (moved from ${showPath(file.movedFrom)})`;
  const isProgram = (value: number | undefined) => value === 0o100755;
  if (kind === "added") return isProgram(mode) ? " (new, executable)" : " (new)";
  if (kind === "deleted") return file.movedTo === undefined ? " (deleted)" : ` (moved to ${showPath(file.movedTo)})`;
  return isProgram(mode) && !isProgram(modeBefore) ? " (executable now)" : "";
};

const idShown = 10;

/** A line for each commit: beginning of its id, day, author, subject. */
export const printCommits = ({ commits, commitCount }: Review, { isColoured }: Pick<Look, "isColoured">): string[] => {
  const paint = painter(isColoured);
  const line = ({ id, at, author, subject }: ReviewCommit) =>
    `${paint("yellow", id.slice(0, idShown))} ${at.slice(0, 10)} ${showText(author.name)}: ${showText(subject)}`;
  const lines = commits.map(line);
  return commitCount > commits.length ? [...lines, `… and ${commitCount - commits.length} more`] : lines;
};

const longestText = 100;

const showText = (text: string): string => {
  const shown = escapeControls(text);
  return shown.length > longestText ? `${shown.slice(0, longestText)}…` : shown;
};
