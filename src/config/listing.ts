import type { Rule } from "../policy.ts";
import type { Config, Setting } from "./config.ts";
import { dotenvOrigin } from "./resolve.ts";

/** One effective setting as `cordon config` shows it. */
export type SettingRow = { key: string; value: string | number | boolean; origin: string };

export const hidden = "(hidden)";

/** Every effective setting in the order of the file's keys; values that may be secret are hidden. */
export const listSettings = (config: Config): SettingRow[] => [
  row("agent", config.agent),
  row("backend", config.backend),
  row("preset", config.preset),
  row("credentials", config.credentials),
  ...rowIf("timeoutMs", config.timeoutMs),
  ...rowIf("agentCommand", config.agentCommand),
  ...rowIf("setup", written(config.setup)),
  ...rowIf("setup-inputs", written(config.setupInputs)),
  ...rowIf("caches", config.caches),
  ...rules("filesystem.read", config.filesystem.read),
  ...rules("filesystem.write", config.filesystem.write),
  ...rules("filesystem.hide", config.filesystem.hide),
  ...rowIf("filesystem.hide-secrets", config.filesystem.hideSecrets),
  ...rowIf("network.mode", config.network.mode),
  ...rules("network.allow", config.network.allow),
  ...rules("network.deny", config.network.deny),
  ...rowIf("network.presets", written(config.network.presets)),
  ...config.network.hostPorts.map((setting) => row("network.host-ports", setting)),
  ...rules("network.publish", config.network.publish),
  ...rules("env.pass", config.env.pass),
  ...Object.entries(config.env.set).map(([name, setting]) => row(`env.set.${name}`, withoutSecret(name, setting))),
  ...rules("env.dotenv", config.env.dotenv),
  ...Object.entries(config.resources).flatMap(([name, setting]) => rowIf(`resources.${name}`, setting)),
  ...Object.entries(config.widen).flatMap(([name, setting]) => rowIf(`widen.${name}`, setting)),
  ...rules("notify.by", config.notify.by),
  ...rowIf("notify.command", written(config.notify.command)),
  ...rowIf("notify.afterMs", config.notify.afterMs),
  ...rules("ssh-agent", config.sshKeys),
  ...Object.entries(config.agents).flatMap(([name, { origin, env, ...rest }]) => [
    ...Object.entries(rest).map(([key, value]) => ({ key: `agents.${name}.${key}`, value: shown(value), origin })),
    ...Object.entries(env ?? {}).map(([variable, value]) =>
      row(`agents.${name}.env.${variable}`, withoutSecret(variable, { value, origin })),
    ),
  ]),
  ...Object.entries(config.services).flatMap(([name, { origin, ...rest }]) =>
    Object.entries(rest).map(([key, value]) => ({
      key: `services.${name}.${key === "variableInside" ? "variable-inside" : key}`,
      value: typeof value === "boolean" ? value : shown(value),
      origin,
    })),
  ),
  ...Object.entries(config.secretFiles).flatMap(([place, { origin, ...rest }]) =>
    Object.entries(rest).map(([key, value]) => ({ key: `secret-files.${place}.${key}`, value: shown(value), origin })),
  ),
];

const row = (key: string, { value, origin }: Setting<string | number | boolean>): SettingRow => ({
  key,
  value,
  origin,
});

const rowIf = (key: string, setting: Setting<string | number | boolean> | undefined): SettingRow[] =>
  setting ? [row(key, setting)] : [];

const rules = (key: string, list: readonly Rule[]): SettingRow[] => list.map((rule) => row(key, rule));

/** A list that is one setting, because the last one said takes the place of the others. */
const written = (setting: Setting<string | string[]> | undefined): Setting<string> | undefined =>
  setting && { ...setting, value: shown(setting.value) };

const shown = (value: string | string[]): string => (typeof value === "string" ? value : value.join(" "));

const withoutSecret = (name: string, setting: Setting<string>): Setting<string> =>
  /key|token|secret|pass|credential|auth|cookie|session/i.test(name) ||
  setting.origin === dotenvOrigin ||
  /env[-_]file$/i.test(setting.origin) ||
  /:\/\/[^/]*@/.test(setting.value)
    ? { ...setting, value: hidden }
    : setting;
