import { errorOf } from "../errors.ts";
import { builtCommands, type Command, findCommand, usageOf } from "./commands.ts";
import { type Flag, flags, spellingsOf } from "./flags.ts";
import { type Given, isGiven, readGiven } from "./given.ts";
import { findAlike } from "./likeness.ts";

/** What a command line asks for. */
export type Invocation = {
  /** `agent`, or the name of one of cordon's commands. */
  command: string;
  /** Only for `agent`; absent means the default agent. */
  agent?: string;
  /** The agent's arguments, the program and its arguments, or the command's own words. */
  words: string[];
  /** cordon's options in the order they were given. */
  given: Given[];
};

export type Agents = {
  /** Name of the default agent. */
  default: string;
  /** Every agent with the options that it owns. */
  known: readonly { name: string; options: readonly string[] }[];
};

/**
 * Cuts a command line: cordon's options stand before the agent's name, everything after the name is the agent's,
 * verbatim. `findAgents` is only asked when the answer depends on it, because it may have to read the
 * configuration, and `--help` must work when that is broken. Throws errors of the catalogue.
 */
export const parseArgv = async (argv: readonly string[], findAgents: () => Promise<Agents>): Promise<Invocation> => {
  const { given, rest } = takeOptions(argv, flags);
  const [word, ...after] = rest;
  const command = word === undefined ? undefined : findCommand(word);
  if (isGiven(given, "help")) return { command: "help", words: command ? [command.name] : [], given };
  if (isGiven(given, "version")) return { command: "version", words: [], given };
  const shortcut = given.find(({ flag }) => flag.runs !== undefined);
  if (shortcut) {
    const { flag, value } = shortcut;
    return parseCommand(findCommand(flag.runs!)!, given, flag.kind === "switch" ? rest : [value, ...rest]);
  }
  if (word === undefined) return { command: "agent", words: [], given };
  if (command) return parseCommand(command, given, after, word);
  if (word.startsWith("-")) return belongsToAgent(given, rest, await findAgents());
  if (/\s/.test(word)) return { command: "agent", words: [...rest], given };
  const { known } = await findAgents();
  if (known.some(({ name }) => name === word)) return { command: "agent", agent: word, words: after, given };
  const names = [...builtCommands, ...known].map(({ name }) => name);
  throw errorOf("E_COMMAND_UNKNOWN", word, findAlike(word, names));
};

/** An option that is not cordon's, before any word: the default agent's, unless it looks like a slip. */
const belongsToAgent = (given: Given[], rest: string[], agents: Agents): Invocation => {
  const option = rest[0]!.split("=", 1)[0]!;
  if (option === "--")
    throw errorOf(
      "E_USAGE",
      "nothing says what `--` is for",
      `\`cordon run -- PROGRAM\` runs a program; \`cordon ${agents.default} …\` hands everything to the agent`,
    );
  const owned = agents.known.find(({ name }) => name === agents.default)?.options ?? [];
  const near = owned.includes(option) ? undefined : findAlikeOption(option, flags);
  if (near !== undefined)
    throw errorOf(
      "E_OPTION_UNKNOWN",
      option,
      near,
      `to pass it to the agent, write \`cordon ${agents.default} ${option}\``,
    );
  return { command: "agent", words: rest, given };
};

const parseCommand = (command: Command, before: Given[], after: string[], spelling = command.name): Invocation => {
  if (command.unbuilt) throw errorOf("E_FEATURE_UNBUILT", `cordon ${spelling}`);
  const { given, words } = takeWords(command, before, after);
  if (isGiven(given, "help")) return { command: "help", words: [command.name], given };
  const [least, most] = command.words ?? [0, 0];
  if (words.length < least || words.length > most) {
    const problem = words.length < least ? "needs more words" : `does not know what to do with \`${words[most]}\``;
    throw errorOf("E_USAGE", `\`cordon ${command.name}\` ${problem}`, `\`${usageOf(command)}\``);
  }
  return { command: command.name, words, given };
};

/** Options and words in any order, until `--` or the point from which all words are somebody else's. */
const takeWords = (command: Command, before: Given[], after: string[]): { given: Given[]; words: string[] } => {
  const table = [...flags, ...(command.options ?? [])];
  const given = [...before];
  const words: string[] = [];
  let left = after;
  while (true) {
    if (command.passesOptions && words.length >= (command.verbatimAfter ?? 0))
      return { given, words: [...words, ...(left[0] === "--" ? left.slice(1) : left)] };
    const part = takeOptions(left, table);
    given.push(...part.given);
    left = part.rest;
    const next = left[0];
    if (next === undefined) return { given, words };
    if (next === "--") return { given, words: [...words, ...left.slice(1)] };
    if (next.startsWith("-") && next !== "-") throw unknownOption(command, next, table);
    if (words.length >= (command.verbatimAfter ?? Number.POSITIVE_INFINITY))
      return { given, words: [...words, ...left] };
    words.push(next);
    left = left.slice(1);
  }
};

const unknownOption = (command: Command, written: string, table: readonly Flag[]): Error => {
  const option = written.split("=", 1)[0]!;
  const otherwise =
    command.verbatimAfter === undefined
      ? `\`cordon ${command.name} --help\` lists its options`
      : `a program's own options follow its name: \`${usageOf(command)}\``;
  return errorOf("E_OPTION_UNKNOWN", option, findAlikeOption(option, table), otherwise);
};

const findAlikeOption = (option: string, table: readonly Flag[]): string | undefined => {
  const names = table.flatMap(spellingsOf).filter((spelling) => spelling.startsWith("--"));
  if (!option.startsWith("--")) return undefined;
  const near = findAlike(
    option.slice(2),
    names.map((name) => name.slice(2)),
  );
  return near === undefined ? undefined : `--${near}`;
};

/**
 * The leading options of a table, checked, and what follows from the first word or unknown option on. Written out,
 * because `parseArgs` would cut the agent's words too, and loading it takes 1 ms of every start.
 */
const takeOptions = (argv: readonly string[], table: readonly Flag[]): { given: Given[]; rest: string[] } => {
  const bySpelling = new Map(table.flatMap((flag) => spellingsOf(flag).map((spelling) => [spelling, flag] as const)));
  const given: Given[] = [];
  let at = 0;
  while (at < argv.length) {
    const { spelling, inline } = cutOption(argv[at]!);
    const flag = bySpelling.get(spelling);
    if (!flag || isCluster(argv[at]!, flag)) break;
    at += 1;
    const next = argv[at];
    const takesNext = flag.kind !== "switch" && inline === undefined && next !== undefined && !/^-./.test(next);
    if (takesNext) at += 1;
    given.push(readGiven(flag, takesNext ? next : inline, spelling));
  }
  return { given, rest: argv.slice(at) };
};

/** `--name=value`, and `-Nvalue`; what is no option has the spelling of none. */
const cutOption = (word: string): { spelling: string; inline?: string } => {
  const [, long, value] = /^(--[^=]+)(?:=([\s\S]*))?$/.exec(word) ?? [];
  if (long !== undefined) return { spelling: long, ...(value !== undefined && { inline: value }) };
  if (!/^-[^-]/.test(word)) return { spelling: "" };
  return { spelling: word.slice(0, 2), ...(word.length > 2 && { inline: word.slice(2) }) };
};

/** `-hx`: several short switches in one word are nobody's of ours. */
const isCluster = (word: string, flag: Flag): boolean =>
  flag.kind === "switch" && !word.startsWith("--") && word.length > 2;
