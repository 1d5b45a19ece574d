import { failed } from "../escape/facts.ts";
import { networkProbes } from "./catalog.ts";
import type { NetworkFacts } from "./facts.ts";
import { losePatience } from "./probes/talk.ts";

/** The entry inside of the sandbox: `bun probe.ts FACTS ID` prints one line of JSON. */
const [factsText, id] = process.argv.slice(2);
const facts = JSON.parse(factsText!) as NetworkFacts;
const probe = networkProbes.find((candidate) => candidate.id === id)!;
if (!facts.isFiltered) losePatience();

const outcome = await Promise.resolve()
  .then(() => probe.attempt(facts))
  .catch((error: Error) => failed(error.stack ?? String(error)));
await Bun.write(Bun.stdout, `${JSON.stringify(outcome)}\n`);
process.exit(0);
