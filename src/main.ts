import path from "node:path";
import { knownAgents } from "./agents/registry.ts";
import type { Invocation } from "./cli/argv.ts";
import { parseArgv } from "./cli/argv.ts";
import { readVariables } from "./cli/given.ts";
import { createOutput, formatError } from "./cli/output.ts";
import { programs, programsPlace } from "./clipboard/clipboard.ts";
import { loadCommand } from "./commands/index.ts";
import { readEnvFiles, readSources } from "./config/load.ts";
import { resolveConfig, type Sources } from "./config/resolve.ts";
import { CordonError } from "./errors.ts";
import { hiddenVerb } from "./guest/entry.ts";
import { gatherHost } from "./host.ts";

const main = async (argv: string[]): Promise<number> => {
  let out = createOutput({}, false);
  try {
    if (argv[0] === hiddenVerb) return (await import("./guest/enter.ts")).enterSandbox(Number(argv[1]));
    const clipboardProgram = programs.find((name) => process.execPath === path.join(programsPlace, name));
    if (clipboardProgram) return (await import("./guest/clipboard.ts")).readClipboard(clipboardProgram, argv);
    const host = gatherHost();
    out = createOutput(host.env, host.tty.stdout);
    // Read once: what decides how the command line is cut is what the run then uses.
    let sources: Promise<Sources> | undefined;
    const read = () => {
      sources ??= readSources(host);
      return sources;
    };
    const invocation = await parseArgv(argv, async () => {
      const config = resolveConfig(await read(), []);
      return { default: config.agent.value, known: knownAgents(config) };
    });
    if (!isPlain(invocation)) invocation.given.unshift(...readVariables(host.env));
    const config = async () =>
      resolveConfig({ ...(await read()), envFiles: readEnvFiles(invocation.given, host.cwd) }, invocation.given);
    const command = await loadCommand(invocation.command);
    return await command({ host, invocation, out, config });
  } catch (error) {
    if (!(error instanceof CordonError)) throw error;
    out.note(formatError(error, out.colour));
    return error.exit;
  }
};

/** These must work whatever the environment and the configuration say. */
const isPlain = ({ command }: Invocation): boolean => ["help", "version", "man", "completions"].includes(command);

// While an await of the top level is pending, Bun would go on waiting after an uncaught error.
for (const event of ["uncaughtException", "unhandledRejection"]) {
  process.on(event, (error: unknown) => {
    createOutput({}, false).note(`cordon: internal error: ${error instanceof Error ? error.stack : error}`);
    process.exit(125);
  });
}

process.exit(await main(process.argv.slice(2)));
