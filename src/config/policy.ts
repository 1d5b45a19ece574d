import { networkPresetsOf } from "../egress/presets.ts";
import { errorOf } from "../errors.ts";
import type { CredentialMode, NetworkMode, Policy, Preset, Resources, Widening } from "../policy.ts";
import type { Config } from "./config.ts";
import { parsePublish } from "./values.ts";

/** The network of a preset until a run says otherwise. */
const networkOf: Record<Preset, NetworkMode> = { open: "open", standard: "filtered", strict: "filtered" };

/** Of each private directory in memory. The other limits are off until asked for: joining a control group takes the kernel 13 ms. */
export const defaultDiskBytes = 4 * 1024 ** 3;

/** Turns merged settings into the policy of a run. Pure. Throws E_USAGE for options that contradict each other. */
export const policyOf = (config: Config): Policy => {
  const preset = config.preset.value;
  const mode = config.network.mode ?? { value: networkOf[preset], origin: `preset ${preset}` };
  const widen = Object.entries(config.widen).flatMap(([name, setting]) => (setting?.value ? [name as Widening] : []));
  return {
    preset,
    filesystem: filesystemOf(config),
    ...(config.caches && { caches: config.caches }),
    network: networkPolicyOf(config, mode),
    env: {
      pass: config.env.pass,
      set: Object.fromEntries(Object.entries(config.env.set).map(([name, { value }]) => [name, value])),
    },
    resources: {
      diskBytes: config.resources.diskBytes?.value ?? defaultDiskBytes,
      ...(config.resources.pids && { pids: config.resources.pids.value }),
      ...(config.resources.memoryBytes && { memoryBytes: config.resources.memoryBytes.value }),
      ...(config.resources.cpus && { cpus: config.resources.cpus.value }),
    },
    credentials: credentialsOf(config, mode),
    widen: new Set(config.sshKeys.length > 0 ? [...widen, "ssh-agent"] : widen),
    sshKeys: config.sshKeys,
  };
};

const filesystemOf = ({ preset, filesystem: { hideSecrets, ...rules } }: Config): Policy["filesystem"] => ({
  base: preset.value === "open" ? "host" : "platform",
  ...rules,
  ...(hideSecrets?.value && { hideSecrets: { origin: hideSecrets.origin } }),
});

/** Only a filtered network can put credentials on the wire. */
const credentialsOf = ({ credentials }: Config, mode: { value: NetworkMode; origin: string }): CredentialMode => {
  if (mode.value !== "open" || credentials.value !== "broker") return credentials.value;
  if (credentials.origin === "default") return "share";
  throw errorOf(
    "E_USAGE",
    `credentials \`broker\` (${credentials.origin}) need a filtered network, and ${mode.origin} leaves it open`,
    "`--net filtered`, or `--credentials share`",
  );
};

const networkPolicyOf = (
  { network, preset }: Config,
  mode: { value: NetworkMode; origin: string },
): Policy["network"] => {
  const [useless] = [...network.hostPorts, ...network.publish].filter(({ origin }) => origin.startsWith("-"));
  if (mode.value === "none" && useless)
    throw errorOf(
      "E_USAGE",
      `\`${useless.origin}\` needs a network, and ${mode.origin} cuts it off`,
      "`--net filtered`",
    );
  const published = network.publish.map(({ value }) => parsePublish(value));
  const ports = published.filter((item) => item !== undefined && item !== "auto");
  return {
    mode: mode.value,
    origin: mode.origin,
    allow: network.allow,
    deny: network.deny,
    presets: network.presets?.value ?? networkPresetsOf[preset.value],
    hostPorts: network.hostPorts,
    publish: [...new Map(ports.map((port) => [`${port.inside}:${port.outside}`, port])).values()],
    publishAll: published.includes("auto"),
  };
};

/** The limits that somebody asked for; these are refused where they cannot be held, the defaults are not. */
export const requestedLimits = (config: Config): (keyof Resources)[] =>
  (["cpus", "memoryBytes", "pids", "diskBytes"] as const).filter((name) => config.resources[name] !== undefined);
