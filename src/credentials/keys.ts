import path from "node:path";
import type { Agent } from "../agents/agent.ts";
import type { PrivateState } from "../agents/state.ts";
import type { LiveCredential } from "./credential.ts";
import { placesOf, rulesAgainstMinting, rulesFor } from "./endpoints.ts";
import { objectOf, parseObject, textOf } from "./formats/json-text.ts";
import { brokerOrigin, type Part } from "./found.ts";
import { readKeptToken } from "./kept.ts";
import { fixedCredential } from "./live.ts";
import { isSigning, placeholderOf, providerOf } from "./providers.ts";
import { type CredentialRequest, variablesOf } from "./request.ts";
import { readCredentialFile } from "./store.ts";

/** The keys and tokens that the agent would take from its variables. */
export const findKeys = (request: CredentialRequest): Part[] => {
  const { agent } = request;
  if (!agent) return [];
  const env = variablesOf(request);
  return agent.keys.flatMap((name): Part[] => {
    const value = env[name];
    if (!value || isRefused(name, value, request)) return [];
    if (isSigning(name)) return env["CLAUDE_CODE_USE_BEDROCK"] ? [signingNote] : [];
    // The user has said by hand where it goes.
    if (!providerOf(name) && Object.values(request.services).some(({ variable }) => variable === name)) return [];
    return [keyPart(agent, name, fixedCredential(value), request)];
  });
};

/** The key in the agent's own settings, which counts when neither a variable nor a login is there. */
export const findSettingsKey = (request: CredentialRequest): Part[] => {
  const { agent } = request;
  const value = textOf(readSettings(request)?.[agent?.settingsKey?.key ?? ""]);
  if (!agent?.settingsKey || value === undefined) return [];
  return [keyPart(agent, agent.settingsKey.variable, fixedCredential(value), request)];
};

/** A key in a variable that the user has told the agent not to use: it would be billed instead of the login. */
const isRefused = (name: string, value: string, request: CredentialRequest): boolean => {
  const place = request.agent?.settingsKey;
  if (place?.variable !== name) return false;
  const list = objectOf(readSettings(request)?.[place.refused[0]])?.[place.refused[1]];
  return Array.isArray(list) && list.includes(value.slice(-20));
};

const readSettings = ({ agent, states }: CredentialRequest): Record<string, unknown> | undefined => {
  const file = agent && settingsFileOf(agent, states);
  return file === undefined ? undefined : parseObject(readCredentialFile(file) ?? "");
};

/** The settings in which the agent keeps a key; they stand beside its directory unless that has been moved. */
export const settingsFileOf = ({ settingsKey: place }: Agent, states: readonly PrivateState[]): string | undefined => {
  const state = states.find(({ directory }) => directory.path === place?.state);
  return place && state ? path.join(state.outer, place.file) : undefined;
};

/** The token that `cordon login --with-token` keeps; it counts when neither the environment nor a login says anything. */
export const findKeptKey = (request: CredentialRequest): Part[] => {
  const { agent, host } = request;
  const kept = agent && readKeptToken(host.places, agent.name);
  return agent && kept ? [keyPart(agent, kept.variable, fixedCredential(kept.value), request)] : [];
};

const keyPart = (agent: Agent, name: string, live: LiveCredential, request: CredentialRequest): Part => {
  const provider = providerOf(name);
  if (!provider)
    return {
      notes: [
        `${name} stays outside: cordon does not know which server takes it; \`[services.NAME]\` with \`variable = "${name}"\` says so`,
      ],
    };
  const { hosts, notes } = placesOf(provider, "key", request);
  const placeholder = placeholderOf(name, provider.prefix);
  return {
    injections: [{ credential: name, placeholder, slots: [...provider.slots], hosts }],
    variables: [{ name, value: placeholder, origin: brokerOrigin }],
    live: [[name, live]],
    allow: rulesFor(hosts, agent, name),
    deny: rulesAgainstMinting(provider, hosts),
    notes,
  };
};

const signingNote: Part = {
  notes: [
    "the AWS keys stay outside: they sign each request, so nothing can be put in their place; use AWS_BEARER_TOKEN_BEDROCK, or `--credentials share`",
  ],
};
