import type { Attack } from "./attack.ts";
import type { Stage } from "./stage.ts";

/** The name of the session that attacks work in. */
export const name = "s";

/** The agent at work in it; without a boundary, in the project itself. */
export const work = (stage: Stage, script: string) => stage.inside(script, { options: ["--session", name] });
export const review = (stage: Stage): string => stage.cordon(["diff", name]).stdout;
export const merge = (stage: Stage, ...more: string[]) => stage.cordon(["merge", name, "--yes", ...more]);

/** As an attack on a session. */
export const asSession = (attack: Attack): Attack => ({ ...attack, attack: `session: ${attack.attack}` });
