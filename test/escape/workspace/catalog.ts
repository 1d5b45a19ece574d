import type { Attack } from "./attack.ts";
import { listingAttacks } from "./listing.ts";
import { nestedAttacks } from "./nested.ts";
import { objectAttacks } from "./objects.ts";
import { ownGitAttacks } from "./own-git.ts";
import { sessionEndAttacks } from "./session-ends.ts";
import { sessionMergeAttacks } from "./session-merges.ts";
import { startAttacks } from "./starts.ts";
import { stateAttacks } from "./state.ts";

/** Every attack on a workspace, ordered by id. */
export const attacks: readonly Attack[] = [
  ...ownGitAttacks,
  ...nestedAttacks,
  ...objectAttacks,
  ...listingAttacks,
  ...stateAttacks,
  ...startAttacks,
  ...sessionMergeAttacks,
  ...sessionEndAttacks,
].sort((a, b) => a.id.localeCompare(b.id));
