import { runPipeline } from "../exec.ts";
import type { Host } from "../host.ts";
import type { Mount } from "../plan/plan.ts";
import { lastLine } from "../workspace/private-refs.ts";
import { isObjectId } from "../workspace/refs.ts";
import { gitInside, prepareThrowaway, type ThrowawayRequest } from "../workspace/throwaway.ts";
import { scratchInside, treeInside } from "./scratch.ts";
import { parseRaw } from "./tree-diff.ts";
import type { Comparison } from "./work.ts";

/** Looks at a session's files and at its private git directory, in throw-away sandboxes. */

export type ScanRequest = {
  host: Host;
  id: string;
  /** The private git directory, or the one that plays it. */
  directory: string;
  below: string;
  /** Object stores of the host. */
  objects: string[];
  git: string;
  /** For what undoes a launch. */
  room: string;
  mounts: Mount[];
  /** The commit of the base, and that of the host's HEAD at the start or a tree without entries. */
  base: string;
  start: string;
  /** False without git: then nothing is ignored. */
  hasGit: boolean;
  /** False: what was made inside begins at the start, and the private directory is not asked. */
  asksPrivate: boolean;
  /** What git remembers of the files is worth keeping: they are not the host's. */
  keepsIndex: boolean;
  /** Where in the sandbox all files of the session's own making are. */
  own: string;
  memoryBytes: number;
  /** A file with more bytes is left out. */
  inputBytes: number;
  timeoutMs: number;
};

export type Scan = Comparison & {
  /** The session's commit; undefined when HEAD leads to none. */
  head: string | undefined;
  /** The private git directory lets whoever asks it wait for ever. */
  isMute: boolean;
  /** What git complained about: files that it could not read, and the like. */
  complaints: string;
};

/** git could not answer in this time: somebody makes it wait. */
const patienceSeconds = 10;
const mostBytes = 512 * 1024 * 1024;

/**
 * What could never come over need not be read to its end: a file that is too large stays as it was, or is ignored. Names
 * are lists with NULs; a pattern cannot hold a line end, and `?` stands for it.
 */
const leaveOutLarge = `large=/tmp/large
(cd "$CORDON_OWN" && find . -name .git -prune -o -type f -size +"$CORDON_MOST"c -printf '%P\\0') >$large
if [ -s $large ]; then
  xargs -0 -r "$@" --literal-pathspecs ls-files -z -- <$large | "$@" update-index -z --assume-unchanged --stdin
  sed -z 's/[][*?\\!#]/\\\\&/g; s/\\n/?/g; s/^/\\//' $large | tr '\\0' '\\n' >>${scratchInside}/info/exclude
  sed -z "s/\\n/?/g; s/^/too large: /" $large | tr '\\0' '\\n' >&2
fi
`;

/**
 * First HEAD of the private directory; then, without anything of that directory, the tree of the files; then what both
 * have to do with each other. Whatever waits in the private directory costs so many seconds and no more.
 */
const scanScript = `timed() { timeout -s KILL ${patienceSeconds} "$@"; }
head=
mute=
if [ -n "$CORDON_PRIVATE" ]; then
  head=$(timed "$@" rev-parse -q --verify 'HEAD^{commit}')
  [ $? -ne 137 ] || mute=mute
fi
unset GIT_COMMON_DIR
export GIT_DIR=${scratchInside} GIT_WORK_TREE=${treeInside} GIT_OBJECT_DIRECTORY=${scratchInside}/objects
cd ${treeInside} || exit
${leaveOutLarge}"$@" -c advice.addEmbeddedRepo=false -c core.safecrlf=false add -A $CORDON_FORCE --ignore-errors . 2>/tmp/said
if [ $? -gt 1 ]; then tail -n 1 /tmp/said >&2; exit 2; fi
tree=$("$@" write-tree --missing-ok) || exit
rows() { "$@" && printf '=\\0'; }
words='diff-tree -r -z --raw --no-abbrev --no-renames --no-ext-diff'
echo "tree $tree"
rows "$@" $words "$CORDON_BASE" "$tree" -- || exit
export GIT_ALTERNATE_OBJECT_DIRECTORIES="$GIT_ALTERNATE_OBJECT_DIRECTORIES:${gitInside}/objects"
if [ -n "$head" ] && rows timed "$@" $words "$CORDON_START" "$head" -- >${scratchInside}/rows &&
  rows timed "$@" $words "$tree" "$head" -- >>${scratchInside}/rows
then cat ${scratchInside}/rows; else
  head=
  printf '=\\0'
  rows "$@" $words "$tree" "$CORDON_START" -- || exit
fi
echo "head $head$mute"
if [ -n "$CORDON_KEEP" ]; then
  cp ${scratchInside}/index ${scratchInside}/next && GIT_INDEX_FILE=${scratchInside}/next "$@" read-tree -m "$CORDON_BASE"
fi
cat /tmp/said >&2
echo end`;

/** A sentence when it does not succeed. */
export const scanSession = async (request: ScanRequest): Promise<Scan | { problem: string }> => {
  const { base, start, hasGit, asksPrivate, keepsIndex, timeoutMs } = request;
  const env = {
    CORDON_BASE: base,
    CORDON_START: start,
    CORDON_PRIVATE: asksPrivate ? "1" : "",
    CORDON_FORCE: hasGit ? "" : "-f",
    CORDON_OWN: request.own,
    CORDON_MOST: String(request.inputBytes),
    CORDON_KEEP: keepsIndex ? "1" : "",
  };
  const done = await runInside(request, scanScript, env, new Uint8Array(), timeoutMs);
  if (done.isTimedOut) return { problem: "looking at its files did not come to an end in time" };
  if (done.isTooLong) return { problem: "it has changed too many files" };
  const parsed = parseScan(done.stdout);
  if (parsed) return { ...parsed, complaints: done.errors[0] ?? "" };
  return { problem: `its files cannot be looked at: ${lastLine(done.errors[0] ?? "") || "killed"}` };
};

/** Undefined when the output breaks off. Pure. */
export const parseScan = (bytes: Uint8Array): Omit<Scan, "complaints"> | undefined => {
  const sections: Uint8Array[] = [];
  const line = /^tree ([0-9a-f]+)\n/.exec(latin(bytes.subarray(0, 80)));
  let at = line?.[0].length ?? bytes.length;
  for (let from = at; at < bytes.length && sections.length < 3; ) {
    if (bytes[at] === equals && bytes[at + 1] === 0) {
      sections.push(bytes.subarray(from, at));
      at += 2;
      from = at;
    } else at = afterZero(bytes, afterZero(bytes, at));
  }
  const [, head = ""] = /^head ([0-9a-z]*)\nend\n$/.exec(latin(bytes.subarray(at, at + 100))) ?? [];
  if (sections.length < 3 || !latin(bytes.subarray(-5)).endsWith("\nend\n")) return undefined;
  const [changed, committed, open] = sections.map(parseRaw);
  const found = { changed: changed!, committed: committed!, open: open! };
  return { ...found, head: isObjectId(head) ? head : undefined, isMute: head.endsWith("mute") };
};

const equals = "=".charCodeAt(0);
const latin = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

const afterZero = (bytes: Uint8Array, at: number): number => {
  const found = bytes.indexOf(0, at);
  return found < 0 ? bytes.length : found + 1;
};

const composeScript = `unset GIT_COMMON_DIR
export GIT_DIR=${scratchInside} GIT_OBJECT_DIRECTORY=${scratchInside}/objects
export GIT_ALTERNATE_OBJECT_DIRECTORIES="$GIT_ALTERNATE_OBJECT_DIRECTORIES:${gitInside}/objects"
"$@" update-index -z --replace --index-info && tree=$("$@" write-tree --missing-ok) || exit
if [ "$tree $CORDON_PARENT" = "$CORDON_KNOWN" ]; then echo "$CORDON_TIP"; exit; fi
printf '%s\\n' "$CORDON_MESSAGE" | "$@" commit-tree \${CORDON_PARENT:+-p "$CORDON_PARENT"} "$tree"`;

export type Composition = {
  /** Reads as `git update-index --index-info` wants it. */
  entries: Uint8Array;
  parent: string | undefined;
  message: string;
  author: string;
  /** A commit that does again when it has this tree and this parent. */
  known?: { tip: string; tree: string; parent: string };
};

/** The commit of what was scanned, but for these entries; a sentence when it does not succeed. */
export const composeWork = async (
  request: ScanRequest,
  { entries, parent = "", message, author, known }: Composition,
): Promise<string | { problem: string }> => {
  const email = "cordon@localhost";
  const env = {
    CORDON_PARENT: parent,
    CORDON_MESSAGE: message,
    CORDON_KNOWN: known ? `${known.tree} ${known.parent}` : "",
    CORDON_TIP: known?.tip ?? "",
    ...{ GIT_AUTHOR_NAME: author, GIT_AUTHOR_EMAIL: email, GIT_COMMITTER_NAME: author, GIT_COMMITTER_EMAIL: email },
  };
  const done = await runInside(request, composeScript, env, entries, request.timeoutMs);
  const id = Buffer.from(done.stdout).toString().trim();
  if (done.codes[0] === 0 && isObjectId(id)) return id;
  if (done.isTimedOut) return { problem: "putting its files together did not come to an end in time" };
  return { problem: `its files cannot be put together: ${lastLine(done.errors[0] ?? "") || "killed"}` };
};

const runInside = async (
  request: ScanRequest,
  script: string,
  env: Record<string, string>,
  input: Uint8Array,
  timeoutMs: number,
) => {
  const { program, release } = prepareThrowaway({
    ...(request satisfies Omit<ThrowawayRequest, "script">),
    script,
    env,
  });
  try {
    return await runPipeline([program], { input, timeoutMs, maxBytes: mostBytes });
  } finally {
    release();
  }
};
