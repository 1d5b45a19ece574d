import type { Stage } from "./stage.ts";

/** One way in which what an agent leaves in a project could harm whoever works there next. */
export interface Attack {
  id: string;
  attack: string;
  /** Carries it out, lets the host do its part, and says what got through: undefined when the boundary held. */
  carry(stage: Stage): string | undefined | Promise<string | undefined>;
  /** Known to get through, with the reason. The test fails as soon as the hole is closed. */
  gap?: string;
  /** Needs a user without privileges: root is let in everywhere. */
  isForUser?: true;
}
