import { type Given, isGiven } from "../cli/given.ts";
import { errorOf } from "../errors.ts";
import type { Config, ConfigValues } from "./config.ts";
import { type Layer, layerOfFile, layerOfGiven } from "./layers.ts";
import { mergeLayers } from "./merge.ts";
import { findWidenings } from "./narrow.ts";

/** Everything that has been read, so that resolving reads nothing. */
export type Sources = {
  home: string;
  /** The project's directory, with its links resolved. */
  project: string;
  user?: { values: ConfigValues; label: string; directory: string };
  /** The project's file; its widening keys count only when these very bytes are trusted. */
  projectFile?: { values: ConfigValues; label: string; trusted: boolean };
  /** Variables of the project's `.env` whose names the user's own configuration lists. */
  dotenv?: Map<string, string>;
  /** What `--env-file` names, by the name as given. */
  envFiles?: Record<string, Map<string, string>>;
};

/** The user's own settings alone: what a project is measured against. */
export const resolveUser = (sources: Sources): Config => mergeLayers(userLayers(sources), sources.home);

/**
 * The settings of a run: defaults, the user's file, the project's, then variables and flags in the order of `given`.
 * Throws E_CONFIG_WIDENS, naming the keys, when an untrusted project asks for more than the user's file allows.
 */
export const resolveConfig = (sources: Sources, given: readonly Given[]): Config => {
  const { home, project, projectFile, envFiles = {} } = sources;
  const layers = userLayers(sources);
  if (projectFile) {
    refuseUntrusted(sources);
    layers.push(layerOfFile(projectFile.values, projectFile.label, project));
  }
  layers.push(...given.map((item) => layerOfGiven(item, project, envFiles)));
  const command = given.findLast(({ flag }) => flag.long === "agent-command");
  const config: Config = {
    ...mergeLayers(layers, home),
    ...(command && { agentCommand: { value: command.value, origin: command.origin } }),
  };
  return withoutDeclined(isGiven(given, "safe") ? makeSafe(config, given) : config, given);
};

/** `--no-setup` and `--no-notify` win over whoever asks for it. */
const withoutDeclined = ({ setup, ...config }: Config, given: readonly Given[]): Config => ({
  ...config,
  ...(setup && !isGiven(given, "no-setup") && { setup }),
  ...(isGiven(given, "no-notify") && { notify: { by: [] } }),
});

/** Keys of the project's file that need trust, whether or not it has it. */
export const wideningsOf = (sources: Sources): string[] =>
  sources.projectFile ? findWidenings(sources.projectFile.values, resolveUser(sources)) : [];

/** Origin of values from the project's `.env`; they are secrets more often than not. */
export const dotenvOrigin = ".env of the project";

const userLayers = ({ user, dotenv, project }: Sources): Layer[] => [
  ...(dotenv?.size
    ? [{ values: { env: { set: Object.fromEntries(dotenv) } }, directory: project, originOf: () => dotenvOrigin }]
    : []),
  ...(user ? [layerOfFile(user.values, user.label, user.directory)] : []),
];

const refuseUntrusted = (sources: Sources): void => {
  const keys = sources.projectFile?.trusted ? [] : wideningsOf(sources);
  if (keys.length) throw errorOf("E_CONFIG_WIDENS", sources.projectFile!.label, keys.join(", "));
};

/** `--safe`: at least `standard`, and no looser network than the preset's own unless a flag of this run names it. */
const makeSafe = (config: Config, given: readonly Given[]): Config => {
  const origin = given.find(({ flag }) => flag.long === "safe")!.origin;
  const preset: Config["preset"] = config.preset.value === "open" ? { value: "standard", origin } : config.preset;
  const { mode, ...lists } = config.network;
  const isAsked = given.some((item) => item.flag.long === "net" && item.origin === mode?.origin && isFlag(item));
  const network = mode && (mode.value !== "open" || isAsked) ? { mode, ...lists } : lists;
  return { ...config, preset, network };
};

const isFlag = ({ origin }: Given): boolean => origin.startsWith("-");
