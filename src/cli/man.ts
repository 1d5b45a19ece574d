import { builtCommands, usageOf } from "./commands.ts";
import { exitStatuses } from "./exits.ts";
import { builtFlags, variableOf } from "./flags.ts";
import { describeSpelling, groups, summary, usages } from "./help.ts";

/** The manual page in the man(7) macros. */
export const renderMan = (agents: readonly string[]): string =>
  [
    '.TH CORDON 1 "" cordon "User Commands"',
    ".SH NAME",
    "cordon \\- run coding agents inside a boundary",
    ".SH SYNOPSIS",
    usages.map(([usage]) => `.B ${escapeRoff(usage)}`).join("\n.br\n"),
    ".SH DESCRIPTION",
    escapeRoff(summary),
    "Options of cordon stand before the agent's name; everything after the name belongs to the agent.",
    ...(agents.length ? ["Agents known by name:", `${escapeRoff(agents.join(", "))}.`] : []),
    ".SH COMMANDS",
    ...builtCommands.flatMap((command) => item(usageOf(command), command.help)),
    ...groups.flatMap((group) => [
      `.SH ${group.toUpperCase()} OPTIONS`,
      ...builtFlags
        .filter((flag) => flag.group === group)
        .flatMap((flag) => {
          const variable = variableOf(flag);
          return item(describeSpelling(flag), `${flag.help}.${variable ? ` Variable: ${variable}.` : ""}`);
        }),
    ]),
    ".SH FILES",
    ...item("~/.config/cordon/config.toml", "the user's own settings"),
    ...item(".cordon.toml", "the project's settings: they only narrow, unless `cordon trust` was given"),
    ".SH EXIT STATUS",
    ...exitStatuses.flatMap(([status, meaning]) => item(status, meaning)),
    "",
  ].join("\n");

const item = (term: string, text: string): string[] => [".TP", `.B ${escapeRoff(term)}`, escapeRoff(text)];

/** Backslashes, hyphens and quotes, and a dot or apostrophe that would begin a request. */
const escapeRoff = (text: string): string =>
  text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll('"', "\\(dq")
    .replaceAll("…", "...")
    .replace(/^([.'])/, "\\&$1");
