import { gatherHost } from "../../src/host.ts";
import { copyProject } from "../../src/sessions/materialise.ts";
import { canOverlay } from "../../src/sessions/overlay.ts";
import { removeRoom } from "../../src/sessions/removal.ts";
import { findNested, nestedCache } from "../../src/workspace/nested.ts";
import { lookAtRepository } from "../../src/workspace/repository.ts";

/** Calls one function of the sessions as whoever runs this, and prints what it gives, or what it throws. */
const [name, ...words] = process.argv.slice(2) as [string, ...string[]];
const host = gatherHost();

const calls: Record<string, () => Promise<unknown>> = {
  can: () => canOverlay(host, words[0]!, words[1]!),
  canAgain: () => canOverlay(host, words[0]!, words[1]!, findNested(words[0]!, nestedCache(host, words[0]!)).table),
  copy: () => {
    const [project, into, git] = words as [string, string, string];
    return copyProject({ host, project, into, git, repository: lookAtRepository(project) });
  },
  remove: () => removeRoom(words[0]!),
};

try {
  process.stdout.write(JSON.stringify({ gave: await calls[name]!() }));
} catch (error) {
  process.stdout.write(JSON.stringify({ threw: (error as Error).message }));
}
