import type { Turn } from "./script.ts";

/** A tool as the agent announced it; `freeform` tools take one text instead of JSON arguments. */
export interface Tool {
  readonly name: string;
  readonly freeform?: boolean;
  /** Names of the parameters, in the order of the schema. */
  readonly parameters: readonly string[];
}

/** What the model answers: words, or one call. */
export type Answer =
  | { say: string }
  | { call: string; input: Record<string, unknown> }
  | { call: string; text: string };

type Kind = "shell" | "read" | "write" | "edit";

const NAMES: Record<Kind, readonly string[]> = {
  shell: ["Bash", "bash", "run_shell_command", "exec_command", "shell_command", "shell", "developer__shell"],
  read: ["Read", "read", "read_file"],
  write: ["Write", "write", "write_file"],
  edit: ["Edit", "edit", "replace"],
};

/** Spellings of each argument; the one that the announced schema has is used. */
const SPELLINGS: Record<string, readonly string[]> = {
  command: ["command", "cmd"],
  path: ["file_path", "filePath", "path", "absolute_path"],
  content: ["content"],
  old: ["old_string", "oldString", "old_text"],
  new: ["new_string", "newString", "new_text"],
};

/** True when these are the tools of a coding agent's main conversation, not of a side request. */
export function isMainConversation(tools: readonly Tool[]): boolean {
  return find(tools, "shell") !== undefined || takesCode(tools);
}

/** Says a turn with the tools that the agent announced. Throws an Error when none of them can express it. */
export function translateTurn(turn: Turn, tools: readonly Tool[]): Answer {
  if ("say" in turn) return { say: turn.say };
  if (takesCode(tools)) return wrapInCode(translateTurn(turn, CODE_TOOLS));
  if ("shell" in turn) return callShell(turn.shell, tools);
  if ("read" in turn) return call("read", { path: turn.read }, tools) ?? callShell(`cat -- ${quote(turn.read)}`, tools);
  if ("write" in turn) {
    const added = turn.write.content
      .replace(/\n$/, "")
      .split("\n")
      .map((line) => `+${line}`);
    return call("write", turn.write, tools) ?? patch([`*** Add File: ${turn.write.path}`, ...added], tools);
  }
  const { path, old, new: replacement } = turn.edit;
  const removed = old.split("\n").map((line) => `-${line}`);
  const added = replacement.split("\n").map((line) => `+${line}`);
  return call("edit", turn.edit, tools) ?? patch([`*** Update File: ${path}`, "@@", ...removed, ...added], tools);
}

/** Codex's newer models get one tool, `exec`, which runs JavaScript that calls the real tools. */
function takesCode(tools: readonly Tool[]): boolean {
  return tools.some((tool) => tool.name === "exec" && tool.freeform);
}

const CODE_TOOLS: readonly Tool[] = [
  { name: "exec_command", parameters: ["cmd"] },
  { name: "apply_patch", freeform: true, parameters: [] },
];

function wrapInCode(answer: Answer): Answer {
  if ("say" in answer) return answer;
  const argument = JSON.stringify("text" in answer ? answer.text : answer.input);
  return {
    call: "exec",
    text: `const result = await tools.${answer.call}(${argument});\ntext(result.output ?? result);\n`,
  };
}

function find(tools: readonly Tool[], kind: Kind): Tool | undefined {
  return NAMES[kind].map((name) => tools.find((tool) => tool.name === name)).find((tool) => tool !== undefined);
}

function call(kind: Kind, values: Record<string, string>, tools: readonly Tool[]): Answer | undefined {
  const tool = find(tools, kind);
  if (!tool) return undefined;
  const input: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) input[spell(name, tool)] = value;
  // Some agents refuse a call without a word about why it is made.
  for (const name of ["description", "instruction"]) {
    if (tool.parameters.includes(name)) input[name] = "scripted step";
  }
  return { call: tool.name, input };
}

function spell(name: string, tool: Tool): string {
  const spellings = SPELLINGS[name] ?? [name];
  return spellings.find((spelling) => tool.parameters.includes(spelling)) ?? spellings[0]!;
}

function callShell(command: string, tools: readonly Tool[]): Answer {
  // Codex's oldest shell tool takes an argument vector.
  if (find(tools, "shell")?.name === "shell") return { call: "shell", input: { command: ["sh", "-c", command] } };
  const answer = call("shell", { command }, tools);
  if (!answer) throw new Error("the agent announced no shell tool");
  return answer;
}

/** Codex has no write tool: it patches, by a tool of its own or by the `apply_patch` command that it puts on PATH. */
function patch(lines: readonly string[], tools: readonly Tool[]): Answer {
  const text = ["*** Begin Patch", ...lines, "*** End Patch", ""].join("\n");
  const tool = tools.find((candidate) => candidate.name === "apply_patch");
  if (tool?.freeform) return { call: tool.name, text };
  if (tool) return { call: tool.name, input: { input: text } };
  return callShell(`apply_patch <<'END_OF_PATCH'\n${text}END_OF_PATCH\n`, tools);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
