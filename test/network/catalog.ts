import type { NetworkProbe } from "./facts.ts";
import { directProbes } from "./probes/direct.ts";
import { httpProbes } from "./probes/http.ts";
import { nameProbes } from "./probes/names.ts";
import { resolutionProbes } from "./probes/resolution.ts";
import { sessionProbes } from "./probes/session.ts";
import { tlsProbes } from "./probes/tls.ts";
import { tunnelProbes } from "./probes/tunnels.ts";

/** Every probe of the network, ordered by id. */
export const networkProbes: readonly NetworkProbe[] = [
  ...directProbes,
  ...nameProbes,
  ...tunnelProbes,
  ...tlsProbes,
  ...httpProbes,
  ...resolutionProbes,
  ...sessionProbes,
].sort((a, b) => a.id.localeCompare(b.id));
