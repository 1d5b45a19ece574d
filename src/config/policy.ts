import type { NetworkMode, Policy, Preset, Resources, Widening } from "../policy.ts";
import type { Config } from "./config.ts";

/** The network of a preset until a run says otherwise. `standard` turns to `filtered` with the egress gateway. */
const networkOf: Record<Preset, NetworkMode> = { open: "open", standard: "open", strict: "filtered" };

/** Of each private directory in memory. The other limits are off until asked for: joining a control group takes the kernel 13 ms. */
export const defaultDiskBytes = 4 * 1024 ** 3;

/** Turns merged settings into the policy of a run. Pure. */
export const policyOf = (config: Config): Policy => {
  const preset = config.preset.value;
  const mode = config.network.mode ?? { value: networkOf[preset], origin: `preset ${preset}` };
  const widen = Object.entries(config.widen).flatMap(([name, setting]) => (setting?.value ? [name as Widening] : []));
  return {
    preset,
    filesystem: { base: preset === "open" ? "host" : "platform", ...config.filesystem },
    network: { mode: mode.value, origin: mode.origin, allow: config.network.allow, deny: config.network.deny },
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
    credentials: config.credentials.value,
    widen: new Set(widen),
  };
};

/** The limits that somebody asked for; these are refused where they cannot be held, the defaults are not. */
export const requestedLimits = (config: Config): (keyof Resources)[] =>
  (["cpus", "memoryBytes", "pids", "diskBytes"] as const).filter((name) => config.resources[name] !== undefined);
