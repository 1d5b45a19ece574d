import path from "node:path";
import { proxyVariables } from "../egress/egress.ts";
import type { Host } from "../host.ts";
import { isWithin } from "../places.ts";
import type { Policy } from "../policy.ts";
import { certificateNames, storeNames } from "./certificates.ts";

/** Names that come along from the host: the terminal, the language, the user's tools. `*` ends a prefix. */
export const passedNames = [
  "TERM",
  "COLORTERM",
  "COLORFGBG",
  "TERM_PROGRAM*",
  "TERMINFO*",
  "NO_COLOR",
  "FORCE_COLOR",
  "CLICOLOR*",
  "LANG",
  "LANGUAGE",
  "LC_*",
  "TZ",
  "USER",
  "LOGNAME",
  "SHELL",
  "EDITOR",
  "VISUAL",
  "PAGER",
  "LESS",
  "CI",
  "NVM_DIR",
  "PYENV_ROOT",
  "RUSTUP_HOME",
  "RUSTUP_TOOLCHAIN",
  "GOROOT",
  "JAVA_HOME",
  "SDKMAN_DIR",
  "VOLTA_HOME",
  "BUN_INSTALL",
  "DENO_INSTALL",
  "PNPM_HOME",
  "HOMEBREW_PREFIX",
];

const proxyNames = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"].flatMap((name) => [name, name.toLowerCase()]);

/** In a filtered network the host's proxy is out of reach: the gateway uses it, and stands in its place inside. */
const proxies = Object.entries(proxyVariables()).map(([name, value]) => ({ name, value, origin: "network filtered" }));

/** Never passed, whoever asks: they steer the loader or the runtime of every program inside and of bwrap itself. */
const steeringNames = [
  "LD_*",
  "DYLD_*",
  "BUN_*",
  "NODE_OPTIONS",
  "NODE_CHANNEL_*",
  "BASH_ENV",
  "ENV",
  "GLIBC_TUNABLES",
];

export type Variable = { name: string; value: string; origin: string };

/** Every variable inside, sorted by name, each with the reason why it is there. Later reasons win. */
export const composeEnvironment = (
  host: Host,
  policy: Policy,
  own: Variable[],
  placeholders: Variable[] = [],
): Variable[] => {
  const passed = [
    ...passedNames.map((value) => ({ value, origin: "default" })),
    ...[...certificateNames, ...storeNames].map((value) => ({ value, origin: "default (certificates)" })),
    ...(policy.network.mode === "open" ? proxyNames.map((value) => ({ value, origin: "network open" })) : []),
    ...policy.env.pass,
  ];
  const variables = new Map<string, Variable>();
  const add = (variable: Variable) => variables.set(variable.name, variable);
  for (const { value: pattern, origin } of passed) {
    for (const name of matching(pattern, host.env)) {
      if (!isSteering(name)) add({ name, value: host.env[name]!, origin });
    }
  }
  for (const variable of standing(host)) add(variable);
  if (policy.network.mode === "filtered") for (const variable of proxies) add(variable);
  for (const variable of own) add(variable);
  for (const [name, value] of Object.entries(policy.env.set)) add({ name, value, origin: "env.set" });
  for (const variable of placeholders) add(variable);
  return [...variables.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
};

/** True for names that no rule can pass from the host. A value that the user sets by hand is the user's own business. */
export const isSteering = (name: string): boolean => steeringNames.some((pattern) => fits(pattern, name));

const standing = (host: Host): Variable[] =>
  Object.entries({
    HOME: host.home,
    PATH: searchPath(host),
    PWD: host.cwd,
    TMPDIR: "/tmp",
    XDG_RUNTIME_DIR: `/run/user/${host.uid}`,
    CORDON_SANDBOX: "1",
    // One persistent place for caches; npm is the common tool that does not follow XDG.
    npm_config_cache: path.join(host.home, ".cache/npm"),
    ...(host.uid === 0 && { IS_SANDBOX: "1" }),
  }).map(([name, value]) => ({ name, value, origin: "cordon" }));

/** The host's PATH without relative entries and without directories of the project: those are for the agent to choose. */
export const searchPath = (host: Host): string => {
  const entries = (host.env["PATH"] ?? "").split(":");
  const trusted = entries.filter((entry) => path.isAbsolute(entry) && !isWithin(path.resolve(entry), host.project));
  return [...new Set(trusted.length > 0 ? trusted : ["/usr/local/bin", "/usr/bin", "/bin"])].join(":");
};

const matching = (pattern: string, env: Record<string, string>): string[] =>
  Object.keys(env).filter((name) => fits(pattern, name));

const fits = (pattern: string, name: string): boolean =>
  pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
