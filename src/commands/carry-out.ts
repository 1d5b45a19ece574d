import fs from "node:fs";
import type { SeedFacts } from "../agents/seed.ts";
import { prepareState } from "../agents/state.ts";
import type { Config } from "../config/config.ts";
import type { Launch } from "../launch.ts";
import { type Outcome, runLaunch } from "../run/interpreter.ts";
import { type Run, startTicksOf } from "../run/registry.ts";
import type { Session } from "../sessions/record.ts";
import { escapeControls } from "../terminal/escape.ts";
import type { Watch } from "../terminal/watch.ts";
import type { ProjectWatch } from "../workspace/watch-project.ts";
import { openNotifier, setUp } from "./beside.ts";
import type { Context } from "./context.ts";
import { noteMissing, tell } from "./notes.ts";
import type { Prepared } from "./prepare.ts";

/** With `config`, the project is made ready first, and its user is told. */
type CarryOut = {
  timeoutMs?: number | undefined;
  isSigningIn?: boolean;
  config?: Config;
  project?: Pick<ProjectWatch, "begin"> | undefined;
} & Partial<InSession>;

type InSession = {
  session: Session;
  /** Where it notes that it is ready. */
  stamp: string;
};

/** From the first file to the end of the run. What a killed cordon has left running is ended by the caller, before it looks at anything. */
export const carryOut = async (prepared: Prepared, context: Context, options: CarryOut): Promise<Outcome> => {
  const { host, out } = context;
  const { timeoutMs, isSigningIn = false, config, session, stamp, project } = options;
  const { plan } = prepared;
  const { states, cache } = prepared.gathered;
  fs.mkdirSync(cache, { recursive: true, mode: 0o700 });
  await prepareState(states, seedFacts(prepared, isSigningIn));
  noteMissing(prepared, context);
  const told: string[] = [];
  for (const sentence of prepared.gathered.credentials.notes) tell(out, sentence);
  const isAgent = prepared.gathered.input.agent !== undefined;
  const notifier =
    config && (await openNotifier(config, context, { name: prepared.agentName, isAgent, session: session?.name }));
  const startedAt = performance.now();
  const elapsedMs = () => performance.now() - startedAt;
  const launchWith = (launch: Launch, watch?: Watch) =>
    runLaunch(
      launch,
      { ...recordOf({ ...prepared, launch }), ...(session && { session: session.name }) },
      host.places,
      {
        authority: prepared.authority,
        credentials: prepared.gathered.credentials.live,
        ...(timeoutMs !== undefined && { timeoutMs: Math.max(1, timeoutMs - elapsedMs()) }),
        watch,
        project,
        hostEnv: host.env,
        // A program that owns the terminal would be painted over.
        notify: (sentence, topic) => {
          if (!prepared.plan.tty.stdout || (isSigningIn && topic === undefined)) tell(out, sentence);
          else if (topic !== undefined) out.notification(escapeControls(`cordon: ${sentence}`));
          else told.push(sentence);
        },
      },
    );
  if (config) await setUp(config, context, { plan, stamp, run: (other) => launchWith(prepared.compile(other)) });
  const outcome = await launchWith(prepared.launch, notifier?.watch);
  await notifier?.finish(outcome.code, elapsedMs());
  for (const sentence of told.slice(0, mostTold)) tell(out, sentence);
  if (told.length > mostTold) tell(out, `… and ${told.length - mostTold} more; \`cordon log\` shows all`);
  return outcome;
};

const mostTold = 5;
const keyTailLength = 20;

/** Claude Code knows an approved key by its end. */
const seedFacts = ({ plan, gathered, project }: Prepared, isSigningIn: boolean): SeedFacts => {
  const keys = gathered.input.agent?.keys.filter((name) => plan.env[name] !== undefined) ?? [];
  const tail = plan.env[keys[0] ?? ""]?.slice(-keyTailLength) ?? "";
  const { files } = gathered.credentials;
  const { settings } = gathered;
  const hasLogin = isSigningIn || files.length > 0;
  const isHelped = gathered.credentials.live.has(gathered.input.agent?.keyHelper?.variable ?? "");
  const isSignedOut = plan.credentials === "broker" && !hasLogin && !isHelped && keys.length === 0;
  return { values: { workdir: project, "key-tail": tail }, keys, hasLogin, isSignedOut, files, settings };
};

const recordOf = ({ plan, launch, project, agentName }: Prepared): Run => ({
  id: plan.id,
  pid: process.pid,
  startTicks: startTicksOf(process.pid),
  project,
  agent: agentName,
  backend: launch.backend,
  createdAt: new Date().toISOString(),
  teardown: launch.teardown,
  join: launch.join,
});
