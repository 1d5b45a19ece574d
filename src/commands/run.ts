import { isGiven } from "../cli/given.ts";
import type { Config } from "../config/config.ts";
import { policyOf } from "../config/policy.ts";
import { errorOf } from "../errors.ts";
import { checkProject } from "../plan/gather.ts";
import type { Outcome } from "../run/interpreter.ts";
import { reapRuns } from "../run/registry.ts";
import type { Changes } from "../workspace/changes.ts";
import { type Live, OtherProject, openLive } from "../workspace/live.ts";
import { carryOut } from "./carry-out.ts";
import type { CommandFunction, Context } from "./context.ts";
import { reportBrought, reportLater, settleProject, watchChanges } from "./ending.ts";
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
  try {
    return await runOn(await openLive(host, { mayRemember: true }), config, context);
  } catch (error) {
    if (!(error instanceof OtherProject)) throw error;
    return await runOn(await openLive(host), config, context);
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
    const watched = await watchChanges(live);
    const project = live.watch(prepared.plan.mounts);
    let outcome: Outcome;
    let changes: Changes;
    try {
      outcome = await carryOut(prepared, context, { timeoutMs: config.timeoutMs?.value, config, project });
    } finally {
      changes = await settleProject(project, watched, out);
    }
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
