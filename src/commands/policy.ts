import path from "node:path";
import { findAgent } from "../agents/registry.ts";
import { isGiven } from "../cli/given.ts";
import { policyOf, requestedLimits } from "../config/policy.ts";
import { createAuthority } from "../egress/intercept/certificate-authority.ts";
import { errorOf } from "../errors.ts";
import { createPlan } from "../plan/create.ts";
import { type Explanation, explainHost, explainPath, explainVariable, readRequest } from "../plan/explain.ts";
import { gatherPlan } from "../plan/gather.ts";
import { hideSecrets } from "../plan/secrets.ts";
import { openCaches } from "../run/caches.ts";
import { escapeControls } from "../terminal/escape.ts";
import { openLive } from "../workspace/live.ts";
import type { CommandFunction } from "./context.ts";

/** `cordon policy explain PATH|HOST[:PORT]|URL|NAME`: the rule that decides for the default agent's next run in this project. */
export const runPolicy: CommandFunction = async ({ host, invocation, out, config: load }) => {
  const [verb, word = ""] = invocation.words;
  if (verb !== "explain")
    throw errorOf(
      "E_USAGE",
      `\`cordon policy\` cannot \`${verb}\``,
      "`cordon policy explain PATH|HOST[:PORT]|URL|NAME`",
    );
  const config = await load();
  const { policy } = hideSecrets(policyOf(config), host.project);
  const request = { id: "explain", host, policy, requested: requestedLimits(config) };
  const agent = findAgent(config.agent.value, config);
  // Any program will do: the question is what stands around it.
  const { services, secretFiles } = config;
  const authority = request.policy.network.mode === "filtered" ? (await createAuthority()).pem : undefined;
  const { input } = await gatherPlan({
    ...request,
    agent,
    services,
    secretFiles,
    command: ["/bin/sh"],
    workspace: await openLive(host, { isDry: true }),
    caches: (await openCaches(host, policy, { isDry: true, canOverlay: async () => true })).supply,
    authority,
    isDry: true,
  });
  const explanation = explain(word, createPlan(input), input, host.home);
  if (isGiven(invocation.given, "json")) out.json(explanation);
  else out.line(escapeControls(`${explanation.subject}: ${explanation.verdict}  # ${explanation.origin}`));
  return 0;
};

/** A dotted word, or one with a port. */
const isHost = (word: string): boolean =>
  (/^[^/~]+\.[^/]+$/.test(word) && !word.startsWith(".")) || /^(\[[0-9A-Fa-f:.]+\]|[^/~:]+):[0-9]+$/.test(word);

const explain = (
  word: string,
  plan: ReturnType<typeof createPlan>,
  { policy, host }: Parameters<typeof createPlan>[0],
  home: string,
): Explanation => {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(word)) return explainVariable(plan, host, word);
  const request = readRequest(word);
  if (request) return explainHost(policy, request.host, request);
  if (isHost(word)) return explainHost(policy, word);
  const expanded = word === "~" || word.startsWith("~/") ? path.join(home, word.slice(1)) : word;
  return explainPath(plan, path.resolve(plan.workdir, expanded));
};
