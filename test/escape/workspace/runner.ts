import { attacks } from "./catalog.ts";
import { type Boundary, Stage } from "./stage.ts";

/** Carries attacks out in a process of its own: `bun runner.ts BOUNDARY INDEX…` prints one line of JSON for each. */
const [boundary, ...indexes] = process.argv.slice(2);

for (const index of indexes) {
  const stage = new Stage(JSON.parse(boundary!) as Boundary);
  try {
    const got = await attacks[Number(index)]!.carry(stage);
    console.log(JSON.stringify({ index: Number(index), got: got ?? "nothing" }));
  } catch (error) {
    console.log(JSON.stringify({ index: Number(index), failed: String(error) }));
  } finally {
    stage.remove();
  }
}
process.exit(0);
