import { placeholderOf, providerOf } from "../../credentials/providers.ts";
import type { Variable } from "../../plan/environment.ts";
import type { Agent, Seed } from "../agent.ts";
import {
  bringAddress,
  bringHeaderLines,
  bringServer,
  bringVariables,
  type Ledger,
  leave,
  type Owner,
  ownerOf,
} from "../mcp/secrets.ts";
import {
  isServerKey,
  type McpReading,
  type McpServer,
  type McpTables,
  projectMcp,
  readServer,
  readServers,
  writeServer,
} from "../mcp/servers.ts";
import { isPlain, isSecretKey, isSecretName, isSecretValue } from "./secrecy.ts";
import { isTable, mapTable, type Setting, type Settings } from "./text.ts";

export type SettingsSeed = Extract<Seed, { kind: "settings" }>;

/** A settings file of the user's own. */
export type OwnSettings = {
  /** Its path on the host, and its name for people. */
  path: string;
  label: string;
  seed: SettingsSeed;
  value: Settings;
};

/** The project's directory, and the names under which the agent on the host knows the project, the likeliest first. */
export type ProjectNames = { workdir: string; names: string[] };

/** A settings file as it stands inside. */
export type Projection = {
  inside: Settings;
  servers: McpServer[];
  /** The agent's own keys that it held; the broker of these is another. */
  keys: Record<string, string>;
};

/**
 * A settings file without what is secret or another project's. Secrets of MCP servers become placeholders where there
 * is a way to put the real ones in; what the ledger's mode or the lack of such a way leaves out is gone.
 */
export const projectSettings = (own: OwnSettings, agent: Agent, project: ProjectNames, ledger: Ledger): Projection => {
  const { seed, label, value } = own;
  const selected = selectProject(selectKeys(value, seed), seed, project);
  const keys: Record<string, string> = {};
  const owner: Owner = { about: label, short: `${agent.name} ${seed.name}` };
  const { mcp: dialect } = agent;
  const scrub = (place: Settings, whose: Owner, skip: (key: string) => boolean) =>
    ledger.mode === "share" ? place : withoutSecrets(place, { ledger, owner: whose, skip, agent, keys });
  const clean = scrub(selected, owner, (key) => key === dialect?.table);
  const printed = printPlaceholder(clean, seed, agent, ledger);
  if (!dialect) return { inside: printed, servers: [], keys };
  const tables: McpTables = { dialect, projects: seed.projects };
  const reading: McpReading = { origin: label, scope: "user", env: ledger.env };
  const inside = projectMcp(printed, tables, (name, entry) => {
    const server = readServer(name, entry, dialect, reading);
    const whose = ownerOf({ name, origin: label });
    if (!server) return scrub(entry, whose, () => false);
    const rest = scrub(entry, whose, (key) => isServerKey(dialect, key));
    return writeServer(rest, bringServer(ledger, server), dialect);
  });
  return { inside, servers: readServers(selected, tables, reading), keys };
};

/** The key's real value is asked for outside; inside it has no way to come from. */
const printPlaceholder = (place: Settings, seed: SettingsSeed, { keyHelper }: Agent, { mode }: Ledger): Settings => {
  if (mode === "share" || !keyHelper || seed.name !== keyHelper.file || place[keyHelper.key] === undefined)
    return place;
  const { key, variable } = keyHelper;
  const placeholder = placeholderOf(variable, providerOf(variable)?.prefix ?? "");
  return mapTable(place, (value, name) =>
    name !== key ? value : mode === "broker" ? `echo ${placeholder}` : undefined,
  );
};

const selectKeys = (value: Settings, { keep, projects }: SettingsSeed): Settings =>
  keep ? mapTable(value, (entry, key) => (keep.includes(key) || key === projects ? entry : undefined)) : value;

/** Of the table of projects only this one, under the name that it has inside. */
const selectProject = (value: Settings, { projects }: SettingsSeed, { workdir, names }: ProjectNames): Settings => {
  if (projects === undefined || value[projects] === undefined) return value;
  const all = isTable(value[projects]) ? value[projects] : {};
  const name = names.find((candidate) => Object.hasOwn(all, candidate));
  return { ...value, [projects]: name === undefined ? {} : { [workdir]: all[name]! } };
};

type Scrubbing = {
  ledger: Ledger;
  owner: Owner;
  /** Keys whose values are gone through by themselves. */
  skip: (key: string) => boolean;
  agent: Agent;
  keys: Record<string, string>;
};

const withoutSecrets = (place: Settings, scrubbing: Scrubbing, path = ""): Settings =>
  mapTable(place, (value, key) => {
    const at = path === "" ? key : `${path}.${key}`;
    if (scrubbing.skip(key)) return value;
    if (key === "env" && isTable(value)) return bringOwnVariables(value, scrubbing);
    if (typeof value === "string" && isSecretKey(key) && !isPlain(value))
      return leave(scrubbing.ledger, scrubbing.owner, at);
    return withoutSecret(value, scrubbing, at);
  });

const withoutSecret = (value: Setting, scrubbing: Scrubbing, at: string): Setting | undefined => {
  if (isTable(value)) return withoutSecrets(value, scrubbing, at);
  if (Array.isArray(value)) return value.flatMap((entry) => withoutSecret(entry, scrubbing, at) ?? []);
  if (typeof value === "string" && isSecretValue(value)) return leave(scrubbing.ledger, scrubbing.owner, at);
  return value;
};

/** Variables that the agent sets for itself and its tools. */
const bringOwnVariables = (table: Settings, { ledger, owner, agent, keys }: Scrubbing): Settings => {
  const texts = Object.entries(table).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  const { customHeaders } = agent;
  const own = texts.filter(([name]) => agent.keys.includes(name));
  if (ledger.mode === "broker") Object.assign(keys, Object.fromEntries(own));
  const lines = texts.filter(([name]) => name === customHeaders?.variable);
  const others = texts.filter((entry) => !own.includes(entry) && !lines.includes(entry));
  const isSecret = (name: string, text: string) => (isSecretName(name) && !isPlain(text)) || isSecretValue(text);
  const brought = bringVariables(
    ledger,
    owner,
    Object.fromEntries(others.map(([name, text]) => [name, { text, isSecret: isSecret(name, text) }])),
  );
  const url = String(table[customHeaders?.baseUrl ?? ""] ?? addressOfHeaders(agent, ledger));
  const headers = lines.map(([name, text]) => [name, bringHeaderLines(ledger, owner, url, text)]);
  return {
    ...mapTable(table, (value) => (typeof value === "string" ? undefined : value)),
    ...{ ...brought, ...Object.fromEntries(headers) },
  };
};

/**
 * Variables of the host's that come along for the agent, where they hold secrets: with what may stand inside in their
 * place. `settings` are those that a variable holds, as they stand inside.
 */
export const projectVariables = (agent: Agent, ledger: Ledger, settings: Settings | undefined): Variable[] => {
  const { baseUrls, baseUrlSettings, customHeaders } = agent;
  const { env, mode } = ledger;
  if (mode === "share") return [];
  const change = (name: string | undefined, bring: (text: string, whose: Owner) => string): Variable[] => {
    const text = env[name ?? ""];
    if (!name || !text) return [];
    const value = bring(text, { about: name, short: name });
    return value === text ? [] : [{ name, value, origin: `--credentials ${mode}` }];
  };
  return [
    ...baseUrls.flatMap((name) => change(name, (text, whose) => bringAddress(ledger, whose, text))),
    ...change(customHeaders?.variable, (text, whose) =>
      bringHeaderLines(ledger, whose, addressOfHeaders(agent, ledger), text),
    ),
    ...change(baseUrlSettings?.variable, () => JSON.stringify(settings ?? {})),
  ];
};

const addressOfHeaders = ({ customHeaders }: Agent, { env }: Ledger): string =>
  env[customHeaders?.baseUrl ?? ""] || (customHeaders?.usual ?? "");
