import fs from "node:fs";
import path from "node:path";
import type { Agent } from "../agents/agent.ts";
import type { PrivateState } from "../agents/state.ts";
import { readSmallFile } from "../config/file.ts";
import { baseUrlDemands, type Demands } from "../egress/base-url.ts";
import { readLearned } from "../egress/learned.ts";
import { agentRules, gitHostRules } from "../egress/presets.ts";
import { type Reader, type RegistryDemands, registryDemands } from "../egress/registries.ts";
import { type Host, listDirectory } from "../host.ts";
import { isWithin } from "../places.ts";
import type { Policy } from "../policy.ts";

type Surroundings = { agent: Agent | undefined; host: Host; states: PrivateState[] };

/**
 * The policy with what a filtered network allows besides the user's own rules: the agent's servers and the presets.
 * The variables tell the tools inside of the user's own registries; the base URLs are where the agent's servers stand.
 */
export const withNetwork = (
  policy: Policy,
  surroundings: Surroundings,
): { policy: Policy; variables: RegistryDemands["variables"]; baseUrls: Demands } => {
  const { network } = policy;
  const { agent, host } = surroundings;
  const named = agent ? baseUrls(agent, policy, surroundings) : { allow: [], hostPorts: [] };
  if (network.mode !== "filtered") return { policy, variables: [], baseUrls: named };
  const registries = network.presets.includes("registries") ? registryDemands(host, reader) : undefined;
  const demands: Demands[] = [
    { allow: agent ? agentRules(agent) : [], hostPorts: [] },
    named,
    ...(registries ? [registries] : []),
    ...(network.presets.includes("git-hosts") ? [{ allow: gitHostRules(), hostPorts: [] }] : []),
  ];
  const learned = readLearned(host.places, host.project);
  const allow = [...network.allow, ...learned.allow, ...demands.flatMap((demand) => demand.allow)];
  const hostPorts = [...network.hostPorts, ...demands.flatMap((demand) => demand.hostPorts)];
  const deny = [...network.deny, ...learned.deny];
  return {
    policy: { ...policy, network: { ...network, allow, deny, hostPorts } },
    variables: registries?.variables ?? [],
    baseUrls: named,
  };
};

/** Variables as they will stand inside: what is set by hand, by the agent's entry, or outside, in this order. */
const baseUrls = (agent: Agent, { env }: Policy, { host, states }: Surroundings): Demands => {
  const variables = { ...host.env, ...agent.env, ...env.set };
  const { state, file } = agent.baseUrlSettings ?? {};
  const place = states.find(({ directory }) => directory.path === state);
  if (!place || file === undefined) return baseUrlDemands(agent, variables, undefined);
  const target = path.join(place.source, file);
  const text = reader.read(target);
  const label = isWithin(target, host.home) ? `~${target.slice(host.home.length)}` : target;
  return baseUrlDemands(agent, variables, text === undefined ? undefined : { text, label });
};

/** What cannot be read says nothing: the user's own tools would complain about it. */
const reader: Reader = {
  list: listDirectory,
  read: (file) => {
    if (fs.statSync(file, { throwIfNoEntry: false }) === undefined) return undefined;
    try {
      return new TextDecoder().decode(readSmallFile(file, { label: file, followLinks: true }));
    } catch {
      return undefined;
    }
  },
};
