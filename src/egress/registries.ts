import path from "node:path";
import type { Rule } from "../policy.ts";
import { type Demands, demandsOf } from "./base-url.ts";
import { type Ecosystem, ecosystems, type Found } from "./ecosystems.ts";

/** How the user's own configuration is read: text of a small file, and names in a directory; nothing when it is not there. */
export type Reader = { read(file: string): string | undefined; list(directory: string): string[] };

/**
 * The hosts from which packages come: where the user's own configuration names a registry or mirror, that one; else
 * the public one of the ecosystem. A URL that holds a user or password is not told inside; its host and port are allowed.
 */
export const registryDemands = (
  { home, env }: { home: string; env: Record<string, string> },
  reader: Reader,
): RegistryDemands => {
  const demands = ecosystems.map((ecosystem) => demandsOfEcosystem(ecosystem, home, env, reader));
  return {
    allow: withoutRepeats(demands.flatMap(({ allow }) => allow)),
    hostPorts: demands.flatMap(({ hostPorts }) => hostPorts),
    variables: demands.flatMap(({ variables }) => variables),
  };
};

/** Besides the hosts: by what the tools inside learn of them. */
export type RegistryDemands = Demands & { variables: { name: string; value: string; origin: string }[] };

const demandsOfEcosystem = (
  ecosystem: Ecosystem,
  home: string,
  env: Record<string, string>,
  reader: Reader,
): RegistryDemands => {
  const found: (Found & { label: string })[] = ecosystem.variables.flatMap(({ name, isMain }) => {
    const names = Object.keys(env).filter((key) => name.test(key) && env[key] !== "");
    return names.flatMap((key) =>
      env[key]!.split(/[\s,|]+/).map((url) => ({ url: url.replace(/^[\w-]+=(?=[a-z]+:)/, ""), isMain, label: key })),
    );
  });
  for (const { files, read } of ecosystem.files) {
    for (const { file, label } of files.flatMap((name) => locate(name, home, env, reader))) {
      const text = reader.read(file);
      if (text === undefined) continue;
      const expanded = text.replace(/\$\{(\w+)\}/g, (whole, name: string) => env[name] ?? whole);
      found.push(...read(expanded).map((item) => ({ ...item, label })));
    }
  }
  const own = demandsOf(found.map(({ url, label }) => ({ url, origin: `preset registries (${label})` })));
  const main = found.find(({ isMain, url }) => isMain && /:\/\//.test(url));
  if (main) return { ...own, variables: tell(ecosystem, main) };
  const fallback = ecosystem.hosts.map((host) => ({ value: host, origin: "preset registries" }));
  return { ...own, allow: [...own.allow, ...fallback], variables: [] };
};

/** Anything before an `@` or behind a `?` may be a secret. */
const tell = ({ toldBy }: Ecosystem, { url, label }: Found & { label: string }): RegistryDemands["variables"] =>
  toldBy === undefined || /[@?#]/.test(url)
    ? []
    : [{ name: toldBy, value: url, origin: `preset registries (${label})` }];

/** `~` is home, `$NAME/` a directory that a variable names, `*.EXT` at the end every such file of a directory. */
const locate = (
  name: string,
  home: string,
  env: Record<string, string>,
  reader: Reader,
): { file: string; label: string }[] => {
  const variable = /^\$(\w+)/.exec(name);
  const value = variable && env[variable[1]!];
  if (variable && !value) return [];
  const label = value ? name.replace(variable[0], value) : name;
  const file = label.startsWith("~/") ? path.join(home, label.slice(2)) : label;
  if (!path.isAbsolute(file)) return [];
  const [, directory, ending] = /^(.*)\/\*(\.\w+)$/.exec(file) ?? [];
  if (directory === undefined || ending === undefined) return [{ file, label }];
  return reader
    .list(directory)
    .filter((entry) => entry.endsWith(ending))
    .map((entry) => ({ file: path.join(directory, entry), label: path.join(directory, entry) }));
};

const withoutRepeats = (rules: Rule[]): Rule[] => {
  const seen = new Set<string>();
  return rules.filter(({ value }) => !seen.has(value) && seen.add(value));
};
