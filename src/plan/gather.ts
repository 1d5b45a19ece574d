import fs from "node:fs";
import path from "node:path";
import type { Agent } from "../agents/agent.ts";
import { locateState, mountsOfState, type PrivateState } from "../agents/state.ts";
import { errorOf } from "../errors.ts";
import { type Facts, type Host, inspectPath, inspectPaths, listDirectory, listeningSockets } from "../host.ts";
import { isWithin, projectKey } from "../places.ts";
import type { Policy } from "../policy.ts";
import { readUserSettings } from "../workspace/git.ts";
import { certificateMounts, houseAuthorities } from "./certificates.ts";
import { exposedPlaces, nestedSources, type PlanInput } from "./create.ts";
import type { Variable } from "./environment.ts";
import { type Composition, composeMounts, pathsOf } from "./filesystem.ts";
import { homeForks } from "./locations.ts";
import { withNetwork } from "./network.ts";
import type { Mount, Plan } from "./plan.ts";
import { locateProgram } from "./program.ts";
import { checkWorkdir } from "./workdir.ts";

export type Request = {
  id: string;
  host: Host;
  policy: Policy;
  requested: Plan["requested"];
  agent: Agent | undefined;
  /** Program (a name or a path) and its arguments. */
  command: string[];
};

export type Gathered = { input: PlanInput; states: PrivateState[]; cache: string };

/** The one look at the machine before a plan is made. Creates nothing. Throws errors of the catalogue. */
export const gatherPlan = (request: Request): Gathered => {
  const { id, host, requested, agent, command } = request;
  const workdir = host.cwd;
  checkWorkdir(workdir, host);
  const states = agent ? locateState(agent, host, workdir, request.policy.credentials) : [];
  const { policy, variables } = withNetwork(forAgent(request.policy, agent), { agent, host, states });
  checkRules(policy, workdir);
  checkExposure(host, policy, workdir);
  const cache = path.join(host.places.cache, "projects", projectKey(workdir));
  const carried = [
    ...(agent ? mountsOfState(states, agent) : []),
    ...cacheMounts(host, cache),
    ...certificateMounts(host),
    ...browsers(host, policy),
  ];
  const composition = withFacts({
    host,
    policy,
    workdir,
    listings: listingsOf(host, policy),
    sockets: listeningSockets(),
    extra: carried,
  });
  const mounts = composeMounts(composition);
  checkNesting(mounts);
  const program = locateProgram(
    command[0]!,
    host,
    workdir,
    mounts,
    agent?.install ?? "check the spelling, or install it",
  );
  const input: PlanInput = {
    ...composition,
    id,
    command: [program.path, ...command.slice(1)],
    agent,
    carried: [...carried, ...program.mounts],
    hostname: hostnameOf(),
    resolver: policy.network.mode === "filtered" ? undefined : resolverOf(composition.facts),
    gitConfig: readUserSettings(host, workdir),
    variables: [...houseAuthorities(host), ...variables, ...variablesOf(policy, agent, states)],
    requested,
  };
  return { input, states, cache };
};

const withFacts = (given: Omit<Composition, "facts">): Composition => ({
  ...given,
  facts: inspectPaths(pathsOf(given)),
});

/** A rule names something that exists, and one of the project's own paths does not lead out of the project. */
const checkRules = (policy: Policy, workdir: string): void => {
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
    if (isWithin(rule.value, workdir) && !isWithin(fact.real, workdir)) {
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

const checkExposure = (host: Host, policy: Policy, workdir: string): void => {
  const [exposed] = exposedPlaces(host, policy, workdir, realOf);
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

const cacheMounts = (host: Host, cache: string): Mount[] => [
  {
    kind: "bind",
    source: cache,
    target: path.join(host.realHome, ".cache"),
    mode: "rw",
    origin: "caches of this project",
  },
];

const playwrightPlace = "/run/cordon/ms-playwright";

const browsers = (host: Host, policy: Policy): Mount[] => {
  const source = path.join(host.home, ".cache/ms-playwright");
  if (!policy.widen.has("browser") || inspectPath(source).kind !== "directory") return [];
  return [{ kind: "bind", source, target: playwrightPlace, mode: "ro", origin: "--browser" }];
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

const variablesOf = (policy: Policy, agent: Agent | undefined, states: PrivateState[]): Variable[] => {
  const variables: Variable[] = [];
  if (policy.widen.has("browser"))
    variables.push({ name: "PLAYWRIGHT_BROWSERS_PATH", value: playwrightPlace, origin: "--browser" });
  if (!agent) return variables;
  const origin = `agent ${agent.name}`;
  for (const [name, value] of Object.entries(agent.env)) variables.push({ name, value, origin });
  for (const { variable } of states) if (variable) variables.push({ ...variable, origin });
  return variables;
};

/** An agent's own variables come along, and its keys when they are shared. */
const forAgent = (policy: Policy, agent: Agent | undefined): Policy => {
  if (!agent) return policy;
  const keys = policy.credentials === "share" ? agent.keys : [];
  const pass = [
    ...policy.env.pass,
    ...[...agent.pass, ...agent.baseUrls].map((value) => ({ value, origin: `agent ${agent.name}` })),
    ...keys.map((value) => ({ value, origin: "--credentials share" })),
  ];
  return { ...policy, env: { ...policy.env, pass } };
};
