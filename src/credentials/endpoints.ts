import type { Agent } from "../agents/agent.ts";
import type { Rule } from "../policy.ts";
import { hostsOf, type Provider, providerOf } from "./providers.ts";
import { type CredentialRequest, variablesOf } from "./request.ts";

/** Where a credential may go, as an injection says it. */
export type Places = { hosts: string[]; notes: string[] };

/**
 * The hosts of a provider: where the user's own settings name another server for the agent, that one. The known ones
 * count besides for a login, which the client takes to its own servers too, and for an agent of many providers.
 */
export const placesOf = (provider: Provider, kind: "key" | "oauth", request: CredentialRequest): Places => {
  const { agent, baseUrls } = request;
  const known = hostsOf(provider, variablesOf(request));
  const isMeant = ({ origin }: { origin: string }) => cloudOf(origin) === provider.cloud;
  const named = baseUrls.allow.filter(isMeant);
  const local = baseUrls.hostPorts.filter(isMeant).map(({ value }) => `localhost:${value}`);
  if (named.length + local.length === 0) return { hosts: known, notes: [] };
  const safe = named.filter(({ isPlain }) => !isPlain).map(({ value }) => value);
  const keepsKnown = kind === "oauth" || (agent && isOfMany(agent));
  return {
    hosts: [...new Set([...local, ...safe, ...(keepsKnown ? known : [])])],
    notes: named
      .filter(({ isPlain }) => isPlain)
      .map(
        ({ value, origin }) =>
          `no credential is sent to ${value}, which ${origin} names: it is plain HTTP; use https, or \`--credentials share\``,
      ),
  };
};

/** The cloud whose address a variable names; undefined is the provider's own API. */
const cloudOf = (origin: string): string | undefined => /_(BEDROCK|VERTEX|FOUNDRY)_BASE_URL$/.exec(origin)?.[1];

const isOfMany = ({ keys }: Agent): boolean => {
  const providers = keys.map(providerOf).filter((provider) => provider && provider.cloud === undefined);
  return new Set(providers.map((provider) => provider?.hosts[0])).size > 1;
};

/** Rules for those hosts that the agent's entry does not name itself, because most of its users have no key for them. */
export const rulesFor = (hosts: readonly string[], agent: Agent, origin: string): Rule[] =>
  hosts
    .filter((host) => !host.startsWith("localhost:") && !agent.hosts.some((own) => covers(own, host)))
    .map((value) => ({ value, origin }));

/** Against requests that are answered with a fresh credential, on those of the provider's own servers that get one. */
export const rulesAgainstMinting = ({ hosts: known, mints = [] }: Provider, hosts: readonly string[]): Rule[] =>
  hosts
    .filter((host) => known.includes(host))
    .flatMap((host) =>
      mints.map((path) => ({ value: `POST ${host}${path}`, origin: "it would hand out a credential" })),
    );

const covers = (own: string, host: string): boolean => {
  const written = own.includes(":") ? own : `${own}:443`;
  return written === host || (written.startsWith("*.") && host.endsWith(written.slice(1)));
};
