import type { GitCall } from "../workspace/git.ts";
import { runGit } from "../workspace/git.ts";
import { showPath } from "../workspace/shown-path.ts";
import { findOnHost } from "./lower.ts";
import type { Session } from "./record.ts";
import { composeWork, type Scan, type ScanRequest } from "./scan.ts";
import { decideWork, findDoubtful, formatIndex, type Work } from "./work.ts";

/** Where the work of a session ends: its own last commit, or one on top of it. */
export type Found = { tip: string; isWork: boolean; own: string | undefined };

/** `hostIndex` is a file that nobody else uses. Undefined when nothing was made and there is no commit. */
export const findTip = async (
  session: Session,
  request: ScanRequest,
  scan: Scan,
  call: GitCall,
  hostIndex: string,
  { problems, notes }: { problems: string[]; notes: string[] },
): Promise<Found | undefined> => {
  const { base, hasGit, name, workspace } = session;
  const own = scan.head ?? base.head ?? (hasGit ? undefined : base.commit);
  if (hasGit && base.head !== undefined && scan.head === undefined)
    problems.push(`HEAD inside leads to no commit that can be read, so the files stand upon ${base.head.slice(0, 12)}`);
  const doubtful = workspace === "overlay" ? findDoubtful(scan) : [];
  const untouched = await findOnHost(doubtful, call, hostIndex);
  const work = decideWork(scan, untouched);
  problems.push(...explainUnread(scan.complaints));
  notes.push(...explainNested(work, scan.complaints));
  if (work.taken === 0) return own === undefined ? undefined : { tip: own, isWork: false, own };
  const idLength = request.base.length;
  const composed = await composeWork(request, {
    entries: formatIndex(
      work.kept.map(({ path, after }) => [path, after]),
      idLength,
    ),
    parent: own,
    message: `Work of session ${name} that was not committed`,
    author: `cordon session ${name}`,
    ...(await findKnown(session, call)),
  });
  if (typeof composed === "string") return { tip: composed, isWork: true, own };
  problems.push(composed.problem);
  return own === undefined ? undefined : { tip: own, isWork: false, own };
};

/** The tip of the last time, when a collection made it: the same work is the same commit. */
const findKnown = async ({ collected }: Session, call: GitCall) => {
  if (!collected?.work) return {};
  const { tip } = collected;
  const asked = await runGit(["show", "-s", "--format=%T%n%P", tip, "--"], call);
  const [tree = "", parent = ""] = asked.text.split("\n");
  return asked.code === 0 ? { known: { tip, tree, parent } } : {};
};

/** git names each one that it could not read; the beginning of what it said is enough. */
const explainUnread = (complaints: string): string[] => {
  const names = [
    ...complaints.matchAll(/^too large: (.+)$/gm),
    ...complaints.matchAll(/^error: unable to index file '(.+)'$/gm),
    ...complaints.matchAll(/^warning: could not open directory '(.+)'/gm),
    ...complaints.matchAll(/^error: (.+): can only add regular files/gm),
  ].flatMap(([, name]) =>
    name!.endsWith("/") && complaints.includes(`'${name}' does not have a commit`) ? [] : name!,
  );
  if (names.length === 0) return [];
  const more = names.length > 1 ? ` and ${names.length - 1} more` : "";
  return [`${showPath(names[0]!)}${more}: not readable or too large, and stays in the session`];
};

const explainNested = ({ nested }: Work, complaints: string): string[] => {
  const unborn = [...complaints.matchAll(/^error: '(.+)\/' does not have a commit checked out$/gm)].map(
    ([, at]) => at!,
  );
  return [...nested, ...unborn].map(
    (at) => `${showPath(at)} is a repository that was made inside: it stays in the session`,
  );
};
