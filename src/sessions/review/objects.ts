import { type GitCall, runGit } from "../../workspace/git.ts";

/** Objects of a session, read for a person: bounded, and by nothing that a repository can choose. */

/** A call that sees neither working tree nor index: no attribute of a project has a say in what is shown. */
export const blindCall = ({ git, repository, config = [], env = {} }: GitCall): GitCall => ({
  git,
  ...(repository && { repository: { gitDir: repository.gitDir } }),
  config: [...config, "core.bare=true", `core.bigFileThreshold=${largestShown}`, "core.quotePath=true"],
  env: { ...env, GIT_GRAFT_FILE: "/dev/null" },
  memoryBytes: 1024 ** 3,
  timeoutMs: 60_000,
});

/** Files beyond that are told by their size alone. */
export const largestShown = 1024 * 1024;

/** Sizes in bytes, of those that are there. */
export const readSizes = async (ids: string[], call: GitCall): Promise<Map<string, number>> => {
  const input = `${ids.join("\n")}\n`;
  const args = ["cat-file", "--batch-check=%(objectname) %(objectsize)"];
  const { text } = await runGit(args, { ...call, input, maxBytes: 64 * 1024 * 1024 });
  const rows = text.split("\n").map((line) => line.split(" "));
  return new Map(rows.flatMap(([id, size]) => (/^\d+$/.test(size ?? "") ? [[id!, Number(size)] as const] : [])));
};

/** The bytes of blobs, of as many as fit. */
export const readBlobs = async (
  ids: string[],
  { mostEach, mostBytes }: { mostEach: number; mostBytes: number },
  call: GitCall,
): Promise<Map<string, Buffer>> => {
  const sizes = await readSizes([...new Set(ids)], call);
  let left = mostBytes;
  const taken = [...sizes].filter(([, size]) => {
    if (size > mostEach || size > left) return false;
    left -= size + 100;
    return true;
  });
  const found = new Map<string, Buffer>();
  if (taken.length === 0) return found;
  const input = `${taken.map(([id]) => id).join("\n")}\n`;
  const { stdout } = await runGit(["cat-file", "--batch"], { ...call, input, maxBytes: 2 * mostBytes + 64 * 1024 });
  for (let at = 0; at < stdout.length; ) {
    const end = stdout.indexOf(10, at);
    const [id, kind, size] = Buffer.from(stdout.subarray(at, end)).toString("latin1").split(" ");
    const length = Number(size);
    if (end < 0 || !Number.isInteger(length)) break;
    if (kind === "blob") found.set(id!, Buffer.from(stdout.subarray(end + 1, end + 1 + length)));
    at = end + 2 + length;
  }
  return found;
};

/** True for bytes in which a person can read something, whatever is strewn among them to look like none. */
export const isReadable = (bytes: Uint8Array): boolean => {
  let strange = 0;
  for (const byte of bytes) if ((byte < 32 && byte !== 9 && byte !== 10 && byte !== 13) || byte === 127) strange += 1;
  return strange <= bytes.length / 10;
};
