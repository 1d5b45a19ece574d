import fs from "node:fs";
import path from "node:path";
import { claude } from "../../src/credentials/formats/claude.ts";
import { fileStore } from "../../src/credentials/store.ts";
import { createStored } from "../../src/credentials/stored.ts";
import { exchangeWith } from "./lab.ts";

/** A process of its own that renews a login and prints its value. `die` ends it when the answer has come. */
const [kind, file = "", url = "", end] = process.argv.slice(2);
const directory = path.dirname(file);
const locks =
  kind === "file"
    ? [{ file: path.join(directory, "auth.lock") }]
    : [
        { directory: path.join(directory, ".oauth_refresh.lock"), staleMs: 10_000 },
        { directory: `${directory}.lock`, staleMs: 10_000 },
      ];
const exchange = exchangeWith(url);
const live = createStored({
  store: fileStore(file, file, locks),
  format: claude,
  key: "claudeAiOauth",
  text: fs.readFileSync(file, "utf8"),
  exchange: async (request) => {
    const answer = await exchange(request);
    if (end === "die") process.kill(process.pid, "SIGKILL");
    return answer;
  },
});
await live.freshen();
process.stdout.write(String(live.value()));
