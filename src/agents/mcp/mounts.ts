import path from "node:path";
import type { Host, PathFact } from "../../host.ts";
import { isWithin } from "../../places.ts";
import { platformDirectories, secretPlaces, systemSecrets } from "../../plan/locations.ts";
import type { Mount } from "../../plan/plan.ts";
import type { CredentialMode, Policy } from "../../policy.ts";
import { ownerOf } from "./secrets.ts";
import type { McpServer } from "./servers.ts";

export type Surroundings = {
  host: Host;
  policy: Policy;
  /** How secrets come in: without a gateway that could put them in, `broker` is no way. */
  mode: CredentialMode;
  inspect: (target: string) => PathFact;
};

/** What a server's program needs to see, and what of it nobody inside should see by such a way. */
export type Shown = { mounts: Mount[]; refused: string[] };

/**
 * The programs, scripts and directories that the user's own settings name by absolute paths, read-only, each with the
 * package it belongs to: a script rarely works without the modules beside it. A package's `.env` stays hidden.
 */
export const showPrograms = (servers: readonly McpServer[], surroundings: Surroundings): Shown => {
  if (surroundings.policy.filesystem.base === "host") return { mounts: [], refused: [] };
  const shown = servers.flatMap((server) => (server.kind === "stdio" ? [showProgram(server, surroundings)] : []));
  const mounts = shown.flatMap((each) => each.mounts);
  return { mounts: outermost(mounts), refused: shown.flatMap(({ refused }) => refused) };
};

const showProgram = (server: McpServer & { kind: "stdio" }, surroundings: Surroundings): Shown => {
  const { inspect, policy } = surroundings;
  const words = [server.command, ...server.args.flatMap(({ text, isSecret }) => (isSecret ? [] : [text]))];
  const named = words.map((word) => word.replace(/^-[\w-]*=/, "")).filter((word) => path.isAbsolute(word));
  const there = [...new Set(named.map((word) => path.resolve(word)))]
    .map((target) => ({ target, fact: inspect(target) }))
    .filter(({ fact: { kind } }) => kind === "file" || kind === "directory")
    .filter(({ target }) => !isThereAnyway(target, surroundings));
  const allowed = there.filter(({ target, fact }) => maySee(target, surroundings) && maySee(fact.real, surroundings));
  const { about: origin } = ownerOf(server);
  const mounts = allowed.flatMap(({ target, fact }): Mount[] => {
    const packages = [target, fact.real].flatMap((at) => packagesOf(at, surroundings));
    const hidden = [fact.real, ...packages]
      .map((directory) => path.join(directory, ".env"))
      .filter((file) => inspect(file).kind === "file" && !policy.filesystem.read.some(({ value }) => value === file));
    return [
      { kind: "bind", source: fact.real, target, mode: "ro", origin },
      ...packages.map((at): Mount => ({ kind: "bind", source: at, target: at, mode: "ro", origin })),
      ...hidden.map((at): Mount => ({ kind: "mask", of: "file", target: at, origin })),
    ];
  });
  const refused = there.filter((each) => !allowed.includes(each));
  return { mounts, refused: refused.map(({ target }) => `${origin}: ${target} stays hidden inside`) };
};

const isThereAnyway = (target: string, { host }: Surroundings): boolean =>
  [...platformDirectories, host.project].some((place) => isWithin(target, place));

/** Not a place of secrets nor anything around one, nothing of the system's own, and nothing that the user hides. */
const maySee = (target: string, { host, policy }: Surroundings): boolean => {
  const homes = [host.home, host.realHome];
  const secret = [
    ...homes.flatMap((home) => secretPlaces.map((name) => path.join(home, name))),
    ...[...systemSecrets, ...Object.values(host.places), "/dev", "/proc", "/run", "/sys"],
    ...policy.filesystem.hide.map(({ value }) => value),
  ];
  return (
    !secret.some((place) => isWithin(target, place) || isWithin(place, target)) &&
    ![...homes, host.project].some((place) => isWithin(place, target))
  );
};

const markers = ["package.json", "pyproject.toml", "pyvenv.cfg"];

/** The nearest package around a file, and the modules that stand in the directories around that. */
const packagesOf = (file: string, surroundings: Surroundings): string[] => {
  const { inspect } = surroundings;
  const modules = file.lastIndexOf("/node_modules/");
  const start = modules < 0 ? file : file.slice(0, modules + 1);
  const around = ancestors(start).filter((at) => !isThereAnyway(at, surroundings) && maySee(at, surroundings));
  const nearest = around.find((at) => markers.some((name) => inspect(path.join(at, name)).kind === "file"));
  const shared = around
    .map((at) => path.join(at, "node_modules"))
    .filter((at) => inspect(at).kind === "directory" && maySee(inspect(at).real, surroundings));
  return [...(nearest === undefined ? [] : [nearest]), ...shared];
};

const ancestors = (file: string): string[] => {
  const parent = path.dirname(file);
  return parent === file ? [] : [parent, ...ancestors(parent)];
};

/** Without those that another shows as well, and each target once. */
const outermost = (mounts: Mount[]): Mount[] => {
  const covers = (outer: Mount, inner: Mount) =>
    outer.kind === "bind" && outer.source === outer.target && outer !== inner && isWithin(inner.target, outer.target);
  const once = [...new Map(mounts.map((mount) => [mount.target, mount])).values()];
  return once.filter(
    (mount) =>
      mount.kind === "mask" ||
      !once.some((outer) => covers(outer, mount) && mount.kind === "bind" && mount.source === mount.target),
  );
};
