import { policyOf } from "../config/policy.ts";
import { checkProject } from "../plan/gather.ts";
import { reapRuns } from "../run/registry.ts";
import { partsOf } from "../sessions/record.ts";
import { openSessionWorkspace } from "../sessions/workspace.ts";
import { carryOut } from "./carry-out.ts";
import type { Context } from "./context.ts";
import { noteHidden, noteOutcome, noteShared, tell } from "./notes.ts";
import { prepareRun } from "./prepare.ts";
import { reportCollection } from "./session-report.ts";

export type SessionRun = {
  name: string;
  /** It must be there already. */
  isKnown?: boolean;
};

/** A run on a session's own files; what it has made is collected when it has ended, however it has ended. */
export const runSession = async (context: Context, { name, isKnown = false }: SessionRun): Promise<number> => {
  const { host, invocation, out } = context;
  const config = await context.config();
  checkProject(host, policyOf(config));
  const isAgent = invocation.command === "agent";
  const agent = isAgent ? (invocation.agent ?? config.agent.value) : invocation.command;
  const user = `process ${process.pid}, ${agent}`;
  // As for a live run: nobody may be writing where it begins.
  reapRuns(host.places);
  const work = await openSessionWorkspace(host, { name, agent, isAgent, user, isKnown });
  try {
    const prepared = await prepareRun(context, config, work);
    for (const sentence of [...work.notes, ...prepared.notes]) tell(out, sentence);
    noteHidden(prepared, context);
    noteShared(prepared, config, context);
    const stamp = `${partsOf(work.directory).state}.setup`;
    const session = work.session;
    const timeoutMs = config.timeoutMs?.value;
    const outcome = await carryOut(prepared, context, { timeoutMs, config, project: work, session, stamp });
    reportCollection(await work.collect(), out);
    noteOutcome(outcome, prepared.plan, context);
    return outcome.code;
  } finally {
    await work.release();
  }
};
