import { appendFileSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { parseScript } from "./script.ts";
import { startModelServer } from "./server.ts";

const { values } = parseArgs({ options: { script: { type: "string" }, log: { type: "string" } } });
if (values.script === undefined) {
  process.stderr.write("usage: bun test/models/main.ts --script FILE.json [--log FILE]\n");
  process.exit(2);
}
const { log } = values;
const script = parseScript(readFileSync(values.script, "utf8"));
const server = await startModelServer(script, (request) => {
  if (log !== undefined) appendFileSync(log, `${JSON.stringify(request)}\n`);
});
process.stdout.write(`${JSON.stringify({ url: server.url })}\n`);
