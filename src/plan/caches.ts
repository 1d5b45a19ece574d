import path from "node:path";
import type { Facts, Host } from "../host.ts";
import { isWithin } from "../places.ts";
import type { Policy } from "../policy.ts";
import { homeForks, toolchains } from "./locations.ts";
import type { Mount } from "./plan.ts";
import type { Supply } from "./supplies.ts";

/** Where a package manager keeps what it has downloaded. No file of these holds a credential by its tool's design. */
type Cache = {
  name: string;
  /** Below home, where the tool looks for it by itself. */
  place: string;
  /** The variable by which the user may have moved it, and where it lies then. */
  moved?: { by: string; below: string };
  /** The variable that leads to another place inside: what lies in ~/.cache cannot be covered, an agent writes there. */
  inside?: { variable: string; below: string };
  /** The tool has a way of its own to read another's cache, which it then never writes. */
  readBy?: { variable: string; below: string };
  /** Only ever the project's own: there is nothing to share, or what others have built is in it. */
  isPrivate?: true;
};

/** As the tools' documentation has it: npm-cache, pip cache, uv cache, pnpm store, `go env GOMODCACHE`, Cargo home, … */
const caches: readonly Cache[] = [
  {
    name: "npm",
    place: ".npm/_cacache",
    moved: { by: "npm_config_cache", below: "_cacache" },
    inside: { variable: "npm_config_cache", below: "_cacache" },
  },
  {
    name: "pip",
    place: ".cache/pip",
    moved: { by: "PIP_CACHE_DIR", below: "" },
    inside: { variable: "PIP_CACHE_DIR", below: "" },
  },
  {
    name: "uv",
    place: ".cache/uv",
    moved: { by: "UV_CACHE_DIR", below: "" },
    inside: { variable: "UV_CACHE_DIR", below: "" },
  },
  { name: "pnpm", place: ".local/share/pnpm/store" },
  { name: "yarn", place: ".yarn/berry/cache" },
  { name: "bun", place: ".bun/install/cache", moved: { by: "BUN_INSTALL_CACHE_DIR", below: "" } },
  { name: "cargo", place: ".cargo/registry", moved: { by: "CARGO_HOME", below: "registry" } },
  { name: "cargo-git", place: ".cargo/git", isPrivate: true },
  { name: "go", place: "go/pkg/mod", moved: { by: "GOMODCACHE", below: "" } },
  { name: "maven", place: ".m2/repository" },
  { name: "nuget", place: ".nuget/packages", moved: { by: "NUGET_PACKAGES", below: "" } },
  {
    name: "gradle",
    place: ".gradle/caches/modules-2",
    moved: { by: "GRADLE_USER_HOME", below: "caches/modules-2" },
    readBy: { variable: "GRADLE_RO_DEP_CACHE", below: "modules-2" },
  },
  { name: "gradle-own", place: ".gradle/caches", isPrivate: true },
  { name: "gradle-wrapper", place: ".gradle/wrapper", isPrivate: true },
];

/** Where shared ones stand inside that their tool finds by a variable. */
const insidePlace = "/run/cordon/caches";

/** Where the project's own stand that are linked from their places: one mount for all of them. */
export const linkedPlace = "/run/cordon/packages";
export const linkedNames = caches.filter(({ inside, readBy }) => !inside && !readBy).map(({ name }) => name);

export type CacheInput = {
  host: Pick<Host, "home" | "realHome" | "env">;
  policy: Policy;
  facts: Facts;
  /** The project's own directory for caches. */
  own: string;
  /** The rooms of what is laid over the host's caches; without them nothing is shared that way. */
  rooms: string | undefined;
};

/** Every path whose fact `composeCaches` asks for. */
export const pathsOfCaches = ({ host, policy }: Pick<CacheInput, "host" | "policy">): string[] =>
  caches.flatMap((cache) => {
    const around = aroundOf(cache, host, policy);
    return [
      ...(isWanted(cache, policy) ? [sourceOf(cache, host)] : []),
      homeOf(cache, host),
      ...(around.length > 0 ? [...around, path.join(host.realHome, cache.place)] : []),
    ];
  });

/**
 * Package caches inside. Each is the project's own, and where they are shared the host's stands below it, which nobody
 * can write. Pure.
 */
export const composeCaches = (input: CacheInput): Supply => {
  const parts = caches.map((cache) => compose(cache, input));
  const mounts = parts.flatMap((part) => part.mounts);
  const source = path.join(input.own, "linked");
  const linked: Mount = { kind: "bind", source, target: linkedPlace, mode: "rw", origin: own };
  return {
    mounts: [...(mounts.some(({ kind }) => kind === "symlink") ? [linked] : []), ...mounts],
    variables: parts.flatMap(({ variables }) => variables),
  };
};

const own = "caches of this project";
const nothing: Supply = { mounts: [], variables: [] };

const isWanted = ({ isPrivate }: Cache, { caches: wanted }: Policy): boolean =>
  wanted?.value === "shared" && !isPrivate;

const compose = (cache: Cache, input: CacheInput): Supply => {
  const { host, policy, facts, rooms } = input;
  const { name, inside, readBy } = cache;
  const source = isWanted(cache, policy) ? facts[sourceOf(cache, host)] : undefined;
  const directory = path.join(insidePlace, name);
  const origin = `shared caches, ${policy.caches?.origin}`;
  const lead = ({ variable }: { variable: string }) => ({ name: variable, value: directory, origin });
  if (source?.kind === "directory" && readBy)
    return {
      mounts: [{ kind: "bind", source: source.real, target: path.join(directory, readBy.below), mode: "ro", origin }],
      variables: [lead(readBy)],
    };
  const target = inside ? path.join(directory, inside.below) : path.join(host.realHome, cache.place);
  const ground = inside ? "bare" : groundOf(cache, target, input);
  if (readBy || ground === "taken") return nothing;
  if (source?.kind === "directory" && rooms !== undefined)
    return {
      mounts: [{ kind: "overlay", target, lower: source.real, room: path.join(rooms, name), mode: "rw", origin }],
      variables: inside ? [lead(inside)] : [],
    };
  // Who has never used the tool needs no place for what it downloads.
  if (inside || facts[homeOf(cache, host)]?.kind !== "directory") return nothing;
  return { mounts: [privateMount(name, target, ground, input.own)], variables: [] };
};

/** A link, because a mount costs a start more; but where the host shows something around it no link can be made. */
const privateMount = (name: string, target: string, ground: "bare" | "shown", directory: string): Mount =>
  ground === "shown"
    ? { kind: "bind", source: path.join(directory, "bound", name), target, mode: "rw", origin: own }
    : { kind: "symlink", target, link: path.join(linkedPlace, name), origin: own };

/**
 * What there is at a place without this: the empty home, a directory of the host, or what leaves no room: the user's own
 * rules decide, and nothing can be made where the host is shown read-only.
 */
const groundOf = (cache: Cache, target: string, { host, policy, facts }: CacheInput): "bare" | "shown" | "taken" => {
  const { read, write } = policy.filesystem;
  if ([...read, ...write].some(({ value }) => isWithin(value, target) || isWithin(target, value))) return "taken";
  if (!aroundOf(cache, host, policy).some((place) => facts[place]?.kind === "directory")) return "bare";
  return facts[target]?.kind === "directory" ? "shown" : "taken";
};

/** What of the host may stand read-only around a cache: a tool chain, or an entry of a home that is shown whole. */
const aroundOf = ({ place }: Cache, { realHome }: CacheInput["host"], { filesystem }: Policy): string[] => {
  const steps = place.split("/");
  const above = steps.map((_, index) => steps.slice(0, index).join("/"));
  const entry = above.findLast((name) => homeForks.includes(path.dirname(name).replace(/^\.$/, "")));
  const names = filesystem.base === "host" ? [entry!] : toolchains.filter((name) => above.includes(name));
  return names.map((name) => path.join(realHome, name));
};

/** The tool's own directory. */
const homeOf = ({ place }: Cache, { realHome }: CacheInput["host"]): string => {
  const steps = place.split("/");
  return path.join(realHome, ...steps.slice(0, steps[0] === ".local" ? 3 : 1));
};

const sourceOf = ({ place, moved }: Cache, { home, env }: CacheInput["host"]): string => {
  const value = moved && env[moved.by];
  return value && path.isAbsolute(value) ? path.join(value, moved.below) : path.join(home, place);
};
