import { type Refs, targetOf } from "./refs.ts";

export type RefChanges = {
  set: Map<string, string>;
  remove: string[];
  /** Moved on both sides: the name, the host's value and the one inside. */
  forked: { name: string; host: string | undefined; own: string | undefined }[];
};

/**
 * What the host has changed since `base` and the sandbox has not. References that both have moved are left as they
 * are inside, and listed. Pure.
 */
export const mergeRefs = (base: Refs, host: Refs, own: Refs): RefChanges => {
  const changes: RefChanges = { set: new Map(), remove: [], forked: [] };
  for (const name of new Set([...base.keys(), ...host.keys()])) {
    const [before, now, mine] = [base, host, own].map((refs) => refs.get(name)?.value);
    if (now === before || now === mine) continue;
    if (mine !== before && mine !== undefined) changes.forked.push({ name, host: now, own: mine });
    else if (now === undefined) changes.remove.push(name);
    else if (isFree(name, own, changes.remove)) changes.set.set(name, now);
    else changes.forked.push({ name, host: now, own: mine });
  }
  return changes;
};

/** `refs/heads/a` and `refs/heads/a/b` cannot stand beside each other, because one is a file and the other needs a directory. */
const isFree = (name: string, own: Refs, removed: string[]): boolean => {
  if (own.has(name)) return true;
  const parents = name.split("/").map((_, index, parts) => parts.slice(0, index).join("/"));
  if (parents.some((parent) => own.has(parent) && !removed.includes(parent))) return false;
  for (const other of own.keys()) if (other.startsWith(`${name}/`) && !removed.includes(other)) return false;
  return true;
};

/** Where the host's value of a forked reference is seen inside. */
export const besideName = (name: string, host: Refs): string => {
  const isTaken = [...host.keys()].some((other) => other.startsWith("refs/remotes/host/"));
  return `refs/remotes/${isTaken ? "cordon-host" : "host"}/${name.replace(/^refs\/(heads\/)?/, "")}`;
};

/** What of a repository's references comes along: stashes and cordon's own stay. */
export const carriedRefs = (refs: Refs): Refs =>
  new Map(
    [...refs].filter(
      ([name, { value }]) => isCarried(name) && (targetOf(value) === undefined || isCarried(value.slice(5))),
    ),
  );

const isCarried = (name: string): boolean => name !== "refs/stash" && !name.startsWith("refs/cordon/");
