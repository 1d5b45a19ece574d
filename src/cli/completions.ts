import { builtCommands } from "./commands.ts";
import { builtFlags, type Flag, spellingsOf } from "./flags.ts";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** The completion script of a shell, to be sourced or saved where the shell looks for it. */
export const renderCompletions = (shell: Shell, agents: readonly string[]): string =>
  ({ bash: renderBash, zsh: renderZsh, fish: renderFish })[shell](agents);

const commandNames = builtCommands.map(({ name }) => name);
const allSpellings = builtFlags.flatMap(spellingsOf);
const withValue = builtFlags.filter((flag) => flag.kind !== "switch");
const isPath = (flag: Flag): boolean => flag.kind === "path" || flag.kind === "program";

/** Only the words before the agent's name are completed: after it the shell falls back to file names. */
const renderBash = (agents: readonly string[]): string => `# bash completion for cordon
_cordon() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" index word
  case "$previous" in
${withValue.map((flag) => `    ${spellingsOf(flag).join("|")}) ${bashValue(flag)} return ;;`).join("\n")}
  esac
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    case "$word" in
      ${withValue.flatMap(spellingsOf).join("|")}) ((index++)) ;;
      -*) ;;
      completions) COMPREPLY=($(compgen -W "${shells.join(" ")}" -- "$current")); return ;;
      *) return ;;
    esac
  done
  COMPREPLY=($(compgen -W "${[...commandNames, ...agents, ...allSpellings].join(" ")}" -- "$current"))
}
complete -o default -F _cordon cordon
`;

const bashValue = (flag: Flag): string => {
  if (flag.choices) return `COMPREPLY=($(compgen -W "${flag.choices.join(" ")}" -- "$current"));`;
  return isPath(flag) ? "" : "compopt +o default 2>/dev/null;";
};

const renderZsh = (agents: readonly string[]): string => `#compdef cordon
_cordon() {
  local -a words_of_cordon
  words_of_cordon=(
${[...builtCommands.map(({ name, help }) => `${name}:${help}`), ...agents.map((name) => `${name}:agent`)]
  .map((row) => `    ${quote(row)}`)
  .join("\n")}
  )
  _arguments -S \\
${builtFlags.flatMap((flag) => spellingsOf(flag).map((spelling) => `    ${quote(zshSpec(flag, spelling))} \\`)).join("\n")}
    '1: :{_describe word words_of_cordon}' \\
    '*:: :_default'
}
if [ "$funcstack[1]" = _cordon ]; then _cordon "$@"; else compdef _cordon cordon; fi
`;

const zshSpec = (flag: Flag, spelling: string): string => {
  const help = flag.help.replace(/[[\]:\\]/g, "\\$&");
  const action = flag.choices ? `(${flag.choices.join(" ")})` : isPath(flag) ? "_files" : "";
  const value = flag.kind === "switch" ? "" : `:${flag.placeholder!.replace(/[[\]:]/g, " ")}:${action}`;
  return `${flag.repeatable ? "*" : ""}${spelling}[${help}]${value}`;
};

const renderFish = (agents: readonly string[]): string =>
  [
    "# fish completion for cordon",
    ...builtCommands.map(
      ({ name, help }) => `complete -c cordon -f -n __fish_use_subcommand -a ${name} -d ${quote(help)}`,
    ),
    ...agents.map((name) => `complete -c cordon -f -n __fish_use_subcommand -a ${name} -d agent`),
    `complete -c cordon -f -n '__fish_seen_subcommand_from completions' -a '${shells.join(" ")}'`,
    ...builtFlags.map(fishFlag),
    "",
  ].join("\n");

const fishFlag = (flag: Flag): string => {
  const spellings = [flag.long, ...(flag.aliases ?? [])].map((long) => `-l ${long}`).join(" ");
  const short = flag.short === undefined ? "" : ` -s ${flag.short}`;
  const value = flag.choices ? ` -x -a '${flag.choices.join(" ")}'` : isPath(flag) ? " -r -F" : " -x";
  return `complete -c cordon -n __fish_use_subcommand ${spellings}${short}${flag.kind === "switch" ? "" : value} -d ${quote(flag.help)}`;
};

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
