import type { Output } from "../cli/output.ts";
import { isWithin } from "../places.ts";
import { escapeControls } from "../terminal/escape.ts";
import type { Changes, Snapshot } from "../workspace/changes.ts";
import type { ChangedPath } from "../workspace/later.ts";
import { isFirst, openLive } from "../workspace/live.ts";
import type { Brought } from "../workspace/live-bring.ts";
import { foldName } from "../workspace/name-fold.ts";
import type { Placed } from "../workspace/placement.ts";
import { quoteWord } from "../workspace/ref-name.ts";
import { showPath } from "../workspace/shown-path.ts";
import type { ProjectWatch, Settled } from "../workspace/watch-project.ts";
import type { Workspace } from "../workspace/workspace.ts";
import type { Context } from "./context.ts";
import { tell } from "./notes.ts";

/** What is said when a run has ended: which commits came over, and what of its changes the host executes later. */

/** Commits, then what to type about those that could not come to their own place. */
export const reportBrought = (brought: Brought[], out: Output): void => {
  const say = (text: string) => out.note(escapeControls(text));
  for (const { place, imported, hints, problems } of brought) {
    const where = place === "" ? "" : `in ${place}: `;
    if (imported.length > 0) say(`cordon: ${where}commits came over: ${listMoves(imported)}`);
    for (const problem of problems) say(`cordon: ${where}${problem}`);
    for (const { text, command } of hints) {
      say(`cordon: ${where}${text}`);
      say(`  ${place === "" ? command : `(cd ${quoteWord(place)} && ${command})`}`);
    }
  }
};

const mostNames = 5;

/** `main 1234567..89abcde`, as git itself reports what a fetch has moved. */
const listMoves = (moved: Placed[]): string => {
  const shown = moved.slice(0, mostNames).map(({ name, from, id }) => {
    const short = name.replace(/^refs\/(heads|tags)\//, "");
    return from === undefined
      ? `${short} at ${id.slice(0, 7)} (new)`
      : `${short} ${from.slice(0, 7)}..${id.slice(0, 7)}`;
  });
  return moved.length > mostNames ? `${shown.join(", ")} and ${moved.length - mostNames} more` : shown.join(", ");
};

/** What a live run has left that was killed: commits come over, repositories that it made are settled. */
export const recoverLive = async ({ host, out }: Pick<Context, "host" | "out">): Promise<void> => {
  const live = await openLive(host);
  for (const sentence of live.notes) tell(out, sentence);
  reportBrought(live.recovered, out);
  live.release();
};

/** Remembers what there is before a run; costs about three milliseconds. */
export const watchChanges = async ({ top, guarded }: Workspace): Promise<Snapshot> =>
  (await import("../workspace/changes.ts")).takeSnapshot(top, { ignore: guarded });

/** Call when nothing of a run is alive, however it ended: git repositories that it made are made harmless, and told of. */
export const settleProject = async (project: ProjectWatch | undefined, out: Output): Promise<Settled> => {
  const settled = (await project?.settle()) ?? { sentences: [], places: [] };
  for (const sentence of settled.sentences) tell(out, sentence);
  return settled;
};

/** What has changed since, but for what the repositories consist of that were settled. */
export const findOthers = async (before: Snapshot, { places, directories }: Settled): Promise<Changes> => {
  const changes = (await import("../workspace/changes.ts")).findChanges(before, { directories });
  return { ...changes, changed: changes.changed.filter((change) => !isSettled(change, places)) };
};

/** A repository in a git directory is another one, and nobody has looked at that. */
const isSettled = ({ path, repository }: ChangedPath, places: string[]): boolean =>
  places.some((place) => {
    const below = path.slice(place.length).split("/");
    return isWithin(path, place) && (repository ?? place) === place && !below.some((name) => foldName(name) === ".git");
  });

/** Changed files that the host executes later, most dangerous first. */
export const reportLater = async ({ changed, unseen, isCapped }: Changes, { host, out }: Context): Promise<void> => {
  const lines = changed.length > 0 ? await describeLater(changed) : [];
  if (lines.length > 0) out.note("cordon: changed, and executed outside later; look before you run them:");
  for (const line of lines) out.note(`  ${line}`);
  // Whoever reads a list may take it for all; else that a project is large is no news after the first time.
  if (isCapped || (unseen.beyond > 0 && (lines.length > 0 || isFirst(host, "too-large"))))
    out.note("cordon: the project is too large to have looked at all of it; a session shows every change");
  for (const place of unseen.unreadable.slice(0, mostNames))
    out.note(`cordon: ${showPath(place) || "the project"} cannot be read, so nobody has looked into it`);
};

const describeLater = async (changed: ChangedPath[]): Promise<string[]> => {
  const { findLater, summarizeLater } = await import("../workspace/later.ts");
  return summarizeLater(findLater(changed));
};
