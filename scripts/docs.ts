import fs from "node:fs";
import path from "node:path";
import { renderReference } from "./reference.ts";

const directory = path.join(import.meta.dirname, "../docs/reference");
const stale = Object.entries(renderReference()).filter(
  ([name, text]) => fs.readFileSync(path.join(directory, name), "utf8") !== text,
);
for (const [name] of stale) process.stderr.write(`docs/reference/${name} is not what the sources say\n`);
if (stale.length > 0) {
  process.stderr.write("hint: `node_modules/.bin/bun scripts/reference.ts` writes the pages anew\n");
  process.exitCode = 1;
}
