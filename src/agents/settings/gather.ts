import path from "node:path";
import { type Host, inspectPath } from "../../host.ts";
import { isWithin } from "../../places.ts";
import type { Agent } from "../agent.ts";
import { type McpDemands, mcpDemands } from "../mcp/demands.ts";
import type { Surroundings } from "../mcp/mounts.ts";
import type { ProjectSettings } from "../mcp/project.ts";
import { readPrivateFile } from "../private-file.ts";
import { ownFileOf } from "../seed.ts";
import type { PrivateState } from "../state.ts";
import type { OwnSettings, ProjectNames } from "./projection.ts";
import { parseSettings } from "./text.ts";

export type GatheredSettings = McpDemands & { project: ProjectSettings[] };

export const noSettings: GatheredSettings = {
  ...{
    allow: [],
    hostPorts: [],
    mounts: [],
    variables: [],
    injections: [],
    live: new Map(),
    keys: {},
    settings: new Map(),
  },
  ...{ project: [], notes: [] },
};

/** The one look at an agent's settings, the user's own and the project's. Creates nothing. */
export const gatherSettings = async (
  agent: Agent,
  states: readonly PrivateState[],
  surroundings: Omit<Surroundings, "inspect">,
): Promise<GatheredSettings> => {
  const { host } = surroundings;
  const { own, unreadable } = await readOwnSettings(states, host);
  const names = projectNames(host);
  const held = await readOwnVariable(agent, host);
  const demands = mcpDemands(agent, [...own, ...held], names, { ...surroundings, inspect: inspectPath });
  const broken = unreadable.map((label) => `${label} cannot be read; ${agent.name} starts without it`);
  return {
    ...demands,
    project: await readProjectSettings(agent, host.project),
    notes: [...broken, ...demands.notes],
  };
};

/** Settings that the user keeps in a variable. What cannot be read says nothing, inside as well. */
const readOwnVariable = async ({ baseUrlSettings }: Agent, { env }: Host): Promise<OwnSettings[]> => {
  const name = baseUrlSettings?.variable;
  const text = env[name ?? ""];
  if (!name || !text) return [];
  const seed = { name: "settings.json", kind: "settings" } as const;
  return [{ path: name, label: name, seed, value: (await parseSettings(seed.name, text)) ?? {} }];
};

/** The settings files of the user's own that are there, and the names of those that cannot be read. */
export const readOwnSettings = async (
  states: readonly PrivateState[],
  host: Host,
): Promise<{ own: OwnSettings[]; unreadable: string[] }> => {
  const own: OwnSettings[] = [];
  const unreadable: string[] = [];
  for (const state of states) {
    for (const seed of state.directory.seeds ?? []) {
      if (seed.kind !== "settings") continue;
      const file = ownFileOf(seed, state);
      if (inspectPath(file).kind === "missing") continue;
      const label = isWithin(file, host.home) ? `~${file.slice(host.home.length)}` : file;
      const text = readPrivateFile(path.dirname(file), seed.name, { followLinks: true });
      const value = text === undefined ? undefined : await parseSettings(seed.name, text.trim() === "" ? "{}" : text);
      if (value) own.push({ path: file, label, seed, value });
      else unreadable.push(label);
    }
  }
  return { own, unreadable };
};

/**
 * The settings files of the project. Nothing but a plain file of the project is read, through no link, and one that
 * cannot be read says nothing: the agent will complain about it.
 */
export const readProjectSettings = async ({ mcp }: Agent, workdir: string): Promise<ProjectSettings[]> => {
  const found: ProjectSettings[] = [];
  for (const label of mcp?.project ?? []) {
    const file = path.join(workdir, label);
    if (inspectPath(file).real !== file) continue;
    const text = readPrivateFile(path.dirname(file), path.basename(file), { followLinks: false });
    const value = text === undefined ? undefined : await parseSettings(label, text);
    if (value) found.push({ label, value });
  }
  return found;
};

/** An agent knows a project by the top of its repository, as long as it finds one; inside, that is the project itself. */
export const projectNames = (host: Host): ProjectNames => {
  const { project: workdir, cwd } = host;
  const top = findTop(workdir, host);
  return { workdir, names: [...(top === undefined ? [] : [top]), workdir, cwd] };
};

const findTop = (directory: string, host: Host): string | undefined => {
  if (inspectPath(path.join(directory, ".git")).kind !== "missing") return directory;
  const parent = path.dirname(directory);
  return parent === directory || directory === host.realHome ? undefined : findTop(parent, host);
};
