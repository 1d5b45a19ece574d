import { parseArgv } from "../../src/cli/argv.ts";
import { readVariables } from "../../src/cli/given.ts";
import { createOutput } from "../../src/cli/output.ts";
import { runDoctor } from "../../src/commands/doctor.ts";
import { readSources } from "../../src/config/load.ts";
import { resolveConfig } from "../../src/config/resolve.ts";
import { gatherHost } from "../../src/host.ts";

/** The command as the product runs it, in one file that another user can be given. */
const host = gatherHost();
const invocation = await parseArgv(["doctor", ...process.argv.slice(2)], async () => ({
  default: "claude",
  known: [],
}));
const config = async () => resolveConfig({ ...(await readSources(host)), envFiles: {} }, readVariables(host.env));
process.exit(await runDoctor({ host, invocation, out: createOutput(host.env, false), config }));
