import fs from "node:fs";
import path from "node:path";
import type { Host } from "../host.ts";
import { projectKey } from "../places.ts";
import type { Mount } from "../plan/plan.ts";
import type { CredentialMode } from "../policy.ts";
import type { Agent, StateDirectory } from "./agent.ts";
import { bringHistory } from "./history.ts";
import { bringDatabase } from "./history-database.ts";
import { writePrivateFile } from "./private-file.ts";
import { plantSeed, type SeedFacts } from "./seed.ts";
import { type Link, layLinks, linksOf } from "./settings-links.ts";

/**
 * Where an agent keeps what it remembers of one project. The host's own state directory is never mounted: inside
 * stands a private one per project. The user's settings and the shared credential are mounted beside it, in cordon's
 * own place, and linked from it: a mount point below a directory that the agent writes could be turned into a link.
 */
export type PrivateState = {
  directory: StateDirectory;
  /** The user's own directory, as the agent on the host uses it; inside, the private one stands at this path. */
  source: string;
  /** Where the user's agent keeps the files that stand beside that directory unless it has been moved. */
  outer: string;
  /** The private directory on the host, and where cordon notes what it has brought into it; no sandbox sees that. */
  host: string;
  record: string;
  /** The project's directory, and the one that the agent starts in. */
  projects: string[];
  links: Link[];
  /** The variable that moved it, to be set inside as well. */
  variable: { name: string; value: string } | undefined;
};

/**
 * Finds the places; looks at the user's settings, creates nothing. State belongs to the project at `workdir`, or, with
 * `place`, to a session that keeps it there.
 */
export const locateState = (
  agent: Agent,
  host: Host,
  workdir: string,
  credentials: CredentialMode,
  place: string = path.join(host.places.state, "projects", projectKey(workdir)),
): PrivateState[] => {
  const kin = path.join(place, agent.name);
  return agent.state.map((directory) => {
    const variable = movedBy(directory, host);
    const source = variable
      ? path.join(variable.value, directory.moved?.below ?? "")
      : path.join(host.home, directory.path);
    const kept = directory.path.replaceAll("/", "_");
    return {
      directory,
      source,
      outer: variable ? source : path.dirname(source),
      host: path.join(kin, kept),
      record: path.join(kin, `${kept}.record`),
      projects: [...new Set([workdir, host.cwd])],
      links: linksOf(directory, source, credentials === "share", host),
      variable: variable ?? settled(directory, source),
    };
  });
};

/** What the user's variable says, when it is an absolute path. */
const movedBy = ({ moved }: StateDirectory, { env }: Host): PrivateState["variable"] => {
  const value = moved && env[moved.by];
  return moved && value && path.isAbsolute(value) ? { name: moved.by, value } : undefined;
};

/** A directory that can be moved whole is named even where it stands by default: Claude then keeps every file in it. */
const settled = ({ moved }: StateDirectory, source: string): PrivateState["variable"] =>
  moved && moved.below === undefined ? { name: moved.by, value: source } : undefined;

export const mountsOfState = (states: PrivateState[], agent: Agent): Mount[] =>
  states.flatMap(({ host, source, links }): Mount[] => [
    { kind: "bind", source: host, target: source, mode: "rw", origin: `state of ${agent.name}, for this project` },
    ...links.map(
      ({ source, inside, mode }): Mount => ({
        kind: "bind",
        source,
        target: inside,
        mode,
        origin: mode === "rw" ? "--credentials share" : `your settings of ${agent.name}`,
      }),
    ),
  ]);

/** Lays the private directories out: links, seeds and earlier conversations. Touches nothing of the user's own. */
export const prepareState = async (states: PrivateState[], facts: SeedFacts): Promise<void> => {
  for (const state of states) {
    const { directory, host, links } = state;
    fs.mkdirSync(host, { recursive: true, mode: 0o700 });
    layLinks(host, directory, links);
    for (const { name, text } of facts.files.filter(({ state }) => state === directory.path))
      writePrivateFile(host, name, text);
    for (const seed of directory.seeds ?? []) await plantSeed(seed, state, facts);
    if (directory.history?.kind === "files") bringHistory(directory.history, state);
    if (directory.history?.kind === "database") await bringDatabase(directory.history, state);
  }
};
