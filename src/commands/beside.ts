import type { Config } from "../config/config.ts";
import type { Notifier } from "../notify/notifier.ts";
import type { Plan } from "../plan/plan.ts";
import { planSetup, setupOf } from "../plan/setup.ts";
import type { Outcome } from "../run/interpreter.ts";
import { escapeControls } from "../terminal/escape.ts";
import type { Context } from "./context.ts";

/** What goes on beside a run: making the project ready, and telling its user. Loaded when somebody asks for it. */

type Ready = {
  /** Of the run that follows. */
  plan: Plan;
  /** Where a session notes that it is ready; the project's own place when undefined. */
  stamp?: string | undefined;
  run(plan: Plan): Promise<Outcome>;
};

/** Runs the setup, if there is one and it is due. Throws E_SETUP_FAILED. */
export const setUp = async (config: Config, { host, out }: Context, { plan, stamp, run }: Ready): Promise<void> => {
  const setup = setupOf(config);
  if (!setup) return;
  const { makeReady, stampOf } = await import("../run/setup.ts");
  await makeReady(setup, {
    project: host.project,
    stamp: stamp ?? stampOf(host.places, host.project),
    run: () => run(planSetup(plan, setup, host.project)),
    tell: (sentence) => out.note(escapeControls(`cordon: ${sentence}`)),
  });
};

/** `name` is the agent's, or the command's when it is none. Undefined when nobody wants to be told. */
export const openNotifier = async (
  { notify: settings, filesystem }: Config,
  { host, out }: Context,
  { name, isAgent, session }: { name: string; isAgent: boolean; session?: string | undefined },
): Promise<Notifier | undefined> => {
  if (settings.by.length === 0 && !settings.command) return undefined;
  const { createNotifier } = await import("../notify/notifier.ts");
  return createNotifier({
    settings,
    host,
    subject: { agent: name, project: host.project, ...(session !== undefined && { session }) },
    isAgent,
    writable: filesystem.write.map(({ value }) => value),
    tell: (sentence) => out.note(escapeControls(`cordon: ${sentence}`)),
  });
};
