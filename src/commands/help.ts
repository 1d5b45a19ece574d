import { version } from "../../package.json" with { type: "json" };
import { catalog } from "../agents/catalog.ts";
import { builtCommands, findCommand } from "../cli/commands.ts";
import { renderCompletions, type Shell, shells } from "../cli/completions.ts";
import { renderCommandHelp, renderHelp } from "../cli/help.ts";
import { findAlike } from "../cli/likeness.ts";
import { renderMan } from "../cli/man.ts";
import { isOneOf } from "../config/values.ts";
import { errorOf } from "../errors.ts";
import type { CommandFunction } from "./context.ts";

/** Only the catalogue: help must work when the configuration is broken. */
const agents = catalog.map(({ name }) => name);

/** `cordon help [COMMAND]` and `--help`. Needs no configuration. */
export const runHelp: CommandFunction = async ({ invocation, out }) => {
  const word = invocation.words[0];
  const command = word === undefined ? undefined : findCommand(word);
  if (word !== undefined && (!command || command.unbuilt)) {
    if (command) throw errorOf("E_FEATURE_UNBUILT", `cordon ${word}`);
    const near = findAlike(
      word,
      builtCommands.map(({ name }) => name),
    );
    throw errorOf("E_USAGE", `there is no command \`${word}\``, near ? `\`cordon help ${near}\`` : "`cordon help`");
  }
  out.line(command ? renderCommandHelp(command, out.colour) : renderHelp(agents, out.colour));
  return 0;
};

/** `cordon man`: the page itself, for `man -l -`. */
export const runMan: CommandFunction = async ({ out }) => {
  out.line(renderMan(agents).trimEnd());
  return 0;
};

/** `cordon completions SHELL`. */
export const runCompletions: CommandFunction = async ({ invocation, out }) => {
  const shell = invocation.words[0] ?? "";
  if (!isOneOf<Shell>(shells, shell))
    throw errorOf("E_USAGE", `no completions for \`${shell}\``, `\`cordon completions ${shells.join("|")}\``);
  out.line(renderCompletions(shell, agents).trimEnd());
  return 0;
};

/** `cordon --version`. */
export const runVersion: CommandFunction = async ({ out }) => {
  out.line(`cordon ${version}`);
  return 0;
};
