/**
 * A script is what the model "decides". `say` ends the agent's turn: the next prompt (or a resumed session) goes on with
 * the turn after it. The others each become one call of a tool that the requesting agent announced. Claude Code edits
 * only what it has read or written before: put a `read` (not a shell `cat`) before the `edit` of an existing file.
 */
export type Turn =
  | { say: string }
  | { shell: string }
  | { read: string }
  | { write: { path: string; content: string } }
  | { edit: { path: string; old: string; new: string } };

export interface Script {
  readonly turns: readonly Turn[];
  /** Said once the turns are used up; "Done." when absent. */
  readonly final?: string;
}

/** Hands out turns. The last conversation asked again (a retry after a dropped stream) gets the same turn again. */
export interface Player {
  next(conversation: unknown): { index: number; turn: Turn };
}

/** Starts a script at its first turn. */
export function createPlayer(script: Script): Player {
  let last: string | undefined;
  let count = 0;
  return {
    next(conversation) {
      const key = JSON.stringify(conversation, (name, value) => (name === "cache_control" ? undefined : value));
      if (key !== last) count++;
      const index = count - 1;
      const turn = script.turns[index] ?? { say: script.final ?? "Done." };
      // After words the agent rests: the same conversation again is then a second run with the same prompt, no retry.
      last = "say" in turn ? undefined : key;
      return { index, turn };
    },
  };
}

/** Checks a script that came from a file. Throws an Error that names the offending turn. */
export function parseScript(text: string): Script {
  const value: unknown = JSON.parse(text);
  const script = (Array.isArray(value) ? { turns: value } : value) as Script;
  if (!Array.isArray(script?.turns)) throw new Error("a script is a list of turns or {turns, final}");
  script.turns.forEach((turn, index) => {
    if (!isTurn(turn)) throw new Error(`turn ${index} of the script is none of say, shell, read, write, edit`);
  });
  return script;
}

function isTurn(turn: unknown): turn is Turn {
  if (typeof turn !== "object" || turn === null) return false;
  const { say, shell, read, write, edit } = turn as Record<string, Record<string, unknown> | undefined>;
  if ([say, shell, read].some((text) => typeof text === "string")) return true;
  if (write) return typeof write["path"] === "string" && typeof write["content"] === "string";
  return [edit?.["path"], edit?.["old"], edit?.["new"]].every((text) => typeof text === "string");
}
