import type { Injection, LiveCredentials } from "../../credentials/credential.ts";
import { type Demands, demandsOf } from "../../egress/base-url.ts";
import type { Variable } from "../../plan/environment.ts";
import type { Mount } from "../../plan/plan.ts";
import type { Agent } from "../agent.ts";
import { type OwnSettings, type ProjectNames, projectSettings, projectVariables } from "../settings/projection.ts";
import type { Settings } from "../settings/text.ts";
import { type Surroundings, showPrograms } from "./mounts.ts";
import { openLedger, ownerOf } from "./secrets.ts";
import type { McpServer } from "./servers.ts";

/** What an agent's own settings, and the MCP servers in them, come to in one run. Only `live` and `keys` know a secret. */
export type McpDemands = Demands & {
  mounts: Mount[];
  injections: Injection[];
  live: LiveCredentials;
  /** The agent's own keys that its settings set as variables; none stands inside. */
  keys: Record<string, string>;
  /** Variables of the host's that hold secrets, as they stand inside. */
  variables: Variable[];
  /** The settings as they stand inside, by the path of the user's own file. */
  settings: ReadonlyMap<string, Settings>;
  /** Said before the start. */
  notes: string[];
};

/** Pure, but for what `inspect` looks at. */
export const mcpDemands = (
  agent: Agent,
  own: readonly OwnSettings[],
  project: ProjectNames,
  surroundings: Surroundings,
): McpDemands => {
  const ledger = openLedger(surroundings.mode, surroundings.host.env);
  const projections = own.map((file) => ({ file, ...projectSettings(file, agent, project, ledger) }));
  const servers = projections.flatMap((projection) => projection.servers);
  const settings = new Map(projections.map(({ file, inside }) => [file.path, inside]));
  const variables = projectVariables(agent, ledger, settings.get(agent.baseUrlSettings?.variable ?? ""));
  const { mounts, refused } = showPrograms(servers, surroundings);
  return {
    ...demandsOf(servers.flatMap(addressesOf)),
    mounts,
    injections: ledger.injections,
    live: ledger.live,
    keys: Object.assign({}, ...projections.map(({ keys }) => keys)),
    ...{ variables, settings },
    notes: [
      ...[...ledger.left].map(([whose, names]) => `${whose}: ${sentenceOf([...new Set(names)])}`),
      ...refused.map((sentence) => `${sentence}; \`--allow-readonly\` shows it`),
    ],
  };
};

const sentenceOf = (names: string[]): string =>
  `${names.join(", ")} ${names.length === 1 ? "stays" : "stay"} outside: cordon does not know where ` +
  `${names.length === 1 ? "it" : "they"} may go; \`[services.NAME]\` in your configuration tells it`;

/** A server that runs inside may be a bridge to one elsewhere, and then that one's address is among its words. */
const addressesOf = (server: McpServer): { url: string; origin: string }[] => {
  const { about: origin } = ownerOf(server);
  const texts =
    server.kind === "http"
      ? [server.url]
      : [...server.args, ...Object.values(server.env)].flatMap(({ text, isSecret }) => (isSecret ? [] : [text]));
  return texts
    .map((text) => text.trim().replace(/^-[\w-]*=/, ""))
    .filter((text) => /^(https?|wss?):\/\//i.test(text))
    .map((text) => ({ url: text.replace(/^ws/i, "http"), origin }));
};
