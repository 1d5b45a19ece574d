import { type GitCall, runGit } from "../../workspace/git.ts";
import { idPattern, lastLine } from "../../workspace/private-refs.ts";

/** Commits as data. They come from inside a session, so nothing of them is trusted but their form, which fsck has seen. */

export type Person = { name: string; email: string };

export type Commit = {
  id: string;
  tree: string;
  parents: string[];
  author: Person & { date: string };
  committer: Person & { date: string };
  /** The bytes as they are: any encoding, any length. */
  message: Uint8Array;
};

/** Bytes that commits may have together, to be read at once. */
const mostBytes = 64 * 1024 * 1024;

/** Reads commits in the order of the ids. Throws when one cannot be read, or they are too large. */
export const readCommits = async (ids: string[], call: GitCall): Promise<Commit[]> => {
  if (ids.length === 0) return [];
  const done = await runGit(["cat-file", "--batch"], { ...call, input: `${ids.join("\n")}\n`, maxBytes: mostBytes });
  if (done.isTooLong) throw new Error("the commits are too large to be read");
  const commits: Commit[] = [];
  for (let at = 0; at < done.stdout.length; ) {
    const end = done.stdout.indexOf(10, at);
    const [id = "", kind, size] = Buffer.from(done.stdout.subarray(at, end)).toString("latin1").split(" ");
    if (kind !== "commit") throw new Error(`${id} is no commit`);
    commits.push(parseCommit(id, done.stdout.subarray(end + 1, end + 1 + Number(size))));
    at = end + 2 + Number(size);
  }
  if (commits.length !== ids.length) throw new Error(`commits cannot be read: ${lastLine(done.stderr)}`);
  return commits;
};

/** Header lines, an empty line, the message (gitformat: `commit` objects). */
const parseCommit = (id: string, bytes: Uint8Array): Commit => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const blank = buffer.indexOf("\n\n");
  const lines = buffer
    .subarray(0, blank < 0 ? buffer.length : blank)
    .toString()
    .split("\n");
  const values = (name: string) =>
    lines.flatMap((line) => (line.startsWith(`${name} `) ? [line.slice(name.length + 1)] : []));
  return {
    id,
    tree: values("tree")[0] ?? "",
    parents: values("parent").filter((value) => idPattern.test(value)),
    author: parsePerson(values("author")[0] ?? ""),
    committer: parsePerson(values("committer")[0] ?? ""),
    message: blank < 0 ? new Uint8Array() : buffer.subarray(blank + 2),
  };
};

/** `NAME <EMAIL> SECONDS ZONE`; the date in git's own form with an `@` in front, which is never taken for another. */
const parsePerson = (text: string): Commit["author"] => {
  const [, name = "", email = "", date = "0 +0000"] = /^(.*?) ?<([^>]*)> ?(\d+ [+-]\d{4})?/s.exec(text) ?? [];
  return { name, email, date: `@${date}` };
};

/** The first paragraph of a message, on one line. */
export const subjectOf = ({ message }: Pick<Commit, "message">): string =>
  Buffer.from(message)
    .toString()
    .trimStart()
    .split(/\n\s*\n/)[0]!
    .replace(/\s*\n\s*/g, " ")
    .trimEnd();

/** Which session a commit has come from: told by the host, because nothing inside can be believed to tell it. */
export const trailerOf = ({ name, agent }: { name: string; agent: string }): string =>
  `Cordon-Session: ${name} (${agent.replace(/[^\x20-\x7e]/g, "?")})`;

/** A message with one more trailer, in the last paragraph when that consists of trailers (git-interpret-trailers(1)). */
export const addTrailer = (message: Uint8Array, trailer: string): Uint8Array => {
  const text = Buffer.from(message).toString("latin1").replace(/\s+$/, "");
  const last = text.split("\n\n");
  const lines = last.length > 1 ? last.at(-1)!.split("\n") : [];
  const isBlock = lines.length > 0 && lines.every((line) => /^([A-Za-z0-9-]+: |\s)/.test(line));
  if (isBlock && lines.includes(trailer)) return message;
  return Buffer.from(`${text}${text === "" ? "" : isBlock ? "\n" : "\n\n"}${trailer}\n`, "latin1");
};
