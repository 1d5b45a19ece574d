import type { Agent } from "../../src/agents/agent.ts";
import { catalog } from "../../src/agents/catalog.ts";
import { type McpDemands, mcpDemands } from "../../src/agents/mcp/demands.ts";
import type { SettingsSeed } from "../../src/agents/settings/projection.ts";
import { parseSettings, printSettings, type Settings } from "../../src/agents/settings/text.ts";
import type { Host, PathFact } from "../../src/host.ts";
import type { CredentialMode, Policy } from "../../src/policy.ts";
import { sampleHost, samplePolicy } from "../plan/sample.ts";

export const agentOf = (name: string): Agent => catalog.find((agent) => agent.name === name)!;

export type Circumstances = {
  mode?: CredentialMode;
  env?: Record<string, string>;
  /** What stands where on the machine; everything else is missing. */
  paths?: Record<string, "file" | "directory" | "socket" | { link: string }>;
  filesystem?: Partial<Policy["filesystem"]>;
};

export const policyWith = ({ filesystem }: Circumstances, network = {}): Policy => ({
  ...samplePolicy,
  filesystem: { base: "platform", read: [], write: [], hide: [], ...filesystem },
  network: { ...samplePolicy.network, mode: "filtered", ...network },
});

/** What one settings file of the user's comes to. */
export const demandsOf = async (
  agentName: string,
  name: string,
  content: Settings | string,
  circumstances: Circumstances = {},
): Promise<McpDemands & { inside: Settings; text: string }> => {
  const agent = agentOf(agentName);
  const state = agent.state.find(({ seeds }) => seeds?.some((seed) => seed.name === name))!;
  const seed = state.seeds!.find((each) => each.name === name) as SettingsSeed;
  const value = typeof content === "string" ? (await parseSettings(name, content))! : content;
  const file = `/home/ada/${state.path}/${name}`;
  const host: Host = { ...sampleHost, env: circumstances.env ?? {} };
  const { paths = {} } = circumstances;
  const inspect = (target: string): PathFact => {
    const found = paths[target];
    if (typeof found === "object") return { kind: "file", real: found.link, link: found.link };
    return { kind: found ?? "missing", real: target };
  };
  const demands = mcpDemands(
    agent,
    [{ path: file, label: `~/${state.path}/${name}`, seed, value }],
    { workdir: host.cwd, names: [host.cwd] },
    { host, policy: policyWith(circumstances), mode: circumstances.mode ?? "broker", inspect },
  );
  const inside = demands.settings.get(file)!;
  return { ...demands, inside, text: await printSettings(name, inside) };
};

/** Everything of the demands that stands inside or is shown to somebody. */
export const shownOf = ({ live: _, keys: __, settings, ...rest }: McpDemands): string =>
  JSON.stringify([rest, [...settings]], (_name, value) => (typeof value === "bigint" ? Number(value) : value));

/** The real values, by the name of their credential. */
export const secretsOf = ({ live }: McpDemands): Record<string, string | undefined> =>
  Object.fromEntries([...live].map(([name, credential]) => [name, credential.value()]));
