import type { Agent } from "../agents/agent.ts";
import { errorOf } from "../errors.ts";
import { findKeyHelper } from "./asked-key.ts";
import { type Found, joinParts, type Part } from "./found.ts";
import { findKeptKey, findKeys, findSettingsKey } from "./keys.ts";
import { type Expired, findLogins } from "./logins.ts";
import type { CredentialRequest } from "./request.ts";
import { findServices } from "./services.ts";

export type { Found } from "./found.ts";
export type { CredentialRequest } from "./request.ts";

/**
 * Finds the credentials of a run where the agent itself would look for them, with what stands inside in their place. A
 * missing one is no error. Throws E_CREDENTIAL_EXPIRED when the agent's only one has expired and cannot be renewed, and
 * E_CONFIG_INVALID for a service that says too little.
 */
export const findCredentials = async (request: CredentialRequest): Promise<Found> => {
  if (request.mode !== "broker") return joinParts([]);
  const { agent } = request;
  const keys = findKeys(request);
  const { parts: logins, expired } = await findLogins(request);
  const helper = keys.some(({ live }) => live !== undefined) ? [] : findKeyHelper(request);
  const isSignedIn = [...keys, ...helper, ...logins].some(({ live }) => live !== undefined);
  const kept = isSignedIn ? [] : findKeptKey(request);
  const settings = isSignedIn || kept.length > 0 ? [] : findSettingsKey(request);
  if (agent && !isSignedIn && kept.length + settings.length === 0 && expired[0]) throw expiredError(agent, expired[0]);
  return joinParts([
    ...keys,
    ...helper,
    ...logins,
    ...kept,
    ...settings,
    ...findServices(request),
    ...(agent ? [mintingPart(agent)] : []),
    { notes: expired.map(({ what, problem }) => `${what} has expired and is left out: ${problem}`) },
  ]);
};

const expiredError = ({ name }: Agent, { what, problem }: Expired) =>
  errorOf("E_CREDENTIAL_EXPIRED", what, problem, `\`cordon login ${name}\` signs in again`);

const mintingPart = ({ name, mints = [] }: Agent): Part => ({
  deny: mints.map((value) => ({ value, origin: `agent ${name}: sign in with \`cordon login ${name}\` instead` })),
});
