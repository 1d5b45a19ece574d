import { observeCgroups } from "../backends/cgroup.ts";
import { isGiven } from "../cli/given.ts";
import { findOrphanGroups } from "../run/groups.ts";
import { findRemains, listRuns, reapRuns } from "../run/registry.ts";
import { findAbandonedScratch, removeAbandonedScratch } from "../run/scratch.ts";
import { carryOut } from "../run/steps.ts";
import { escapeControls } from "../terminal/escape.ts";
import type { CommandFunction } from "./context.ts";

/** `cordon clean [--dry-run] [--json]`: says what dead runs left behind, and removes it. Running sandboxes stay as they are. */
export const runClean: CommandFunction = async ({ host, invocation, out }) => {
  const isTrial = isGiven(invocation.given, "dry-run");
  const { dead, broken } = findRemains(host.places);
  const known = [...listRuns(host.places), ...dead].map(({ id }) => id);
  const groups = findOrphanGroups(observeCgroups(undefined), known);
  const found = [
    ...dead.map(({ id, project }) => ({ kind: "run", name: id, project })),
    ...broken.map((name) => ({ kind: "directory", name })),
    ...findAbandonedScratch(host.places).map((name) => ({ kind: "directory", name })),
    ...groups.map((name) => ({ kind: "control group", name })),
  ];
  if (isGiven(invocation.given, "json")) out.json(found);
  else {
    for (const item of found)
      out.line(escapeControls(`${item.kind} ${item.name}${"project" in item ? ` (${item.project})` : ""}`));
    if (found.length === 0) out.line("nothing to remove");
  }
  if (isTrial) return 0;
  reapRuns(host.places);
  removeAbandonedScratch(host.places);
  for (const path of groups) carryOut({ kind: "remove-directory", path }, { tolerant: true });
  return 0;
};
