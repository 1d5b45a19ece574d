import type { Agent } from "../agents/agent.ts";
import { noteProjectServers } from "../agents/mcp/project.ts";
import { type GatheredSettings, gatherSettings, noSettings } from "../agents/settings/gather.ts";
import type { PrivateState } from "../agents/state.ts";
import type { Config } from "../config/config.ts";
import { type Found, findCredentials } from "../credentials/find.ts";
import type { Host } from "../host.ts";
import type { Policy } from "../policy.ts";
import type { Variable } from "./environment.ts";
import { withNetwork } from "./network.ts";

type Request = {
  host: Host;
  agent: Agent | undefined;
  policy: Policy;
  services: Config["services"];
  isDry: boolean;
};

export type Settled = { policy: Policy; found: Found; settings: GatheredSettings; registries: Variable[] };

/** The policy with what agent, network, the user's settings and credentials add to it. */
export const settlePolicy = async (
  { host, agent, policy, ...request }: Request,
  states: PrivateState[],
): Promise<Settled> => {
  const network = withNetwork(forAgent(policy, agent), { agent, host, states });
  // Without a gateway nothing puts a credential on the wire.
  const isBlind = policy.credentials === "broker" && policy.network.mode !== "filtered";
  const mode = isBlind ? "none" : policy.credentials;
  const surroundings = { host, policy: network.policy, mode };
  const settings = agent ? await gatherSettings(agent, states, surroundings) : noSettings;
  const set = { ...settings.keys, ...policy.env.set };
  const { services, isDry } = request;
  const own = await findCredentials({ agent, host, states, services, isDry, mode, baseUrls: network.baseUrls, set });
  const settled = withRules(network.policy, own, settings);
  const closed = agent && noteProjectServers(agent, settings.project, settled);
  const found: Found = {
    ...own,
    injections: [...own.injections, ...settings.injections],
    live: new Map([...own.live, ...settings.live]),
    notes: [...own.notes, ...settings.notes, ...(closed ? [closed] : [])],
  };
  return { policy: settled, found, settings, registries: network.variables };
};

const withRules = (policy: Policy, { allow, deny }: Found, settings: GatheredSettings): Policy => {
  const { network } = policy;
  return {
    ...policy,
    network: {
      ...network,
      allow: [...network.allow, ...allow, ...settings.allow],
      deny: [...network.deny, ...deny],
      hostPorts: [...network.hostPorts, ...settings.hostPorts],
    },
  };
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
