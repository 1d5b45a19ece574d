import type { Publish } from "../egress/egress.ts";
import { parsePort } from "../egress/pattern.ts";
import type { CacheMode, CredentialMode, NetworkMode, NetworkPreset, Preset } from "../policy.ts";
import type { ServiceScheme } from "./config.ts";

export const presets = ["open", "standard", "strict"] as const satisfies Preset[];
export const networkModes = ["open", "filtered", "none"] as const satisfies NetworkMode[];
export const networkPresets = ["registries", "git-hosts"] as const satisfies NetworkPreset[];
export const credentialModes = ["broker", "share", "none"] as const satisfies CredentialMode[];
export const cacheModes = ["shared", "private"] as const satisfies CacheMode[];
export const notifyWays = ["bell", "desktop"] as const;
export const serviceSchemes = ["bearer", "basic", "token", "none"] as const satisfies ServiceScheme[];
export const backends = [
  "auto",
  "native",
  "docker",
  "podman",
  "microvm",
  "incus",
  "docker-sandbox",
  "kubernetes",
  "fly",
] as const;

/** The same patterns check flags and files, and stand in the JSON Schema. */
export const durationPattern = /^[1-9][0-9]{0,8}(ms|s|m|h|d)$/;
export const sizePattern = /^[0-9]{1,9}(\.[0-9]{1,3})?([kKmMgGtT])([iI]?[bB])?$/;
export const variablePattern = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
export const agentPattern = /^[a-z][a-z0-9-]{0,31}$/;
/** A field name of HTTP (RFC 9110, token). */
export const headerPattern = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/;
/** A user's name for RFC 7617, which also stands in a git configuration and in a line for the shell. */
export const userPattern = /^[A-Za-z0-9_.@+%=~-]{1,256}$/;
export const publishPattern = /^(auto|[1-9][0-9]{0,4}(:[1-9][0-9]{0,4})?)$/;
/** No control character belongs into a path or a program that a person writes into a file. */
export const plainPattern = /^[^\u0000-\u001f\u007f]+$/;
export const textPattern = /^[^\u0000]*$/;

/** A timer of the runtime holds 31 bits of milliseconds: 24 days. */
const longestTimeoutMs = 24 * 24 * 60 * 60 * 1000;
export const mostCpus = 4096;
export const mostPids = 4_194_304;
const leastBytes = 1024 * 1024;

const unitMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const unitBytes: Record<string, number> = { k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** Milliseconds of `500ms`, `90s`, `15m`, `2h`, `1d`; undefined when it is not a duration from 1 ms to 24 days. */
export const parseDurationMs = (text: string): number | undefined => {
  const unit = durationPattern.exec(text)?.[1];
  const duration = unit === undefined ? Number.NaN : Number.parseInt(text, 10) * unitMs[unit]!;
  return duration <= longestTimeoutMs ? duration : undefined;
};

/** Bytes of `512m`, `1.5g`, `4GiB` (always multiples of 1024); undefined when it is not a size from 1 MiB upwards. */
export const parseSizeBytes = (text: string): number | undefined => {
  const unit = sizePattern.exec(text)?.[2]?.toLowerCase();
  const bytes = unit === undefined ? Number.NaN : Math.round(Number.parseFloat(text) * unitBytes[unit]!);
  return bytes >= leastBytes && bytes <= Number.MAX_SAFE_INTEGER ? bytes : undefined;
};

/** A number of processors: above zero, fractions allowed. */
export const parseCpus = (text: string): number | undefined => {
  const cpus = /^[0-9]{1,4}(\.[0-9]{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  return cpus > 0 && cpus <= mostCpus ? cpus : undefined;
};

export const parsePids = (text: string): number | undefined => {
  const pids = /^[1-9][0-9]{0,6}$/.test(text) ? Number(text) : Number.NaN;
  return pids <= mostPids ? pids : undefined;
};

/** `5173`, `5173:8080` (inside, outside) or `auto`. */
export const parsePublish = (text: string): Publish | "auto" | undefined => {
  if (text === "auto") return text;
  const ports = publishPattern.test(text) ? text.split(":").map(parsePort) : [];
  const [inside, outside = inside] = ports;
  return ports.includes(undefined) || inside === undefined || outside === undefined ? undefined : { inside, outside };
};

export const isOneOf = <T extends string>(choices: readonly T[], text: string): text is T =>
  (choices as readonly string[]).includes(text);
