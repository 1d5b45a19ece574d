import { mentionedPaths } from "../agents/directories.ts";
import { noteMissingPrograms } from "../agents/hook-programs.ts";
import type { Output } from "../cli/output.ts";
import type { Config } from "../config/config.ts";
import { errorOf } from "../errors.ts";
import { inspectPath } from "../host.ts";
import { mountAt, type Plan } from "../plan/plan.ts";
import type { Outcome } from "../run/interpreter.ts";
import { escapeControls } from "../terminal/escape.ts";
import type { Context } from "./context.ts";
import type { Prepared } from "./prepare.ts";

/** What a run says to its user, besides what is inside. */

export const tell = (out: Output, sentence: string): void => out.note(escapeControls(`cordon: ${sentence}`));

/** Nobody has asked for it: only a filtered network can keep a credential outside. */
export const noteShared = ({ plan, gathered }: Prepared, { credentials }: Config, { out }: Context): void => {
  if (!gathered.input.agent || credentials.origin !== "default" || plan.credentials !== "share") return;
  out.note(
    "cordon: the network is open, so the agent's own credential stands inside; `--credentials none` keeps it out",
  );
};

/** Hooks and status lines of the user's settings run inside; one whose program is not there is named once. */
export const noteMissing = ({ plan, gathered }: Prepared, { host, out }: Context): void => {
  const { input, settings, states } = gathered;
  if (!input.agent) return;
  const searchPath = plan.env["PATH"] ?? "";
  for (const sentence of noteMissingPrograms(input.agent, settings, { host, mounts: plan.mounts, states, searchPath }))
    tell(out, sentence);
};

/** What the prompt names and the sandbox hides is said before the start, with the option that shows it. */
export const noteHidden = ({ plan, gathered }: Prepared, { host, invocation, out }: Context): void => {
  if (!gathered.input.agent) return;
  const hidden = mentionedPaths(invocation.words, host.home).filter(({ path }) => {
    const mount = mountAt(plan.mounts, path);
    const isShown =
      mount?.kind === "bind" || mount?.kind === "workspace" || mount?.kind === "overlay" || mount?.kind === "bytes";
    return !isShown && inspectPath(path).kind !== "missing";
  });
  for (const { spelling, path } of new Map(hidden.map((entry) => [entry.path, entry])).values())
    out.note(escapeControls(`cordon: ${spelling} is hidden inside; \`--allow-readonly ${path}\` shows it`));
};

/** Why it ended, when that was not the program's own doing. Throws E_LAUNCH_FAILED when it never began. */
export const noteOutcome = (outcome: Outcome, plan: Plan, { out }: Context): void => {
  if (outcome.reason === "timeout") out.note("cordon: ended by --timeout");
  if (outcome.reason === "stopped") out.note("cordon: ended by `cordon stop`");
  if (outcome.reason === "out-of-memory") {
    const mebibytes = Math.round((plan.resources.memoryBytes ?? 0) / 1024 ** 2);
    out.note(`cordon: out of memory: the limit is ${mebibytes} MiB (\`--memory\` sets it)`);
  }
  if (outcome.reason === "not-started")
    throw errorOf("E_LAUNCH_FAILED", "the sandbox did not start", "see the message above");
};
