import { isGiven } from "../cli/given.ts";
import { listRuns, type Run, reapRuns } from "../run/registry.ts";
import { escapeControls } from "../terminal/escape.ts";
import type { CommandFunction } from "./context.ts";

/** `cordon ps [--json]`: the running sandboxes, oldest first. */
export const runPs: CommandFunction = async ({ host, invocation, out }) => {
  reapRuns(host.places);
  const runs = listRuns(host.places);
  if (isGiven(invocation.given, "json")) {
    out.json(
      runs.map(({ id, project, agent, backend, createdAt, pid }) => ({ id, project, agent, backend, createdAt, pid })),
    );
    return 0;
  }
  const rows = [["ID", "AGENT", "BACKEND", "AGE", "PID", "PROJECT"], ...runs.map(rowOf)];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  for (const row of rows)
    out.line(
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("  ")
        .trimEnd(),
    );
  return 0;
};

const rowOf = ({ id, agent, backend, createdAt, pid, project }: Run): string[] =>
  [id, agent, backend, formatAge(Date.now() - Date.parse(createdAt)), String(pid), project].map(escapeControls);

/** The two largest units: `3d 4h`, `2m 5s`. */
export const formatAge = (ageMs: number): string => {
  const seconds = Math.max(0, Math.floor(ageMs / 1000));
  const units: [number, string][] = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3_600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ];
  const first = units.findIndex(([count]) => count > 0);
  if (first < 0) return "0s";
  return units
    .slice(first, first + 2)
    .map(([count, unit]) => `${count}${unit}`)
    .join(" ");
};
