import { isGiven } from "../cli/given.ts";
import { errorOf } from "../errors.ts";
import type { Host } from "../host.ts";
import { findRun, listRuns } from "../run/registry.ts";
import { hasLeft, openLive } from "../workspace/live.ts";
import type { Brought } from "../workspace/live-bring.ts";
import type { CommandFunction } from "./context.ts";
import { reportBrought } from "./ending.ts";

/** `cordon sync [ID]`: brings over what was committed in a sandbox that is still running, or in one that was killed. */
export const runSync: CommandFunction = async ({ host, invocation, out }) => {
  const [word] = invocation.words;
  const project = word === undefined ? host.project : findRun(host.places, word).project;
  const there: Host = { ...host, cwd: project, project };
  if (!listRuns(host.places).some((run) => run.project === project) && !hasLeft(there))
    throw errorOf("E_RUN_NONE", "what an ended one has committed came over at its end; `cordon ps` lists the running");
  const live = await openLive(there);
  try {
    // What could not come to its own place is said by the later one.
    const recovered = live.recovered.map((one) => ({ ...one, hints: [], problems: [] }));
    const brought = [...recovered, ...(await live.bring())];
    if (isGiven(invocation.given, "json")) {
      out.json(brought);
      return brought.some(({ problems }) => problems.length > 0) ? 1 : 0;
    }
    reportBrought(brought, out);
    const count = ({ imported, hints, problems }: Brought) => imported.length + hints.length + problems.length;
    if (brought.every((one) => count(one) === 0)) out.note("cordon: nothing new");
    return brought.some(({ problems }) => problems.length > 0) ? 1 : 0;
  } finally {
    live.release();
  }
};
