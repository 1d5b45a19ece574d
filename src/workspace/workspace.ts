import type { Mount } from "../plan/plan.ts";

/** What stands at the project's place inside, for as long as one run works on it. */
export type Workspace = {
  /** The project's own path, on the host and inside. */
  top: string;
  /** The project itself, and what stands in the place of every `.git`. */
  mounts: Mount[];
  /** Relative paths that the run cannot write. */
  guarded: string[];
  /** Where agents keep their state, when it is not the project's. */
  state: string | undefined;
  notes: string[];
  /** What stands in the place of every `.git` is what was there when somebody looked before; see `Live`. */
  isUnsure?: boolean;
};

/** A directory as it is, for whoever has no project. */
export const plainWorkspace = (top: string): Workspace => ({
  top,
  mounts: [{ kind: "workspace", source: top, target: top, mode: "rw", origin: "the project" }],
  guarded: [],
  state: undefined,
  notes: [],
});
