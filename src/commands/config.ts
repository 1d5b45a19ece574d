import { isGiven } from "../cli/given.ts";
import { findAlike } from "../cli/likeness.ts";
import { listSettings } from "../config/listing.ts";
import { projectConfigPath, userConfigPath } from "../config/load.ts";
import { errorOf } from "../errors.ts";
import { escapeControls } from "../terminal/escape.ts";
import type { CommandFunction, Context } from "./context.ts";

const views: Record<string, (context: Context) => Promise<void>> = {
  show: async ({ config, invocation, out }) => {
    const rows = listSettings(await config());
    if (isGiven(invocation.given, "json")) return out.json(rows);
    for (const { key, value, origin } of rows)
      out.line(escapeControls(`${key} = ${typeof value === "string" ? JSON.stringify(value) : value}  # ${origin}`));
  },
  schema: async ({ out }) => out.json((await import("../config/json-schema.ts")).renderJsonSchema()),
  path: async ({ host, invocation, out }) => {
    const paths = { user: userConfigPath(host), project: projectConfigPath(host) };
    if (isGiven(invocation.given, "json")) return out.json(paths);
    for (const path of Object.values(paths)) out.line(escapeControls(path));
  },
};

/** `cordon config [show|schema|path]`. Throws what loading the configuration throws, and E_USAGE. */
export const runConfig: CommandFunction = async (context) => {
  const word = context.invocation.words[0] ?? "show";
  const view = Object.hasOwn(views, word) ? views[word] : undefined;
  if (!view) {
    const near = findAlike(word, Object.keys(views));
    const hint = near ? `did you mean \`cordon config ${near}\`?` : "`cordon config [show|schema|path]`";
    throw errorOf("E_USAGE", `\`cordon config\` cannot show \`${word}\``, hint);
  }
  await view(context);
  return 0;
};
