import type { Invocation } from "../cli/argv.ts";
import type { Host } from "../host.ts";
import type { Agent } from "./agent.ts";

/** The command line that a run starts: the agent's with its autonomy switched on, a program, or a shell. Pure. */
export const commandOf = ({ command, words }: Invocation, agent: Agent | undefined, host: Host): string[] => {
  if (agent) return [agent.command, ...withAutonomy(agent, words, host.cwd)];
  if (command !== "shell") return words;
  return words.length > 0 ? words : [host.env["SHELL"] ?? "/bin/sh"];
};

/**
 * The agent's arguments with its autonomy flags. They stand in front, or behind the agent's own first word where it
 * wants them there. Administration, help and version run as they are; where the user decides, nothing is added.
 */
export const withAutonomy = ({ autonomy, subcommands }: Agent, words: string[], workdir: string): string[] => {
  const args = autonomy.args.map((arg) => arg.replace("{workdir}", JSON.stringify(workdir)));
  const first = words[0];
  const decided = words.some((word) => autonomy.unless?.includes(word.split("=", 1)[0]!));
  if (decided || (first !== undefined && (subcommands.includes(first) || asks.has(first)))) return words;
  if (!autonomy.behind) return [...args, ...words];
  return first !== undefined && autonomy.behind.includes(first) ? [first, ...args, ...words.slice(1)] : words;
};

const asks = new Set(["--help", "-h", "--version", "-v", "-V"]);
