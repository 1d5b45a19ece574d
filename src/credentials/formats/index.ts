import { claude } from "./claude.ts";
import { codex } from "./codex.ts";
import type { Format } from "./format.ts";
import { gemini } from "./gemini.ts";
import { opencode } from "./opencode.ts";

export const formats = { claude, codex, gemini, opencode } satisfies Record<string, Format>;
export type FormatName = keyof typeof formats;
