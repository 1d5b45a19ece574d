import type { Config } from "../config/config.ts";
import type { Plan } from "./plan.ts";

/** What makes a project ready before its agent starts. */
export type Setup = {
  /** As it runs inside. */
  command: string[];
  /** As a person wrote it. */
  written: string;
  origin: string;
  /** Relative to the project's top; the usual ones when undefined. */
  inputs: string[] | undefined;
};

/**
 * A run of its own and not a line before the agent's: so its status is its own, it takes nothing of the agent's input, puts
 * nothing into its output, and what it leaves is what later runs find as well: files of the project and caches, no process
 * and nothing in /tmp.
 */
export const setupOf = ({ setup, setupInputs }: Config): Setup | undefined => {
  if (!setup) return undefined;
  const { value, origin } = setup;
  const words = typeof value === "string" ? ["/bin/sh", "-c", value] : value;
  return {
    command: ["/bin/sh", "-c", 'exec "$@" </dev/null >&2', "setup", ...words],
    written: typeof value === "string" ? value : value.join(" "),
    origin,
    inputs: setupInputs?.value,
  };
};

/** The same boundary around another command, at the project's top. */
export const planSetup = (plan: Plan, { command }: Setup, project: string): Plan => ({
  ...plan,
  command,
  workdir: project,
  env: { ...plan.env, PWD: project },
});
