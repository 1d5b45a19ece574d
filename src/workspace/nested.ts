import fs from "node:fs";

/**
 * Every `.git` below a working tree's top. A directory whose change time is as remembered has the same entries as
 * then (the time cannot be set from user space), so a later look costs one system call a directory. Links are not
 * followed, and what lies in a git directory is not looked at.
 */
export type Nested = {
  /** Relative paths of the `.git` entries. */
  paths: string[];
  /** False when the tree has more directories than anybody wants to wait for. */
  isComplete: boolean;
};

type Seen = { changedMs: number; hasGit: boolean; children: string[] };

const maxDirectories = 200_000;

/** Changes within one tick of the kernel's clock have one time: what changed just now is looked at again. */
const tickMs = 50;

export const findNested = (top: string, cache: string | undefined): Nested => {
  const before = cache === undefined ? new Map<string, Seen>() : readCache(cache);
  const after = new Map<string, Seen>();
  const startedAt = Date.now();
  const paths: string[] = [];
  let isChanged = false;
  const waiting = [""];
  while (waiting.length > 0 && after.size < maxDirectories) {
    const directory = waiting.pop()!;
    const remembered = before.get(directory);
    const changedMs = changeTimeOf(directory === "" ? top : `${top}/${directory}`);
    if (changedMs === undefined) continue;
    const isSame = remembered?.changedMs === changedMs;
    const seen = isSame ? remembered : lookInto(top, directory, changedMs < startedAt - tickMs ? changedMs : 0);
    isChanged ||= !isSame;
    after.set(directory, seen);
    const prefix = directory === "" ? "" : `${directory}/`;
    if (seen.hasGit && directory !== "") paths.push(`${prefix}.git`);
    for (const child of seen.children) waiting.push(prefix + child);
  }
  if (cache !== undefined && (isChanged || after.size !== before.size)) writeCache(cache, after);
  return { paths: paths.sort(), isComplete: waiting.length === 0 };
};

const lookInto = (top: string, directory: string, changedMs: number): Seen => {
  const seen: Seen = { changedMs, hasGit: false, children: [] };
  try {
    for (const entry of fs.readdirSync(`${top}/${directory}`, { withFileTypes: true })) {
      if (entry.name === ".git") seen.hasGit = true;
      else if (entry.isDirectory()) seen.children.push(entry.name);
    }
  } catch {
    // It cannot be entered. Once somebody lets himself in, its change time is another.
  }
  return seen;
};

const changeTimeOf = (directory: string): number | undefined => {
  try {
    return fs.lstatSync(directory).ctimeMs;
  } catch {
    return undefined;
  }
};

const readCache = (file: string): Map<string, Seen> => {
  try {
    const rows: [string, number, boolean, string[]][] = JSON.parse(fs.readFileSync(file, "utf8"));
    return new Map(rows.map(([name, changedMs, hasGit, children]) => [name, { changedMs, hasGit, children }]));
  } catch {
    return new Map();
  }
};

const writeCache = (file: string, seen: Map<string, Seen>): void => {
  const rows = [...seen].map(([name, { changedMs, hasGit, children }]) => [name, changedMs, hasGit, children]);
  const temporary = `${file}.${process.pid}`;
  fs.writeFileSync(temporary, JSON.stringify(rows), { mode: 0o600 });
  fs.renameSync(temporary, file);
};
