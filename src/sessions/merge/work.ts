import path from "node:path";
import type { Host } from "../../host.ts";
import { isWithin } from "../../places.ts";
import { type GitCall, runGit } from "../../workspace/git.ts";
import { lastLine } from "../../workspace/private-refs.ts";
import type { Repository } from "../../workspace/repository.ts";
import type { Session } from "../record.ts";
import { addTrailer, type Commit, type Person, trailerOf } from "./commit.ts";
import { refuse } from "./refusal.ts";
import { type MergeSettings, signingEnvironment } from "./settings.ts";

/** What is to be merged: everything, commits of the session by id or the beginning of it, or paths with all below them. */
export type Choice = { kind: "all" } | { kind: "commits"; ids: string[] } | { kind: "files"; paths: string[] };

export type MergeRequest = {
  host: Host;
  /** In whose working tree the user stands; of a directory without git the one that plays its part. */
  repository: Repository;
  session: Pick<Session, "id" | "name" | "agent" | "base" | "hasGit" | "merged">;
  /** The commit that the user has seen. It is on the host already, checked by the import. */
  tip: string;
  choice: Choice;
  /** One commit in place of many. */
  squash?: boolean;
  /** Undefined: as the user's git does. */
  sign?: boolean;
  /** Of the commit that a squash, a merge of both sides or chosen files make. */
  message?: string;
};

export type MergeWork = MergeRequest & {
  /** New objects go into the room; no program that the repository names is run; line ends are as the user has them. */
  call: GitCall;
  /** A directory that goes away with the merge. */
  room: string;
  settings: MergeSettings;
  /** The id of the tree without entries. */
  emptyTree: string;
  isSigned: boolean;
};

export type Draft = {
  tree: string;
  parents: string[];
  message: Uint8Array;
  /** Undefined: the user, now. */
  author?: Commit["author"];
};

/** A passphrase may have to be typed. */
const signingMs = 300_000;

/** Makes a commit in the user's name that says which session it has come from; signed if asked for. */
export const makeCommit = async (work: MergeWork, draft: Draft): Promise<string> => {
  const { call, host, isSigned, repository, session, settings } = work;
  const env = { ...(isSigned && signingEnvironment(host, repository.top)), ...call.env, ...identityOf(work, draft) };
  const parents = draft.parents.flatMap((id) => ["-p", id]);
  const args = ["commit-tree", isSigned ? "-S" : "--no-gpg-sign", ...parents, draft.tree];
  const config = [...(call.config ?? []), ...(isSigned ? signingOf(work) : [])];
  const input = addTrailer(draft.message, trailerOf(session));
  const made = await runGit(args, { ...call, env, config, input, timeoutMs: signingMs });
  if (made.code === 0) return made.text.trim();
  if (!isSigned) return refuse("failed", `git cannot make a commit: ${lastLine(made.stderr)}`, askGit(settings));
  const problem = made.isTimedOut ? "it took too long" : lastLine(made.stderr);
  return refuse(
    "signing",
    `the commit could not be signed: ${problem}`,
    `\`git commit --allow-empty -S\` shows the same; \`cordon merge ${session.name} --no-sign\` merges without a signature`,
  );
};

const askGit = ({ committer }: MergeSettings): string =>
  `you are ${committer?.name.replace(/[^\x20-\x7e]/g, "?") ?? "nobody"} to git: \`git config user.name\``;

/** What signs must not be something that a run in this project may have changed. */
const signingOf = ({ settings, repository }: MergeWork): string[] => {
  const planted = settings.signers.find((file) => path.isAbsolute(file) && isWithin(file, repository.top));
  if (planted !== undefined)
    refuse(
      "signing",
      "your git would sign with a program that lies in this project",
      "`git config gpg.program` names another",
    );
  return settings.signing;
};

const identityOf = ({ settings, session }: MergeWork, { author }: Draft): Record<string, string> => {
  const cordon = session.hasGit ? undefined : { name: "cordon", email: "cordon@localhost" };
  const committer = settings.committer ?? cordon ?? refuseNobody();
  const from = author ?? settings.author ?? cordon ?? refuseNobody();
  return {
    GIT_AUTHOR_NAME: plainName(from),
    GIT_AUTHOR_EMAIL: from.email,
    ...(author && { GIT_AUTHOR_DATE: author.date }),
    GIT_COMMITTER_NAME: committer.name,
    GIT_COMMITTER_EMAIL: committer.email,
  };
};

/** git takes these off both ends of a name, and refuses what is left of none. */
const plainName = ({ name }: Person): string => (/[^\s.,:;<>"\\'\x00-\x20]/.test(name) ? name : "unknown");

const refuseNobody = (): never =>
  refuse(
    "identity",
    "git does not know who you are",
    '`git config --global user.name "Your Name"` and `git config --global user.email you@example.org` tell it',
  );
