import path from "node:path";
import type { Agent } from "../agents/agent.ts";
import { mountsOfState, type PrivateState } from "../agents/state.ts";
import type { Found } from "../credentials/find.ts";
import { type Host, inspectPath } from "../host.ts";
import type { Policy } from "../policy.ts";
import type { Variable } from "./environment.ts";
import type { Mount } from "./plan.ts";

/** What one part of a run brings along: files, and the variables that say where they are. */
export type Supply = { mounts: Mount[]; variables: Variable[] };

/** Its state, private for this project, and the variables that it needs. */
export const agentSupply = (agent: Agent, states: PrivateState[]): Supply => {
  const origin = `agent ${agent.name}`;
  return {
    mounts: mountsOfState(states, agent),
    variables: [
      ...Object.entries(agent.env).map(([name, value]) => ({ name, value, origin })),
      ...states.flatMap(({ variable }) => (variable ? [{ ...variable, origin }] : [])),
    ],
  };
};

export const cacheSupply = (host: Host, cache: string): Supply => {
  const target = path.join(host.realHome, ".cache");
  return {
    mounts: [{ kind: "bind", source: cache, target, mode: "rw", origin: "caches of this project" }],
    variables: [],
  };
};

/** Files of the home directory as they stand inside: with placeholders. */
export const placeholderSupply = (host: Host, { homeFiles }: Found): Supply => ({
  mounts: homeFiles.map(({ path: file, text }) => ({
    kind: "bytes",
    target: path.join(host.realHome, file),
    bytes: new TextEncoder().encode(text),
    permissions: 0o644,
    origin: "--credentials broker",
  })),
  variables: [],
});

const playwrightPlace = "/run/cordon/ms-playwright";

/** Browsers that Playwright has installed outside. */
export const browserSupply = (host: Host, policy: Policy): Supply => {
  if (!policy.widen.has("browser")) return { mounts: [], variables: [] };
  const source = path.join(host.home, ".cache/ms-playwright");
  const origin = "--browser";
  return {
    mounts:
      inspectPath(source).kind === "directory"
        ? [{ kind: "bind", source, target: playwrightPlace, mode: "ro", origin }]
        : [],
    variables: [{ name: "PLAYWRIGHT_BROWSERS_PATH", value: playwrightPlace, origin }],
  };
};
