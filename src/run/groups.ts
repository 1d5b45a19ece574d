import fs from "node:fs";
import path from "node:path";
import type { Cgroups } from "../backends/cgroup.ts";
import { membersOf } from "./leftovers.ts";

/** A run in another runtime place may just be making its own. */
const youngMs = 60_000;

/** Control groups that cordon made, that are empty, and that belong to none of the `known` runs. */
export const findOrphanGroups = (cgroups: Cgroups | undefined, known: string[]): string[] => {
  if (!cgroups || cgroups.kind === "scope") return [];
  const parents = cgroups.kind === "v1" ? Object.values(cgroups.parents) : [cgroups.parent];
  return [...new Set(parents)].flatMap((parent) =>
    fs
      .readdirSync(parent)
      .filter((name) => /^cordon-[0-9a-f]{8}$/.test(name) && !known.includes(name.slice("cordon-".length)))
      .map((name) => path.join(parent, name))
      .filter((group) => membersOf(group).length === 0 && Date.now() - fs.statSync(group).mtimeMs > youngMs),
  );
};
