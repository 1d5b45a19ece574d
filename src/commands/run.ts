import { isGiven } from "../cli/given.ts";
import { leavingOut, recording } from "../cli/output.ts";
import type { Config } from "../config/config.ts";
import { policyOf } from "../config/policy.ts";
import { errorOf } from "../errors.ts";
import { checkProject } from "../plan/gather.ts";
import type { Outcome } from "../run/interpreter.ts";
import { reapRuns } from "../run/registry.ts";
import { type Live, openLive } from "../workspace/live.ts";
import type { Settled } from "../workspace/watch-project.ts";
import { carryOut } from "./carry-out.ts";
import type { CommandFunction, Context } from "./context.ts";
import { findOthers, reportBrought, reportLater, settleProject, watchChanges } from "./ending.ts";
import { noteHidden, noteOutcome, noteShared, tell } from "./notes.ts";
import { prepareRun } from "./prepare.ts";

/** `cordon [AGENT] …`, `cordon run -- PROGRAM …`, `cordon shell`: one run, from the configuration to the exit code. */
export const run: CommandFunction = async (context) => {
  const { host, invocation } = context;
  if (host.env["CORDON_SANDBOX"]) throw errorOf("E_SANDBOX_NESTED");
  const name = invocation.given.findLast(({ flag }) => flag.long === "session")?.value;
  if (isGiven(invocation.given, "dry-run")) return await describeRun(context, name);
  if (name === undefined) return await runLive(context);
  return await (await import("./run-session.ts")).runSession(context, { name });
};

/** On the project itself. */
const runLive = async (context: Context): Promise<number> => {
  const { host } = context;
  const config = await context.config();
  checkProject(host, policyOf(config));
  // Whatever a killed cordon has left running is ended first: the project is settled when nobody writes to it.
  reapRuns(host.places);
  const live = await openLive(host, { mayRemember: true });
  const said: string[] = [];
  try {
    return await runOn(live, config, { ...context, out: recording(context.out, said) });
  } catch (error) {
    if (!live.isOther()) throw error;
    return await runOn(await openLive(host), config, { ...context, out: leavingOut(context.out, said) });
  }
};

const runOn = async (live: Live, config: Config, context: Context): Promise<number> => {
  const { out } = context;
  try {
    const prepared = await prepareRun(context, config, live);
    for (const sentence of [...live.notes, ...prepared.notes]) tell(out, sentence);
    reportBrought(live.recovered, out);
    noteHidden(prepared, context);
    noteShared(prepared, config, context);
    const before = await watchChanges(live);
    const project = live.watch(prepared.plan.mounts);
    let outcome: Outcome;
    let settled: Settled;
    try {
      outcome = await carryOut(prepared, context, { timeoutMs: config.timeoutMs?.value, config, project });
    } finally {
      settled = await settleProject(project, out);
    }
    const changes = await findOthers(before, settled);
    reportBrought(await live.bring(), out);
    await reportLater(changes, context);
    noteOutcome(outcome, prepared.plan, context);
    return outcome.code;
  } finally {
    live.release();
  }
};

/** `--dry-run`: what would be started, and nothing is. */
const describeRun = async (context: Context, session: string | undefined): Promise<number> => {
  const { host, out } = context;
  const workspace =
    session === undefined
      ? await openLive(host, { isDry: true })
      : (await import("../sessions/workspace.ts")).describeSessionWorkspace(host, session);
  const { launch } = await prepareRun(context, await context.config(), workspace);
  out.json((await import("../launch-json.ts")).describeLaunch(launch));
  return 0;
};
