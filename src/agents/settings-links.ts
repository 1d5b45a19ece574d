import fs from "node:fs";
import path from "node:path";
import { type Host, inspectPath, listDirectory } from "../host.ts";
import { isWithin } from "../places.ts";
import { secretPlaces } from "../plan/locations.ts";
import {
  type Held,
  holdDirectory,
  inside,
  linkInto,
  listEntries,
  release,
  removeName,
} from "../workspace/held-directory.ts";
import type { StateDirectory } from "./agent.ts";

/**
 * The user's own settings inside: mounted beside the private directory, and linked from it. A mount point below a
 * directory that the agent writes could be turned into a link.
 */
export type Link = {
  /** Below the state directory. */
  name: string;
  source: string;
  inside: string;
  mode: "ro" | "rw";
  /** So many levels of directories are the agent's own to write in, and hold links to what is the user's. */
  levels?: number;
};

const linkedPlace = "/run/cordon/linked";
const placeOf = (directory: StateDirectory) => path.join(linkedPlace, directory.path.replaceAll("/", "_"));

/** What is there of the user's. `*.sh` in the catalogue stands for every such file. */
export const linksOf = (directory: StateDirectory, source: string, isShared: boolean, host: Host): Link[] => {
  const { settings = [], open = {}, credential } = directory;
  const link = (name: string, mode: Link["mode"], levels?: number): Link => ({
    ...{ name, source: path.join(source, name), inside: path.join(placeOf(directory), name), mode },
    ...(levels !== undefined && { levels }),
  });
  const links = [
    ...settings
      .flatMap((name) => (name.startsWith("*") ? namesLike(name, source) : [name]))
      .map((name) => link(name, "ro")),
    ...Object.entries(open).map(([name, levels]) => link(name, "ro", levels)),
    ...(credential !== undefined && isShared ? [link(credential, "rw")] : []),
  ].filter((each) => inspectPath(each.source).kind !== "missing");
  return [...links, ...links.flatMap((each) => outsideLinks(each, directory, host))];
};

const namesLike = (pattern: string, source: string): string[] =>
  listDirectory(source).filter((name) => name.endsWith(pattern.slice(1)) && !name.startsWith("."));

/** Entries of an open directory that are links to somewhere else, such as skills that several agents share. */
const outsideLinks = ({ name, source, levels }: Link, directory: StateDirectory, host: Host): Link[] => {
  if (levels === undefined) return [];
  const { real } = inspectPath(source);
  return entriesOf(source)
    .filter((entry) => entry.isSymbolicLink())
    .flatMap((entry): Link[] => {
      const fact = inspectPath(path.join(source, entry.name));
      if (fact.kind === "missing" || isWithin(fact.real, real) || !mayShow(fact.real, host)) return [];
      const place = path.join(placeOf(directory), "+", name, entry.name);
      return [{ name: `${name}/${entry.name}`, source: fact.real, inside: place, mode: "ro" }];
    });
};

/** Not a place of secrets nor anything around one; of agents' directories what lies at least two levels below. */
const mayShow = (target: string, { realHome }: Host): boolean => {
  const below = path.relative(realHome, target).split("/");
  const isAgents = [".claude", ".codex", ".gemini"].includes(below[0]!) && below.length > 2;
  const secret = secretPlaces.map((name) => path.join(realHome, name));
  return !isWithin(realHome, target) && (isAgents || !secret.some((place) => isWithin(target, place)));
};

/**
 * Lays the links out. What the agent has put in the place of one stays, until the user changes the file outside; what
 * it has added stays. Links to what is no longer there go.
 */
export const layLinks = (host: string, directory: StateDirectory, links: readonly Link[]): void => {
  const held = holdDirectory(host);
  const prefix = `${placeOf(directory)}/`;
  const targets = new Map(links.map((link) => [link.name, link]));
  const tops = links.filter(({ name }) => !name.includes("/"));
  try {
    dropOld(held, prefix, new Set(tops.map(({ name }) => name)));
    for (const link of tops) {
      const layout: Layout = { directory: held, prefix, targets };
      if (link.levels === undefined) put(layout, link, link.mode === "rw");
      else open(layout, link, link.levels);
    }
  } finally {
    release(held);
  }
};

/** `directory` is the private one in which an entry is to stand. */
type Layout = { directory: Held; prefix: string; targets: ReadonlyMap<string, Link> };

const open = ({ directory, prefix, targets }: Layout, { name, source, inside: place }: Link, levels: number): void => {
  const last = path.basename(name);
  if (standingAt(directory, last)?.link?.startsWith(prefix)) removeName(directory, last);
  const entries = entriesOf(source);
  const fill = (child: Held): void => {
    dropOld(child, prefix, new Set(entries.map((entry) => entry.name)));
    for (const entry of entries) {
      const [own, within] = [path.join(source, entry.name), path.join(place, entry.name)];
      const below = path.join(name, entry.name);
      const link: Link = targets.get(below) ?? { name: below, source: own, inside: within, mode: "ro" };
      const layout: Layout = { directory: child, prefix, targets };
      if (levels > 1 && entry.isDirectory()) open(layout, link, levels - 1);
      else put(layout, link, false);
    }
  };
  inside(directory, [last], fill, { make: true });
};

const put = ({ directory }: Layout, { name, source, inside: target }: Link, isForced: boolean): void => {
  const last = path.basename(name);
  const standing = standingAt(directory, last);
  if (standing?.link === target) return;
  // A link that it has put there may lead anywhere, or nowhere.
  const isOwn = standing !== undefined && standing.link === undefined;
  if (isOwn && !isForced && !(standing.isFile && isNewer(source, standing.mtimeMs))) return;
  linkInto(directory, last, target);
};

const isNewer = (source: string, mtimeMs: number): boolean => {
  const stat = fs.statSync(source, { throwIfNoEntry: false });
  return stat?.isFile() === true && stat.mtimeMs > mtimeMs;
};

/** Links of an earlier start. What the agent made itself stays. */
const dropOld = (directory: Held, prefix: string, names: ReadonlySet<string>): void => {
  for (const { name, kind } of listEntries(directory, "") ?? []) {
    if (kind !== "other" || names.has(name)) continue;
    if (standingAt(directory, name)?.link?.startsWith(prefix)) removeName(directory, name);
  }
};

type Standing = { isFile: boolean; mtimeMs: number; link: string | undefined };

/** What stands there itself, not what it links to. */
const standingAt = (directory: Held, name: string): Standing | undefined => {
  const file = `/proc/self/fd/${directory}/${name}`;
  const stat = fs.lstatSync(file, { throwIfNoEntry: false });
  if (!stat) return undefined;
  const link = stat.isSymbolicLink() ? fs.readlinkSync(file) : undefined;
  return { isFile: stat.isFile(), mtimeMs: stat.mtimeMs, link };
};

/** A directory of the user's; hidden entries are what agents keep for themselves. */
const entriesOf = (directory: string): fs.Dirent[] => {
  try {
    const entries = fs.readdirSync(directory, { withFileTypes: true });
    return entries.filter(({ name }) => !name.startsWith(".")).slice(0, mostEntries);
  } catch {
    return [];
  }
};

const mostEntries = 1_000;
