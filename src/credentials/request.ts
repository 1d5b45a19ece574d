import type { Agent } from "../agents/agent.ts";
import type { PrivateState } from "../agents/state.ts";
import type { ServiceSettings } from "../config/config.ts";
import type { Demands } from "../egress/base-url.ts";
import type { Host } from "../host.ts";
import type { CredentialMode } from "../policy.ts";
import type { Exchange } from "./oauth.ts";

export type CredentialRequest = {
  agent: Agent | undefined;
  host: Host;
  mode: CredentialMode;
  /** The user's `[services.NAME]`. */
  services: Record<string, ServiceSettings>;
  states: PrivateState[];
  /** The servers that the user's own settings name for the agent. */
  baseUrls: Demands;
  /** Variables that the user sets inside by hand; they come before those of the host. */
  set?: Record<string, string>;
  /** Nothing starts: what has expired is not renewed. */
  isDry?: boolean;
  /** How tokens are renewed; by the network unless a test says otherwise. */
  exchange?: Exchange;
};

/** Variables as the user would have them inside. */
export const variablesOf = ({ host, set }: CredentialRequest): Record<string, string> => ({ ...host.env, ...set });
