import { observeCgroups } from "../backends/cgroup.ts";
import { isGiven } from "../cli/given.ts";
import type { Host } from "../host.ts";
import { findOrphanGroups } from "../run/groups.ts";
import { findRemains, listRuns, reapRuns } from "../run/registry.ts";
import { findAbandonedScratch, removeAbandonedScratch } from "../run/scratch.ts";
import { carryOut } from "../run/steps.ts";
import { findUnfinished, removeUnfinished } from "../sessions/remains.ts";
import { listSessions } from "../sessions/store.ts";
import { summarise } from "../sessions/summary.ts";
import { escapeControls } from "../terminal/escape.ts";
import { findDeadImports, removeDeadImport } from "../workspace/leftovers.ts";
import { hasLeft } from "../workspace/live.ts";
import type { CommandFunction } from "./context.ts";
import { recoverLive } from "./ending.ts";
import { count } from "./session-report.ts";

type Item = { kind: string; name: string; project?: string };

/** `cordon clean [--dry-run] [--json]`: says what dead runs left behind, and removes it. Running sandboxes and sessions stay as they are. */
export const runClean: CommandFunction = async ({ host, invocation, out }) => {
  const { dead, broken } = findRemains(host.places);
  const known = [...listRuns(host.places), ...dead].map(({ id }) => id);
  const groups = findOrphanGroups(observeCgroups(undefined), known);
  const unfinished = findUnfinished(host);
  const imports = findDeadImports(host.places);
  const found: Item[] = [
    ...dead.map(({ id, project }) => ({ kind: "run", name: id, project })),
    ...unfinished.map(({ directory, project }) => ({
      kind: "unfinished session",
      name: directory,
      ...(project && { project }),
    })),
    ...[...broken, ...findAbandonedScratch(host.places)].map((name) => ({ kind: "directory", name })),
    ...imports.map((name) => ({ kind: "import", name })),
    ...groups.map((name) => ({ kind: "control group", name })),
    ...(hasLeft(host) ? [{ kind: "interrupted run", name: host.project }] : []),
  ];
  if (isGiven(invocation.given, "json")) out.json(found);
  else {
    for (const { kind, name, project } of found)
      out.line(escapeControls(`${kind} ${name}${project === undefined ? "" : ` (${project})`}`));
    if (found.length === 0) out.line("nothing to remove");
    const kept = describeSessions(host);
    if (kept) out.note(kept);
  }
  if (isGiven(invocation.given, "dry-run")) return 0;
  reapRuns(host.places);
  removeAbandonedScratch(host.places);
  if (hasLeft(host)) await recoverLive({ host, out });
  for (const { directory } of unfinished) await removeUnfinished(host, directory);
  for (const room of imports) removeDeadImport(room);
  for (const path of groups) carryOut({ kind: "remove-directory", path }, { tolerant: true });
  return 0;
};

/** They hold somebody's work, so only `discard` removes them. */
const describeSessions = (host: Host): string | undefined => {
  const sessions = listSessions(host).map((session) => summarise(host, session).state);
  const done = sessions.filter((state) => state === "merged" || state === "empty").length;
  if (done === 0) return undefined;
  return `cordon: ${count(done, "session")} of ${sessions.length} hold nothing that is not merged; \`cordon sessions --all\` lists them, \`cordon discard NAME\` removes one`;
};
