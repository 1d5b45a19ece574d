import type { Host } from "../host.ts";
import type { Launch } from "../launch.ts";
import type { Feature, Plan } from "../plan/plan.ts";

/**
 * The contract every backend keeps.
 *
 * `observe` is the only look at the machine: is the tool there, which version, what can this kernel limit. It starts
 * nothing that outlives it and changes nothing. `compile` is pure: the same plan and observation give the same launch,
 * and it never weakens a plan; what the backend does not enforce is absent from `enforces`, and the caller refuses
 * such a plan before compiling. `check` serves `cordon doctor` and may take its time.
 */
export type Backend<Observed = unknown> = {
  name: string;
  isolation: "process" | "container" | "microvm" | "remote";
  /** Throws E_BACKEND_MISSING when the backend cannot run here at all. */
  observe(host: Host, plan: Plan): Observed;
  enforces(observed: Observed): ReadonlySet<Feature>;
  compile(plan: Plan, observed: Observed): Launch;
  check(host: Host): Promise<Check[]>;
};

/** One line of `cordon doctor`. The native backend cannot run while a required one fails; advice only warns. */
export type Check = {
  name: string;
  level: "required" | "advice";
  ok: boolean;
  found: string;
  /** What to do or type about it; several lines when it is several commands. */
  fix?: string;
};
