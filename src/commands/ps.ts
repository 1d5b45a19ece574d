import { isGiven } from "../cli/given.ts";
import { formatAge, formatTable } from "../cli/table.ts";
import { listRuns, type Run, reapRuns } from "../run/registry.ts";
import { escapeControls } from "../terminal/escape.ts";
import type { CommandFunction } from "./context.ts";

/** `cordon ps [--json]`: the running sandboxes, oldest first. */
export const runPs: CommandFunction = async ({ host, invocation, out }) => {
  reapRuns(host.places);
  const runs = listRuns(host.places);
  if (isGiven(invocation.given, "json")) {
    out.json(
      runs.map(({ id, project, session, agent, backend, createdAt, pid }) => ({
        ...{ id, project, agent, backend, createdAt, pid },
        ...(session !== undefined && { session }),
      })),
    );
    return 0;
  }
  for (const line of formatTable([["ID", "AGENT", "SESSION", "BACKEND", "AGE", "PID", "PROJECT"], ...runs.map(rowOf)]))
    out.line(line);
  return 0;
};

const rowOf = ({ id, agent, session = "-", backend, createdAt, pid, project }: Run): string[] =>
  [id, agent, session, backend, formatAge(Date.now() - Date.parse(createdAt)), String(pid), project].map(
    escapeControls,
  );
