import type { Agent } from "./agent.ts";
import { claude } from "./catalog/claude.ts";
import { codex } from "./catalog/codex.ts";
import { gemini, qwen } from "./catalog/gemini.ts";
import { opencode } from "./catalog/opencode.ts";
import { aider, amp, copilot, cursor, droid, goose, pi } from "./catalog/others.ts";

/** Every agent that cordon knows by name. The first four are run by the tests; the others follow their documentation. */
export const catalog: readonly Agent[] = [
  claude,
  codex,
  gemini,
  opencode,
  copilot,
  cursor,
  droid,
  pi,
  amp,
  qwen,
  goose,
  aider,
];
