import type { NetworkMode } from "../policy.ts";
import type { Config, ConfigValues } from "./config.ts";
import { defaultDiskBytes } from "./policy.ts";
import { parseDurationMs, parseSizeBytes } from "./values.ts";

const looseness = {
  preset: { strict: 0, standard: 1, open: 2 },
  mode: { none: 0, filtered: 1, open: 2 },
  credentials: { none: 0, broker: 1, share: 2 },
} as const;

/**
 * What a project's mode is measured against when the user names none: what every preset but `open` allows. Not the
 * preset of the user's file, because a flag may choose a stricter one and the project's mode would outlive it.
 */
const unnamedMode: NetworkMode = "filtered";

/**
 * The keys by which a project's file asks for more than `base`, the user's own settings: these need trust. Every
 * path to show counts, also inside the project, because a specific path wins over a hidden directory. Agents and the
 * backend count, because they choose programs and machines. Network presets are measured against what the user names,
 * and against none when the user names none: a run may choose the preset that has none. Hiding, denying and lower limits are always fine,
 * and so is `setup`, which runs where the agent runs and may do no more.
 */
export const findWidenings = (values: ConfigValues, base: Config): string[] => [
  ...scalarWidenings(values, base),
  ...filled("filesystem.read", values.filesystem?.read),
  ...filled("filesystem.write", values.filesystem?.write),
  ...(values.filesystem?.["hide-secrets"] === false && base.filesystem.hideSecrets?.value
    ? ["filesystem.hide-secrets"]
    : []),
  ...(values.caches === "shared" && base.caches?.value !== "shared" ? ["caches"] : []),
  ...(values.notify ? ["notify"] : []),
  ...filled("network.allow", values.network?.allow),
  ...(values.network?.presets?.every((preset) => base.network.presets?.value.includes(preset)) === false
    ? ["network.presets"]
    : []),
  ...(values.network?.["host-ports"]?.length ? ["network.host-ports"] : []),
  ...filled("network.publish", values.network?.publish),
  ...filled("env.pass", values.env?.pass),
  ...filled("env.set", Object.keys(values.env?.set ?? {})),
  ...limitWidenings(values, base),
  ...(["userns", "browser", "paste-images"] as const)
    .filter((name) => values.widen?.[name] && !base.widen[name]?.value)
    .map((name) => `widen.${name}`),
  ...Object.keys(values.agents ?? {}).map((name) => `agents.${name}`),
  ...Object.keys(values.services ?? {}).map((name) => `services.${name}`),
  ...Object.keys(values["secret-files"] ?? {}).map((name) => `secret-files.${name}`),
];

const filled = (key: string, list: readonly string[] | undefined): string[] => (list?.length ? [key] : []);

const scalarWidenings = ({ preset, network, credentials, backend }: ConfigValues, base: Config): string[] => {
  const mode = base.network.mode?.value ?? unnamedMode;
  return [
    ...(backend !== undefined && backend !== base.backend.value ? ["backend"] : []),
    ...(preset && looseness.preset[preset] > looseness.preset[base.preset.value] ? ["preset"] : []),
    ...(credentials && looseness.credentials[credentials] > looseness.credentials[base.credentials.value]
      ? ["credentials"]
      : []),
    ...(network?.mode && looseness.mode[network.mode] > looseness.mode[mode] ? ["network.mode"] : []),
  ];
};

const limitWidenings = ({ resources, timeout }: ConfigValues, base: Config): string[] => {
  const limits: [string, number | undefined, number | undefined][] = [
    ["resources.cpus", resources?.cpus, base.resources.cpus?.value],
    ["resources.memory", parsed(resources?.memory, parseSizeBytes), base.resources.memoryBytes?.value],
    ["resources.pids", resources?.pids, base.resources.pids?.value],
    ["resources.disk", parsed(resources?.disk, parseSizeBytes), base.resources.diskBytes?.value ?? defaultDiskBytes],
    ["timeout", parsed(timeout, parseDurationMs), base.timeoutMs?.value],
  ];
  return limits
    .filter(([, asked, limit]) => asked !== undefined && limit !== undefined && asked > limit)
    .map(([key]) => key);
};

const parsed = (text: string | undefined, parse: (text: string) => number | undefined): number | undefined =>
  text === undefined ? undefined : parse(text);
