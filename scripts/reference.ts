import fs from "node:fs";
import path from "node:path";
import { builtCommands, usageOf } from "../src/cli/commands.ts";
import { exitStatuses } from "../src/cli/exits.ts";
import { builtFlags, type Flag, variableOf } from "../src/cli/flags.ts";
import { describeSpelling, groups, usages } from "../src/cli/help.ts";
import { renderJsonSchema } from "../src/config/json-schema.ts";
import { describeErrors } from "../src/errors.ts";
import { compatibilityHead, compatibilityRows } from "./compatibility.ts";

const directory = path.join(import.meta.dirname, "../docs/reference");

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");
const row = (...cells: string[]): string => `| ${cells.map(cell).join(" | ")} |`;
const table = (head: string[], rows: string[][]): string =>
  [row(...head), row(...head.map(() => "---")), ...rows.map((cells) => row(...cells))].join("\n");
const code = (text: string | undefined): string => (text === undefined ? "" : `\`${text}\``);
const page = (...parts: string[]): string => `${parts.join("\n\n")}\n`;

const flagRow = (flag: Flag): string[] => [
  code(describeSpelling(flag)),
  `${flag.help}${flag.repeatable ? " (repeatable)" : ""}`,
  code(flag.key),
  code(variableOf(flag)),
];

const renderOptions = (): string =>
  page(
    "# Commands and options",
    "cordon's options stand before the agent's name; everything after the name is the agent's, verbatim. In a variable, " +
      "a repeatable option takes one value a line and a switch takes `1` or `0`.",
    table(
      ["usage", "meaning"],
      usages.map(([usage, meaning]) => [code(usage), meaning]),
    ),
    "## Commands",
    table(
      ["command", "meaning", "its own options"],
      builtCommands.map((command) => [
        code(usageOf(command)),
        command.help,
        (command.options ?? []).map((flag) => `${code(describeSpelling(flag))} ${flag.help}`).join(", "),
      ]),
    ),
    ...groups.flatMap((group) => [
      `## ${group} options`,
      table(
        ["option", "meaning", "configuration key", "variable"],
        builtFlags.filter((flag) => flag.group === group).map(flagRow),
      ),
    ]),
  );

type SchemaNode = {
  type?: string;
  description?: string;
  enum?: string[];
  items?: SchemaNode;
  properties?: Record<string, SchemaNode>;
  additionalProperties?: SchemaNode | boolean;
};

const keyRows = (node: SchemaNode, prefix: string): string[][] =>
  Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const key = `${prefix}${name}`;
    const named = typeof child.additionalProperties === "object" ? child.additionalProperties : undefined;
    if (named?.properties) return keyRows(named, `${key}.NAME.`);
    if (child.properties) return keyRows(child, `${key}.`);
    return [[code(key), named ? "table of strings" : describeType(child), child.description ?? ""]];
  });

const describeType = ({ type, enum: choices, items }: SchemaNode): string => {
  if (choices) return choices.map(code).join(", ");
  return type === "array" ? `list of ${items?.type ?? "value"}s` : (type ?? "");
};

const renderConfig = (): string =>
  page(
    "# Configuration",
    "Two files in TOML: the user's own, `$XDG_CONFIG_HOME/cordon/config.toml` (`~/.config/cordon/config.toml`), and the " +
      "project's, `.cordon.toml`. Later wins: defaults, user, project, `CORDON_` variables, options; lists add up, except `network.presets` and `setup-inputs`. " +
      "An unknown key or a wrong type is an error. [config.schema.json](config.schema.json) is the schema for editors; " +
      "`cordon config` shows every effective setting and where it comes from.",
    table(["key", "value", "meaning"], keyRows(renderJsonSchema() as SchemaNode, "")),
    "## What a project may say",
    "A project's file only narrows: a stricter `preset`, `network.mode` or `credentials`, lower limits, `filesystem.hide`, " +
      "`network.deny`, `network.presets = []`, `widen.* = false`, `filesystem.hide-secrets = true`. It may choose the `agent`, and a `setup`, which runs inside. Everything else needs `cordon trust`, which trusts " +
      "exactly the bytes that it shows: `filesystem.read`, `filesystem.write`, `network.allow`, `network.presets`, `network.host-ports`, `network.publish`, `env.pass`, `env.set`, " +
      "`agents`, `caches = \"shared\"`, another `backend`, and whatever is looser than the user's own settings. `services`, `notify`, `ssh-agent` and `env.dotenv` belong in the user's file only.",
    "Without a `network.mode` of the user's own, a project's mode is measured against `filtered`.",
  );

const renderErrors = (): string =>
  page(
    "# Exit statuses and errors",
    table(
      ["status", "meaning"],
      exitStatuses.map(([status, meaning]) => [status, meaning]),
    ),
    "## Errors",
    "Each error has a code, one sentence and the next thing to type; `…` stands for what it names.",
    table(
      ["code", "status", "message", "hint"],
      describeErrors().map((error) => [code(error.code), `${error.exit}`, error.message, error.hint ?? ""]),
    ),
  );

const renderCompatibility = (): string =>
  page(
    "# Programs in a filtered network",
    "Programs reach allowed names as they are, without being told of a proxy. cordon also sets the usual proxy " +
      "variables, for programs that prefer one. `test/network/compat.test.ts` tries every row both ways, the way that " +
      "the gateway's own record names included, and one program of each family against a name that is not allowed.",
    table(compatibilityHead, compatibilityRows()),
  );

/** Every page of the reference by its file name. */
export const renderReference = (): Record<string, string> => ({
  "options.md": renderOptions(),
  "config.md": renderConfig(),
  "errors.md": renderErrors(),
  "compatibility.md": renderCompatibility(),
  "config.schema.json": `${JSON.stringify(renderJsonSchema(), null, 2)}\n`,
});

if (import.meta.main) {
  fs.mkdirSync(directory, { recursive: true });
  for (const [name, text] of Object.entries(renderReference())) fs.writeFileSync(path.join(directory, name), text);
}
