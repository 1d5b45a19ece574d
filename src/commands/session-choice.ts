import path from "node:path";
import { formatAge } from "../cli/table.ts";
import { errorOf } from "../errors.ts";
import { isWithin } from "../places.ts";
import { shadowOf } from "../sessions/bare.ts";
import { collectSession } from "../sessions/collect.ts";
import { partsOf, type Session, sessionPlace } from "../sessions/record.ts";
import { findSession, listSessions, sessionUser } from "../sessions/store.ts";
import { summarise } from "../sessions/summary.ts";
import { escapeControls } from "../terminal/escape.ts";
import { type Repository, readRepository } from "../workspace/repository.ts";
import type { Context } from "./context.ts";
import { tell } from "./notes.ts";
import { count } from "./session-report.ts";

/** The session that a command is about: by name, or chosen from a list. Throws E_SESSION_UNKNOWN and E_USAGE. */
export const chooseSession = async (context: Context, word: string | undefined): Promise<Session> => {
  const { host, invocation } = context;
  if (word !== undefined) {
    const found = findSession(host, host.project, word);
    if (!found) throw errorOf("E_SESSION_UNKNOWN", word);
    return found;
  }
  const sessions = listSessions(host, host.project);
  if (sessions.length === 0)
    throw errorOf("E_USAGE", "this project has no session", "`cordon --session NAME AGENT …` makes one");
  if (!canAsk(context))
    throw errorOf(
      "E_USAGE",
      `\`cordon ${invocation.command}\` needs the name of a session`,
      `there are: ${sessions.map(({ name }) => name).join(", ")}`,
    );
  const { pickOne } = await import("../terminal/pick.ts");
  const options = sessions.map((session) => ({ value: session.id, ...describe(context, session) }));
  const chosen = await pickOne(`Which session shall \`cordon ${invocation.command}\` take?`, options);
  const session = sessions.find(({ id }) => id === chosen);
  if (!session) throw errorOf("E_USAGE", "no session was chosen", `\`cordon ${invocation.command} NAME\``);
  return session;
};

/** Somebody is there to answer, and reads no JSON. */
export const canAsk = ({ host, invocation }: Context): boolean =>
  host.tty.stdin && host.tty.stderr && !invocation.given.some(({ flag }) => flag.long === "json");

const describe = ({ host }: Context, session: Session): { label: string; hint: string } => {
  const { name, state, commits, files, agent, usedAt } = summarise(host, session);
  const age = formatAge(Date.now() - Date.parse(usedAt));
  const hint = `${state}, ${count(commits, "commit")}, ${count(files, "changed file")}, ${agent}, ${age} ago`;
  return { label: escapeControls(name), hint: escapeControls(hint) };
};

/** A session as it is now: what a run has left behind, which was killed or still goes on, is collected first. */
export const collectIfStale = async ({ host, out }: Context, session: Session): Promise<Session> => {
  if (!session.isStale) return session;
  const isRunning = sessionUser(host, session) !== undefined;
  const repository = session.hasGit ? readRepository(session.project) : undefined;
  const collection = await collectSession({ host, session, repository, isRunning });
  for (const sentence of [...collection.notes, ...collection.problems]) tell(out, sentence);
  return collection.session;
};

/** The host's repository, or the one that plays its part. Throws E_REPOSITORY_UNREADABLE. */
export const repositoryOf = ({ host }: Pick<Context, "host">, session: Session): Repository => {
  if (!session.hasGit) return shadowOf(partsOf(sessionPlace(host, session)).shadow, session.project);
  const repository = readRepository(session.project);
  if (!repository) throw errorOf("E_REPOSITORY_UNREADABLE", session.project, "there is none any more");
  return repository;
};

/** Paths of the project as they are typed, relative to its top. Throws E_USAGE. */
export const pathsInside = ({ cwd, project }: Context["host"], words: string[]): string[] =>
  words.map((word) => {
    const target = path.resolve(cwd, word);
    if (!isWithin(target, project) || target === project)
      throw errorOf("E_USAGE", `${word} is no path in the project`, "`cordon diff NAME --stat` lists the changed ones");
    return path.relative(project, target);
  });
