import type { Probe } from "./facts.ts";
import { descriptorProbes } from "./probes/descriptors.ts";
import { fileProbes } from "./probes/files.ts";
import { kernelProbes } from "./probes/kernel.ts";
import { modeProbes } from "./probes/modes.ts";
import { mountProbes } from "./probes/mounts.ts";
import { processProbes } from "./probes/processes.ts";
import { resourceProbes } from "./probes/resources.ts";
import { socketProbes } from "./probes/sockets.ts";
import { terminalProbes } from "./probes/terminal.ts";

/** Every probe, ordered by id. */
export const probes: readonly Probe[] = [
  ...fileProbes,
  ...descriptorProbes,
  ...modeProbes,
  ...mountProbes,
  ...kernelProbes,
  ...socketProbes,
  ...processProbes,
  ...terminalProbes,
  ...resourceProbes,
].sort((a, b) => a.id.localeCompare(b.id));
