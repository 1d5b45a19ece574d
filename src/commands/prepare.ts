import type { Agent } from "../agents/agent.ts";
import { commandOf } from "../agents/command.ts";
import { addedDirectories } from "../agents/directories.ts";
import { refuseOutside } from "../agents/outside.ts";
import { findAgent } from "../agents/registry.ts";
import type { Backend } from "../backends/backend.ts";
import { loadBackend } from "../backends/index.ts";
import { isGiven } from "../cli/given.ts";
import type { Config } from "../config/config.ts";
import { policyOf, requestedLimits } from "../config/policy.ts";
import { type CertificateAuthority, createAuthority } from "../egress/intercept/certificate-authority.ts";
import { errorOf } from "../errors.ts";
import { type Host, inspectPath } from "../host.ts";
import type { Launch } from "../launch.ts";
import { createPlan } from "../plan/create.ts";
import { type Gathered, gatherPlan } from "../plan/gather.ts";
import { featuresOf, type Plan } from "../plan/plan.ts";
import { hideSecrets } from "../plan/secrets.ts";
import type { Policy } from "../policy.ts";
import { openCaches } from "../run/caches.ts";
import { makePrivateDirectory } from "../run/registry.ts";
import type { Workspace } from "../workspace/workspace.ts";
import type { Context } from "./context.ts";

export type Prepared = {
  plan: Plan;
  launch: Launch;
  gathered: Gathered;
  project: string;
  notes: string[];
  /** The same boundary around another command. */
  compile(plan: Plan): Launch;
  agentName: string;
  /** What a filtered network signs with. */
  authority: CertificateAuthority | undefined;
};

/** Everything up to the launch; starts and changes nothing. Throws errors of the catalogue. */
export const prepareRun = async (
  { host, invocation }: Context,
  config: Config,
  workspace: Workspace,
): Promise<Prepared> => {
  const name = invocation.command === "agent" ? (invocation.agent ?? config.agent.value) : undefined;
  const agent = name === undefined ? undefined : findAgent(name, config);
  const { policy, note } = hideSecrets(withAdded(policyOf(config), agent, invocation.words, host), host.project);
  const isDry = isGiven(invocation.given, "dry-run");
  const caches = await openCaches(host, policy, { isDry, canOverlay: async () => isDry || (await canLay(host)) });
  if (agent) refuseOutside(agent, invocation.words, policy.credentials);
  const authority = policy.network.mode === "filtered" ? await createAuthority() : undefined;
  const gathered = await gatherPlan({
    id: Buffer.from(crypto.getRandomValues(new Uint8Array(4))).toString("hex"),
    host,
    policy,
    workspace,
    caches: caches.supply,
    services: config.services,
    secretFiles: config.secretFiles,
    isDry,
    authority: authority?.pem,
    requested: requestedLimits(config),
    agent,
    command: commandOf(invocation, agent, host),
  });
  const plan = createPlan(gathered.input);
  const backend = await loadBackend(config.backend.value);
  const observed = backend.observe(host, plan);
  refuseUnenforced(plan, backend, observed);
  return {
    plan,
    launch: backend.compile(plan, observed),
    gathered,
    project: host.project,
    notes: [note, caches.note].filter((sentence) => sentence !== undefined),
    compile: (other) => backend.compile(other, observed),
    agentName: name ?? invocation.command,
    authority,
  };
};

/** Overlays over the user's package caches, in cordon's own. */
const canLay = async (host: Host): Promise<boolean> => {
  const { tryOverlay } = await import("../sessions/overlay.ts");
  makePrivateDirectory(host.places.cache);
  return (await tryOverlay(host, host.places.cache, host.places.cache)) === undefined;
};

const withAdded = (policy: Policy, agent: Agent | undefined, words: string[], host: Host): Policy => {
  const exists = (directory: string) => inspectPath(directory).kind === "directory";
  const added = agent ? addedDirectories(agent, words, host.cwd, exists) : [];
  return { ...policy, filesystem: { ...policy.filesystem, write: [...policy.filesystem.write, ...added] } };
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
