import fs from "node:fs";
import type { Agent } from "../agents/agent.ts";
import { commandOf } from "../agents/command.ts";
import { addedDirectories, mentionedPaths } from "../agents/directories.ts";
import { refuseOutside } from "../agents/outside.ts";
import { findAgent } from "../agents/registry.ts";
import type { SeedFacts } from "../agents/seed.ts";
import { prepareState } from "../agents/state.ts";
import type { Backend } from "../backends/backend.ts";
import { loadBackend } from "../backends/index.ts";
import { isGiven } from "../cli/given.ts";
import type { Output } from "../cli/output.ts";
import type { Config } from "../config/config.ts";
import { policyOf, requestedLimits } from "../config/policy.ts";
import { type CertificateAuthority, createAuthority } from "../egress/intercept/certificate-authority.ts";
import { errorOf } from "../errors.ts";
import { type Host, inspectPath } from "../host.ts";
import type { Launch } from "../launch.ts";
import { createPlan } from "../plan/create.ts";
import { type Gathered, gatherPlan } from "../plan/gather.ts";
import { featuresOf, mountAt, type Plan } from "../plan/plan.ts";
import type { Policy } from "../policy.ts";
import { type Outcome, runLaunch } from "../run/interpreter.ts";
import { type Run, reapRuns, startTicksOf } from "../run/registry.ts";
import { escapeControls } from "../terminal/escape.ts";
import type { CommandFunction, Context } from "./context.ts";

/** `cordon [AGENT] …`, `cordon run -- PROGRAM …`, `cordon shell`: one run, from the configuration to the exit code. */
export const run: CommandFunction = async (context) => {
  const { host, invocation, out } = context;
  if (host.env["CORDON_SANDBOX"]) throw errorOf("E_SANDBOX_NESTED");
  const config = await context.config();
  const prepared = await prepareRun(context, config);
  if (isGiven(invocation.given, "dry-run")) {
    out.json((await import("../launch-json.ts")).describeLaunch(prepared.launch));
    return 0;
  }
  noteHidden(prepared, context);
  noteShared(prepared, config, context);
  const outcome = await carryOut(prepared, context, { timeoutMs: config.timeoutMs?.value });
  report(outcome, prepared.plan, context);
  return outcome.code;
};

type CarryOut = { timeoutMs?: number | undefined; isSigningIn?: boolean };

/** From the first file to the end of the run. */
export const carryOut = async (prepared: Prepared, { host, out }: Context, options: CarryOut): Promise<Outcome> => {
  const { timeoutMs, isSigningIn = false } = options;
  reapRuns(host.places);
  const { states, cache } = prepared.gathered;
  fs.mkdirSync(cache, { recursive: true, mode: 0o700 });
  await prepareState(states, seedFacts(prepared, isSigningIn));
  const told: string[] = [];
  for (const sentence of prepared.gathered.credentials.notes) tell(out, sentence);
  const outcome = await runLaunch(prepared.launch, recordOf(prepared), host.places, {
    authority: prepared.authority,
    credentials: prepared.gathered.credentials.live,
    ...(timeoutMs !== undefined && { timeoutMs }),
    hostEnv: host.env,
    // A program that owns the terminal would be painted over.
    notify: (sentence, topic) => {
      if (!prepared.plan.tty.stdout || (isSigningIn && topic === undefined)) tell(out, sentence);
      else if (topic !== undefined) out.notification(escapeControls(`cordon: ${sentence}`));
      else told.push(sentence);
    },
  });
  for (const sentence of told.slice(0, mostTold)) tell(out, sentence);
  if (told.length > mostTold) tell(out, `… and ${told.length - mostTold} more; \`cordon log\` shows all`);
  return outcome;
};

const mostTold = 5;
const tell = (out: Output, sentence: string): void => out.note(escapeControls(`cordon: ${sentence}`));

export type Prepared = {
  plan: Plan;
  launch: Launch;
  gathered: Gathered;
  agentName: string;
  /** What a filtered network signs with. */
  authority: CertificateAuthority | undefined;
};

const keyTailLength = 20;

/** Claude Code knows an approved key by its end. */
const seedFacts = ({ plan, gathered }: Prepared, isSigningIn: boolean): SeedFacts => {
  const keys = gathered.input.agent?.keys.filter((name) => plan.env[name] !== undefined) ?? [];
  const tail = plan.env[keys[0] ?? ""]?.slice(-keyTailLength) ?? "";
  const { files } = gathered.credentials;
  const { settings } = gathered;
  const hasLogin = isSigningIn || files.length > 0;
  const isSignedOut = plan.credentials === "broker" && !hasLogin && keys.length === 0;
  return { values: { workdir: plan.workdir, "key-tail": tail }, keys, hasLogin, isSignedOut, files, settings };
};

/** Everything up to the launch; starts and changes nothing. Throws errors of the catalogue. */
export const prepareRun = async ({ host, invocation }: Context, config: Config): Promise<Prepared> => {
  const name = invocation.command === "agent" ? (invocation.agent ?? config.agent.value) : undefined;
  const agent = name === undefined ? undefined : findAgent(name, config);
  const policy = withAdded(policyOf(config), agent, invocation.words, host);
  if (agent) refuseOutside(agent, invocation.words, policy.credentials);
  const authority = policy.network.mode === "filtered" ? await createAuthority() : undefined;
  const gathered = await gatherPlan({
    id: Buffer.from(crypto.getRandomValues(new Uint8Array(4))).toString("hex"),
    host,
    policy,
    services: config.services,
    secretFiles: config.secretFiles,
    isDry: isGiven(invocation.given, "dry-run"),
    authority: authority?.pem,
    requested: requestedLimits(config),
    agent,
    command: commandOf(invocation, agent, host),
  });
  const plan = createPlan(gathered.input);
  const backend = await loadBackend(config.backend.value);
  const observed = backend.observe(host, plan);
  refuseUnenforced(plan, backend, observed);
  return { plan, launch: backend.compile(plan, observed), gathered, agentName: name ?? invocation.command, authority };
};

const withAdded = (policy: Policy, agent: Agent | undefined, words: string[], host: Host): Policy => {
  const exists = (directory: string) => inspectPath(directory).kind === "directory";
  const added = agent ? addedDirectories(agent, words, host.cwd, exists) : [];
  return { ...policy, filesystem: { ...policy.filesystem, write: [...policy.filesystem.write, ...added] } };
};

/** Nobody has asked for it: only a filtered network can keep a credential outside. */
const noteShared = ({ plan, gathered }: Prepared, { credentials }: Config, { out }: Context): void => {
  if (!gathered.input.agent || credentials.origin !== "default" || plan.credentials !== "share") return;
  out.note(
    "cordon: the network is open, so the agent's own credential stands inside; `--credentials none` keeps it out",
  );
};

/** What the prompt names and the sandbox hides is said before the start, with the option that shows it. */
const noteHidden = ({ plan, gathered }: Prepared, { host, invocation, out }: Context): void => {
  if (!gathered.input.agent) return;
  const hidden = mentionedPaths(invocation.words, host.home).filter(({ path }) => {
    const mount = mountAt(plan.mounts, path);
    const isShown = mount?.kind === "bind" || mount?.kind === "workspace" || mount?.kind === "bytes";
    return !isShown && inspectPath(path).kind !== "missing";
  });
  for (const { spelling, path } of new Map(hidden.map((entry) => [entry.path, entry])).values())
    out.note(escapeControls(`cordon: ${spelling} is hidden inside; \`--allow-readonly ${path}\` shows it`));
};

/** By the start of the feature that is missing. */
const waysOn: [start: string, ways: string][] = [
  ["credential-", "`--credentials share` hands the agent its own credential; `--credentials none` keeps it outside"],
  ["network-deny", "`--net filtered` holds such rules; without them the network is open"],
  ["network-", "`--net none` cuts the network off; `--net open` leaves it as it is"],
  ["http-rules", "name the host without a path, or leave the rule out"],
  ["limit-", "start cordon where it may make control groups (`cordon doctor` says how), or leave the limit out"],
  ["", "leave the option out; `cordon doctor` says what this machine can do"],
];

const refuseUnenforced = (plan: Plan, backend: Backend, observed: unknown): void => {
  const enforced = backend.enforces(observed);
  const missing = featuresOf(plan).find((feature) => !enforced.has(feature));
  if (!missing) return;
  const [, ways] = waysOn.find(([start]) => missing.startsWith(start))!;
  throw errorOf("E_UNENFORCED", missing, backend.name, ways);
};

const recordOf = ({ plan, launch, agentName }: Prepared): Run => ({
  id: plan.id,
  pid: process.pid,
  startTicks: startTicksOf(process.pid),
  project: plan.workdir,
  agent: agentName,
  backend: launch.backend,
  createdAt: new Date().toISOString(),
  teardown: launch.teardown,
  join: launch.join,
});

const report = (outcome: Outcome, plan: Plan, { out }: Context): void => {
  if (outcome.reason === "timeout") out.note("cordon: ended by --timeout");
  if (outcome.reason === "stopped") out.note("cordon: ended by `cordon stop`");
  if (outcome.reason === "out-of-memory") {
    const mebibytes = Math.round((plan.resources.memoryBytes ?? 0) / 1024 ** 2);
    out.note(`cordon: out of memory: the limit is ${mebibytes} MiB (\`--memory\` sets it)`);
  }
  if (outcome.reason === "not-started")
    throw errorOf("E_LAUNCH_FAILED", "the sandbox did not start", "see the message above");
};
