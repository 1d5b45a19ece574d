import { styleText } from "node:util";
import { builtCommands, type Command, usageOf } from "./commands.ts";
import { builtFlags, type Flag, type Group, spellingsOf } from "./flags.ts";

export const groups: readonly Group[] = ["Boundary", "Files", "Network", "Environment", "Limits", "Agent", "General"];

export const summary = "Runs a coding agent at full autonomy inside a boundary that you control.";

export const usages = [
  ["cordon [OPTIONS] [AGENT] [ARGS…]", "the agent, everything after its name is its own"],
  ['cordon [OPTIONS] "PROMPT"', "the default agent with a prompt"],
  ["cordon [OPTIONS] run -- PROGRAM [ARGS…]", "any program"],
] as const;

/** The help of the whole program. `agents` are the names that can be typed. */
export const renderHelp = (agents: readonly string[], colour: boolean): string => {
  const title = (text: string) => (colour ? styleText("bold", text, { validateStream: false }) : text);
  const section = (name: string, rows: (readonly [string, string])[]) => `${title(`${name}:`)}\n${columns(rows)}`;
  const optionsOf = (group: Group) => builtFlags.filter((flag) => flag.group === group);
  return [
    summary,
    section("Usage", [...usages]),
    section(
      "Commands",
      builtCommands.map((command) => [usageOf(command).slice("cordon ".length), command.help]),
    ),
    ...(agents.length ? [`${title("Agents:")}\n  ${agents.join(" ")}`] : []),
    ...groups.map((group) => section(`${group} options`, optionsOf(group).map(rowOf))),
    "Every option has a variable: `--add-dir` is CORDON_ADD_DIR. `cordon man` prints the manual page.",
  ].join("\n\n");
};

/** The help of one command. */
export const renderCommandHelp = (command: Command, colour: boolean): string => {
  const title = (text: string) => (colour ? styleText("bold", text, { validateStream: false }) : text);
  const aliases = command.aliases?.length ? [`Also: ${command.aliases.join(", ")}`] : [];
  const options = command.options?.length ? [`${title("Options:")}\n${columns(command.options.map(rowOf))}`] : [];
  return [
    `${usageOf(command)}: ${command.help}`,
    ...aliases,
    ...options,
    "`cordon --help` lists the options that every command understands.",
  ].join("\n\n");
};

/** `-h, --help` or `--net, --network MODE`. */
export const describeSpelling = (flag: Flag): string => {
  const spellings = spellingsOf(flag).sort((a, b) => a.indexOf("-", 1) - b.indexOf("-", 1));
  return `${spellings.join(", ")}${flag.placeholder === undefined ? "" : ` ${flag.placeholder}`}`;
};

const rowOf = (flag: Flag): [string, string] => [
  describeSpelling(flag),
  `${flag.help}${flag.repeatable ? " (repeatable)" : ""}`,
];

const widest = 34;

/** Two columns; a long left side gets a line of its own. */
const columns = (rows: (readonly [string, string])[]): string =>
  rows
    .map(([left, right]) =>
      left.length > widest ? `  ${left}\n  ${"".padEnd(widest)}  ${right}` : `  ${left.padEnd(widest)}  ${right}`,
    )
    .join("\n");
