import { isGiven } from "../cli/given.ts";
import { errorOf } from "../errors.ts";
import { findRun, listRuns, type Run } from "../run/registry.ts";
import { stopRun } from "../run/stop.ts";
import type { CommandFunction } from "./context.ts";

/** `cordon stop ID… | --all`: ends running sandboxes, all at the same time, and returns when they are gone. */
export const runStop: CommandFunction = async ({ host, invocation, out }) => {
  const all = isGiven(invocation.given, "all");
  if (all === invocation.words.length > 0)
    throw errorOf("E_USAGE", "`cordon stop` needs either ids or `--all`", "`cordon ps` lists the running sandboxes");
  const runs = all ? listRuns(host.places) : invocation.words.map((word) => findRun(host.places, word));
  const distinct = [...new Map(runs.map((run): [string, Run] => [run.id, run])).values()];
  await Promise.all(distinct.map((run) => stopRun(run, host.places)));
  for (const { id } of distinct) out.line(id);
  return 0;
};
