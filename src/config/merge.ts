import path from "node:path";
import { errorOf } from "../errors.ts";
import type { Rule } from "../policy.ts";
import {
  type AgentSettings,
  bareRecord,
  type Config,
  type ConfigValues,
  type SecretFileSettings,
  type ServiceSettings,
  type Setting,
} from "./config.ts";
import type { Layer } from "./layers.ts";
import { parseDurationMs, parseSizeBytes } from "./values.ts";

/** What holds when nobody says anything. */
export const defaults = {
  agent: "claude",
  backend: "auto",
  preset: "standard",
  credentials: "broker",
} as const satisfies ConfigValues;

/** One Config of all layers, the last one that sets a value winning. Throws E_PATH_INVALID for a path that cannot be meant. */
export const mergeLayers = (layers: readonly Layer[], home: string): Config => {
  const pick = picker(layers);
  const gather = gatherer(layers);
  const paths = (key: string, read: (values: ConfigValues) => string[] | undefined): Rule[] =>
    gather(key, read, (value, layer) => expandPath(value, layer, key, home));
  return {
    agent: pick("agent", (values) => values.agent) ?? byDefault(defaults.agent),
    backend: pick("backend", (values) => values.backend) ?? byDefault(defaults.backend),
    preset: pick("preset", (values) => values.preset) ?? byDefault(defaults.preset),
    credentials: pick("credentials", (values) => values.credentials) ?? byDefault(defaults.credentials),
    ...optional({
      timeoutMs: converted(
        pick("timeout", (values) => values.timeout),
        parseDurationMs,
      ),
      setup: pick("setup", (values) => values.setup),
      setupInputs: pick("setup-inputs", (values) => values["setup-inputs"]),
      caches: pick("caches", (values) => values.caches),
    }),
    notify: mergeNotify(layers),
    filesystem: {
      ...optional({ hideSecrets: pick("filesystem.hide-secrets", (values) => values.filesystem?.["hide-secrets"]) }),
      read: paths("filesystem.read", (values) => values.filesystem?.read),
      write: paths("filesystem.write", (values) => values.filesystem?.write),
      hide: paths("filesystem.hide", (values) => values.filesystem?.hide),
    },
    network: mergeNetwork(layers),
    env: {
      pass: gather("env.pass", (values) => values.env?.pass),
      set: mergeVariables(layers),
      dotenv: gather("env.dotenv", (values) => values.env?.dotenv),
    },
    resources: mergeResources(layers),
    widen: optional({
      userns: pick("widen.userns", (values) => values.widen?.userns),
      browser: pick("widen.browser", (values) => values.widen?.browser),
      "paste-images": pick("widen.paste-images", (values) => values.widen?.["paste-images"]),
    }),
    sshKeys: gather("ssh-agent", (values) => values["ssh-agent"]),
    agents: mergeAgents(layers),
    services: mergeServices(layers, home),
    secretFiles: mergeSecretFiles(layers, home),
  };
};

const mergeResources = (layers: readonly Layer[]): Config["resources"] => {
  const pick = picker(layers);
  return optional({
    cpus: pick("resources.cpus", (values) => values.resources?.cpus),
    memoryBytes: converted(
      pick("resources.memory", (values) => values.resources?.memory),
      parseSizeBytes,
    ),
    pids: pick("resources.pids", (values) => values.resources?.pids),
    diskBytes: converted(
      pick("resources.disk", (values) => values.resources?.disk),
      parseSizeBytes,
    ),
  });
};

/** Lists add up, but for the presets: a later list takes the place of an earlier one, so that it can also be shorter. */
const mergeNetwork = (layers: readonly Layer[]): Config["network"] => {
  const pick = picker(layers);
  const gather = gatherer(layers);
  return {
    ...optional({
      mode: pick("network.mode", (values) => values.network?.mode),
      presets: pick("network.presets", (values) => values.network?.presets),
    }),
    allow: gather("network.allow", (values) => values.network?.allow),
    deny: gather("network.deny", (values) => values.network?.deny),
    hostPorts: layers.flatMap((layer) => {
      const origin = layer.originOf("network.host-ports");
      return (layer.values.network?.["host-ports"] ?? []).map((value) => ({ value, origin }));
    }),
    publish: gather("network.publish", (values) => values.network?.publish),
  };
};

const mergeNotify = (layers: readonly Layer[]): Config["notify"] => {
  const pick = picker(layers);
  const after = pick("notify.after", (values) => values.notify?.after);
  return {
    by: layers.flatMap((layer) =>
      (layer.values.notify?.by ?? []).map((value) => ({ value, origin: layer.originOf("notify.by") })),
    ),
    ...optional({
      command: pick("notify.command", (values) => values.notify?.command),
      afterMs: converted(after, parseDurationMs),
    }),
  };
};

const byDefault = <T>(value: T): Setting<T> => ({ value, origin: "default" });

const picker =
  (layers: readonly Layer[]) =>
  <T>(key: string, read: (values: ConfigValues) => T | undefined): Setting<T> | undefined => {
    const layer = layers.findLast(({ values }) => read(values) !== undefined);
    return layer && { value: read(layer.values)!, origin: layer.originOf(key) };
  };

const gatherer =
  (layers: readonly Layer[]) =>
  (
    key: string,
    read: (values: ConfigValues) => string[] | undefined,
    convert = (value: string, _layer: Layer) => value,
  ): Rule[] =>
    layers.flatMap((layer) =>
      (read(layer.values) ?? []).map((value) => ({ value: convert(value, layer), origin: layer.originOf(key) })),
    );

const converted = <T>(setting: Setting<string> | undefined, parse: (text: string) => T | undefined) => {
  const value = setting && parse(setting.value);
  return value === undefined ? undefined : { value, origin: setting!.origin };
};

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without the keys that have no value. */
const optional = <T extends Record<string, unknown>>(record: T): Defined<T> =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Defined<T>;

const mergeVariables = (layers: readonly Layer[]): Record<string, Setting<string>> =>
  bareRecord(
    layers.flatMap((layer) =>
      Object.entries(layer.values.env?.set ?? {}).map(
        ([name, value]) => [name, { value, origin: layer.originOf("env.set") }] as const,
      ),
    ),
  );

const mergeAgents = (layers: readonly Layer[]): Record<string, AgentSettings> => {
  const merged: Record<string, AgentSettings> = bareRecord();
  for (const layer of layers)
    for (const [name, { command, args, state, env }] of Object.entries(layer.values.agents ?? {})) {
      const given = optional({ command, args, state, env });
      merged[name] = { ...merged[name], ...given, origin: layer.originOf(`agents.${name}`) };
    }
  return merged;
};

const mergeServices = (layers: readonly Layer[], home: string): Record<string, ServiceSettings> => {
  const merged: Record<string, ServiceSettings> = bareRecord();
  for (const layer of layers)
    for (const [name, { "variable-inside": variableInside, file: written, ...others }] of Object.entries(
      layer.values.services ?? {},
    )) {
      const file = written === undefined ? undefined : expandPath(written, layer, `services.${name}.file`, home);
      const given = optional({ ...others, file, variableInside });
      merged[name] = { ...merged[name], ...given, origin: layer.originOf(`services.${name}`) };
    }
  return merged;
};

const mergeSecretFiles = (layers: readonly Layer[], home: string): Record<string, SecretFileSettings> => {
  const merged: Record<string, SecretFileSettings> = bareRecord();
  for (const layer of layers)
    for (const [place, { file: written, ...others }] of Object.entries(layer.values["secret-files"] ?? {})) {
      const key = `secret-files.${place}`;
      const file = written === undefined ? undefined : expandPath(written, layer, `${key}.file`, home);
      merged[expandPath(place, layer, key, home)] = { ...optional({ ...others, file }), origin: layer.originOf(key) };
    }
  return merged;
};

/**
 * An absolute, tidy path; links are not looked at. What a shell would have expanded is refused, because a rule for a
 * path that does not exist would protect nothing.
 */
const expandPath = (written: string, layer: Layer, key: string, home: string): string => {
  const fail = (problem: string, hint: string) =>
    errorOf("E_PATH_INVALID", layer.originOf(key), written, problem, hint);
  if (/^~[^/]/.test(written)) throw fail("only one's own `~/` is known", "write the whole path");
  if (/^\$|\$\{|\$[A-Z_]/.test(written))
    throw fail("variables are not expanded here", "write the path, or begin with `~/`");
  if (written.includes("*")) throw fail("patterns are not expanded here", "name the paths one by one");
  if (/[^/.][^/]*\/+\.\.(\/|$)/.test(written)) throw fail("has `..` in the middle", "write it without");
  if (written === "~" || written.startsWith("~/")) return path.join(home, written.slice(1));
  return path.resolve(layer.directory, written);
};
