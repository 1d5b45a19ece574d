import path from "node:path";
import type { Agent } from "../agents/agent.ts";
import { locateState, type PrivateState } from "../agents/state.ts";
import { type Host, inspectPath } from "../host.ts";
import type { Tokens } from "./formats/format.ts";
import { formats } from "./formats/index.ts";
import { parseObject, textOf } from "./formats/json-text.ts";
import { keptTokenFile, readKeptToken } from "./kept.ts";
import { settingsFileOf } from "./keys.ts";
import { lazyExchange, shortenHome, storesOf } from "./logins.ts";
import { isSigning } from "./providers.ts";
import { readCredentialFile } from "./store.ts";
import { createStored } from "./stored.ts";

/** One credential of an agent, where it was found. */
export type Sighting = {
  agent: string;
  /** The variable, the file or the Keychain's item. */
  source: string;
  /** `unknown`: cordon cannot read what stands there, and hands it over only with `--credentials share`. */
  kind: "key" | "login" | "unknown";
  /** The variable in which the agent takes it. */
  variable?: string;
  tokens?: Tokens;
  isRenewable: boolean;
  /** The value of now, renewed where it has to be. */
  value(): Promise<string | undefined>;
};

/** The credentials of one agent, those first that a run prefers. Reads them, and asks nobody. */
export const surveyAgent = async (agent: Agent, host: Host, env: Record<string, string>): Promise<Sighting[]> => {
  const states = locateState(agent, host, host.project, "none");
  const key = (source: string, variable: string, value: string): Sighting => ({
    ...{ agent: agent.name, source, kind: "key", variable, tokens: { access: value }, isRenewable: false },
    value: async () => value,
  });
  const variables = agent.keys.filter((name) => env[name] && !isSigning(name));
  const kept = readKeptToken(host.places, agent.name);
  const settings = readSettingsKey(agent, states);
  const logins = await Promise.all(states.map((state) => surveyState(agent, state, host)));
  return [
    ...variables.map((name) => key(`the variable ${name}`, name, env[name]!)),
    ...logins.flat(),
    ...(kept ? [key(shortenHome(keptTokenFile(host.places, agent.name), host.home), kept.variable, kept.value)] : []),
    ...(settings ? [key(shortenHome(settings.file, host.home), settings.variable, settings.value)] : []),
  ];
};

/** What the agent's own settings hold. */
const readSettingsKey = (agent: Agent, states: PrivateState[]) => {
  const place = agent.settingsKey;
  const file = settingsFileOf(agent, states);
  if (!place || file === undefined) return undefined;
  const value = textOf(parseObject(readCredentialFile(file) ?? "")?.[place.key]);
  return value === undefined ? undefined : { file, variable: place.variable, value };
};

const surveyState = async (agent: Agent, state: PrivateState, host: Host): Promise<Sighting[]> => {
  const { credential, credentialFormat } = state.directory;
  if (credential === undefined) return [];
  if (credentialFormat === undefined) return unknownFile(agent, path.join(state.source, credential), host);
  const format = formats[credentialFormat];
  const exchange = lazyExchange(host.env);
  const found: Sighting[] = [];
  for (const store of storesOf(state, { agent: agent.name, credential, format: credentialFormat }, host)) {
    const text = (await store.read()) ?? "";
    for (const login of format.read(text)) {
      const { key, kind, tokens } = login;
      found.push({
        ...{ agent: agent.name, source: store.label, kind: kind === "key" ? "key" : "login", tokens },
        ...(kind === "oauth" && agent.signIn?.variable && { variable: agent.signIn.variable }),
        isRenewable: format.renewal(login) !== undefined,
        value: async () => {
          const live = createStored({ store, format, key, text, exchange });
          await live.freshen();
          return live.value();
        },
      });
    }
  }
  return found;
};

const unknownFile = (agent: Agent, file: string, host: Host): Sighting[] =>
  inspectPath(file).kind === "file"
    ? [
        {
          ...{ agent: agent.name, source: shortenHome(file, host.home), kind: "unknown", isRenewable: false },
          value: async () => undefined,
        },
      ]
    : [];
