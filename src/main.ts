import { knownAgents } from "./agents/registry.ts";
import type { Invocation } from "./cli/argv.ts";
import { parseArgv } from "./cli/argv.ts";
import type { Given } from "./cli/given.ts";
import { readVariables } from "./cli/given.ts";
import { createOutput, formatError, type Output } from "./cli/output.ts";
import { loadCommand } from "./commands/index.ts";
import type { Config } from "./config/config.ts";
import { readEnvFiles, readSources } from "./config/load.ts";
import { resolveConfig, resolveUser } from "./config/resolve.ts";
import { CordonError } from "./errors.ts";
import { gatherHost, type Host } from "./host.ts";

const main = async (argv: string[]): Promise<number> => {
  let out: Output | undefined;
  try {
    const host = gatherHost();
    out = createOutput(host.env, host.tty.stdout);
    const invocation = await parseArgv(argv, async () => {
      const config = resolveUser(await readSources(host));
      return { default: config.agent.value, known: knownAgents(config) };
    });
    const command = await loadCommand(invocation.command);
    return await command({ host, invocation, out, config: () => loadConfig(host, invocation) });
  } catch (error) {
    out ??= createOutput({}, false);
    if (!(error instanceof CordonError)) throw error;
    out.note(formatError(error, out.colour));
    return error.exit;
  }
};

const loadConfig = async (host: Host, invocation: Invocation): Promise<Config> => {
  const given: Given[] = [...readVariables(host.env), ...invocation.given];
  const sources = await readSources(host);
  return resolveConfig({ ...sources, envFiles: readEnvFiles(given, host.cwd) }, given);
};

process.exit(await main(process.argv.slice(2)));
