import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createAuthority } from "../test/network/servers/authority.ts";
import type { Row, Skipped } from "./measure.ts";
import { findPeer } from "./peer.ts";
import { capture, type World } from "./world.ts";

/** What is measured in a small internet of its own, so that no real network has a part in it. */
export const measureNetwork = (cordon: string, world: World): (Row | Skipped)[] => {
  // Here, where there is a network: it may have to be installed.
  const peer = findPeer(world);
  const { root, project, env } = world;
  const certificates = join(root, "certificates");
  mkdirSync(certificates);
  const authority = createAuthority(certificates, ["allowed.test"]);
  const small = join(import.meta.dirname, "../test/network/world.sh");
  const within = [process.execPath, join(import.meta.dirname, "network-within.ts")];
  const given = JSON.stringify({ cordon, world: { root, project, env }, peer, authority });
  return JSON.parse(capture(["sh", small, ...within, given], world)) as (Row | Skipped)[];
};
