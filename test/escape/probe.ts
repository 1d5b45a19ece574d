import { probes } from "./catalog.ts";
import { type Facts, failed, type Outcome, type Probe } from "./facts.ts";
import { findCanary } from "./reach.ts";

/** The entry inside of the sandbox: `bun probe.ts FACTS ID…` prints one line of JSON for each probe. */
const [factsText, ...ids] = process.argv.slice(2);
const facts = JSON.parse(factsText!) as Facts;

if (!findCanary(facts, facts.control)) {
  console.error("the control file cannot be read: no verdict would mean anything");
  process.exit(2);
}

async function run(probe: Probe): Promise<Outcome> {
  try {
    return await probe.attempt(facts);
  } catch (error) {
    return failed(String(error));
  }
}

for (const id of ids) {
  const probe = probes.find((candidate) => candidate.id === id);
  if (!probe) throw new Error(`no probe ${id}`);
  console.log(JSON.stringify({ id, ...(await run(probe)) }));
}
