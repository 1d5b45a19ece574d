import fs from "node:fs";
import path from "node:path";
import type { Agent } from "../agents/agent.ts";
import type { GatheredSettings } from "../agents/settings/gather.ts";
import { locateState, type PrivateState } from "../agents/state.ts";
import type { Config } from "../config/config.ts";
import type { Found } from "../credentials/find.ts";
import { secretMounts } from "../credentials/secret-files.ts";
import { errorOf } from "../errors.ts";
import { type Facts, type Host, inspectPath, inspectPaths, listDirectory, listeningSockets } from "../host.ts";
import { isWithin, projectKey } from "../places.ts";
import type { Policy } from "../policy.ts";
import { readUserSettings } from "../workspace/git.ts";
import { formatSettings } from "../workspace/git-settings.ts";
import { composeIgnore } from "../workspace/ignore.ts";
import type { Workspace } from "../workspace/workspace.ts";
import { certificateMounts, houseAuthorities, trustStores } from "./certificates.ts";
import { exposedPlaces, nestedSources, type PlanInput } from "./create.ts";
import { type Composition, composeMounts, pathsOf } from "./filesystem.ts";
import { homeForks } from "./locations.ts";
import type { Mount, Plan } from "./plan.ts";
import { locateProgram } from "./program.ts";
import { settlePolicy } from "./settle.ts";
import { findServed } from "./sockets.ts";
import { agentSupply, browserSupply, cacheSupply, placeholderSupply, type Supply } from "./supplies.ts";
import { checkWorkdir } from "./workdir.ts";

export type Request = {
  id: string;
  host: Host;
  policy: Policy;
  requested: Plan["requested"];
  agent: Agent | undefined;
  /** Program (a name or a path) and its arguments. */
  command: string[];
  services: Config["services"];
  secretFiles: Config["secretFiles"];
  workspace: Workspace;
  /** Package caches. */
  caches: Supply;
  /** Nothing starts after this. */
  isDry: boolean;
  /** The certificate of the authority that the gateway signs with; none where nothing is looked into. */
  authority: string | undefined;
};

export type Gathered = {
  input: PlanInput;
  states: PrivateState[];
  cache: string;
  credentials: Found;
  /** The agent's settings of the user's as they stand inside. */
  settings: GatheredSettings["settings"];
};

/** The one look at the machine before a plan is made. Creates nothing. Throws errors of the catalogue. */
export const gatherPlan = async (request: Request): Promise<Gathered> => {
  const { id, host, requested, agent, command, workspace } = request;
  const { project } = host;
  const states = agent ? locateState(agent, host, project, request.policy.credentials, workspace.state) : [];
  const { policy, found, settings, registries } = await settlePolicy(request, states);
  checkRules(policy, project);
  checkExposure(host, policy, project);
  const cache = path.join(host.places.cache, "projects", projectKey(project));
  const { sockets: served, ...sockets } = await findServed({ id, host, policy });
  const isShut = policy.credentials === "none";
  const secrets = isShut ? [] : await secretMounts(request.secretFiles, { host, isDry: request.isDry });
  const supplies: Supply[] = [
    ...(agent ? [agentSupply(agent, states)] : []),
    cacheSupply(host, cache),
    request.caches,
    { mounts: certificateMounts(host), variables: houseAuthorities(host) },
    { mounts: settings.mounts, variables: [...registries, ...settings.variables] },
    ...(request.authority === undefined ? [] : [trustStores(host, request.authority)]),
    placeholderSupply(host, found),
    { mounts: secrets, variables: [] },
    browserSupply(host, policy),
    sockets,
  ];
  const carried = supplies.flatMap(({ mounts }) => mounts);
  const composition = composeWith(host, policy, workspace.mounts, carried);
  const mounts = composeMounts(composition);
  checkNesting(mounts);
  const install = agent?.install ?? "check the spelling, or install it";
  const program = locateProgram(command[0]!, host, mounts, install);
  const input: PlanInput = {
    ...composition,
    id,
    command: [program.path, ...command.slice(1)],
    agent,
    carried: [...carried, ...program.mounts],
    hostname: hostnameOf(),
    resolver: policy.network.mode === "filtered" ? undefined : resolverOf(composition.facts),
    ...gitFiles(host, policy),
    variables: supplies.flatMap(({ variables }) => variables),
    placeholders: found.variables,
    injections: found.injections,
    gitCredentials: found.gitCredentials,
    served,
    isUnsure: workspace.isUnsure === true,
    requested,
  };
  return { input, states, cache, credentials: found, settings: settings.settings };
};

/** The user's own files for git, as they stand inside. */
const gitFiles = (host: Host, policy: Policy): Pick<PlanInput, "gitConfig" | "gitIgnore"> => {
  const settings = readUserSettings(host);
  const hidden = policy.filesystem.hide.map(({ value }) => value);
  return {
    gitConfig: settings && Buffer.from(formatSettings(settings)),
    gitIgnore: composeIgnore(host, settings ?? [], hidden),
  };
};

const composeWith = (host: Host, policy: Policy, workspace: Mount[], extra: Mount[]): Composition => {
  const listings = listingsOf(host, policy);
  const given = { host, policy, workspace, listings, sockets: listeningSockets(), extra };
  return { ...given, facts: inspectPaths(pathsOf(given)) };
};

/** A rule names something that exists, and one of the project's own paths does not lead out of the project. */
const checkRules = (policy: Policy, project: string): void => {
  for (const { value, origin } of policy.filesystem.hide) {
    // In a configuration file a path may be there on one machine and not on another; on the command line it is a slip.
    const { kind, link } = inspectPath(value);
    if (origin.startsWith("-") && kind === "missing" && link === undefined)
      throw errorOf("E_PATH_INVALID", origin, value, "there is no such file or directory to hide");
  }
  for (const rule of [...policy.filesystem.read, ...policy.filesystem.write]) {
    const fact = inspectPath(rule.value);
    if (fact.kind === "missing")
      throw errorOf("E_PATH_INVALID", rule.origin, rule.value, "there is no such file or directory");
    if (isWithin(rule.value, project) && !isWithin(fact.real, project)) {
      throw errorOf(
        "E_PATH_INVALID",
        rule.origin,
        rule.value,
        `it leads out of the project, to ${fact.real}`,
        "name that path itself",
      );
    }
  }
};

/**
 * Refuses a project that is none, or that would put cordon's own places within reach, before anything is made in them.
 * Throws E_WORKDIR_INVALID and E_STATE_EXPOSED.
 */
export const checkProject = (host: Host, policy: Policy): void => {
  checkWorkdir(host.project, host);
  checkExposure(host, policy, host.project);
};

const checkExposure = (host: Host, policy: Policy, project: string): void => {
  const [exposed] = exposedPlaces(host, policy, project, realOf);
  if (exposed) throw errorOf("E_STATE_EXPOSED", exposed.target, exposed.place);
};

/** Of a place that does not exist yet, the links of the part that does. */
const realOf = (target: string): string => {
  const fact = inspectPath(target);
  if (fact.kind !== "missing" || target === "/") return fact.real;
  return path.join(realOf(path.dirname(target)), path.basename(target));
};

/** What a sandbox may write it may also have turned into a link, to make the next mount land elsewhere. */
const checkNesting = (mounts: Mount[]): void => {
  for (const source of nestedSources(mounts)) {
    if (realOf(source) !== source) {
      throw errorOf(
        "E_PATH_INVALID",
        "mount",
        source,
        "a link stands where something is to be mounted",
        `look at it, then remove it`,
      );
    }
  }
};

const listingsOf = (host: Host, policy: Policy): Record<string, string[]> => {
  if (policy.filesystem.base !== "host") return {};
  const directories = [...parentsOf(host.realHome), ...homeForks.map((name) => path.join(host.realHome, name))];
  return Object.fromEntries(directories.map((directory) => [directory, listDirectory(directory)]));
};

const parentsOf = (target: string): string[] => {
  const parent = path.dirname(target);
  return parent === target ? [] : [...parentsOf(parent), parent];
};

/** Inside, /run is private; a resolv.conf that is a link into it would dangle. */
const resolverOf = (facts: Facts): Uint8Array | undefined => {
  const fact = facts["/etc/resolv.conf"];
  return fact?.kind === "file" && !isWithin(fact.real, "/etc") ? fs.readFileSync(fact.real) : undefined;
};

const hostnameOf = (): string => {
  try {
    return fs.readFileSync("/proc/sys/kernel/hostname", "utf8").trim();
  } catch {
    return "localhost";
  }
};
