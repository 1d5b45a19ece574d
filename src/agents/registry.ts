import type { Config } from "../config/config.ts";
import { errorOf } from "../errors.ts";
import type { Agent } from "./agent.ts";
import { catalog } from "./catalog.ts";

/** The agent of that name: the catalogue's, with what the user's configuration changes, or one of the user's own. */
export const findAgent = (name: string, config: Config): Agent => {
  const known = catalog.find((agent) => agent.name === name);
  const own = Object.hasOwn(config.agents, name) ? config.agents[name] : undefined;
  if (!known && !own?.command)
    throw errorOf(
      "E_OPTION_INVALID",
      "agent",
      `there is no agent \`${name}\``,
      `one of ${agentNames(config).join(", ")}`,
    );
  const base = known ?? bare(name);
  return {
    ...base,
    command: config.agentCommand?.value ?? own?.command ?? base.command,
    ...(own?.args && { autonomy: { ...base.autonomy, args: own.args } }),
    ...(own?.state && { state: own.state.map((path) => ({ path })) }),
    env: { ...base.env, ...own?.env },
  };
};

export const agentNames = (config: Config): string[] => [
  ...new Set([...catalog.map((agent) => agent.name), ...Object.keys(config.agents)]),
];

/** Name and own options of every agent, for cutting the command line. */
export const knownAgents = (config: Config): { name: string; options: readonly string[] }[] =>
  agentNames(config).map((name) => ({ name, options: catalog.find((agent) => agent.name === name)?.options ?? [] }));

const bare = (name: string): Agent => ({
  name,
  command: name,
  install: "check `command` in your configuration",
  autonomy: { args: [] },
  subcommands: [],
  options: [],
  state: [],
  env: {},
  keys: [],
  pass: [],
  baseUrls: [],
  hosts: [],
});
