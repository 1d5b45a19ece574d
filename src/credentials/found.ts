import type { Variable } from "../plan/environment.ts";
import type { Rule } from "../policy.ts";
import type { Injection, LiveCredential, LiveCredentials } from "./credential.ts";
import type { GitCredential } from "./git.ts";

/** What the credentials of a run come to. Only `live` knows a secret. */
export type Found = {
  injections: Injection[];
  live: LiveCredentials;
  /** Placeholders; they win over variables of the same name that are passed or set by hand. */
  variables: Variable[];
  /** Credential files with placeholders, for the private state directories, by `StateDirectory.path`. */
  files: { state: string; name: string; text: string }[];
  /** The same for home itself, by the path below it. */
  homeFiles: { path: string; text: string }[];
  /** For git over HTTPS: a credential of this URL. */
  gitCredentials: GitCredential[];
  /** Servers of the agent's own credentials that are not among its hosts. */
  allow: Rule[];
  /** Endpoints whose answer is a fresh secret, and what a service may not write. */
  deny: Rule[];
  /** Said before the start. */
  notes: string[];
};

/** What one source adds. */
export type Part = Partial<Omit<Found, "live">> & { live?: Iterable<readonly [string, LiveCredential]> };

export const joinParts = (parts: readonly Part[]): Found => {
  const all = <Key extends keyof Omit<Found, "live">>(key: Key) =>
    parts.flatMap((part) => (part[key] ?? []) as Found[Key][number][]) as unknown as Found[Key];
  return {
    injections: all("injections").filter(({ hosts }) => hosts.length > 0),
    live: new Map(parts.flatMap((part) => [...(part.live ?? [])])),
    variables: all("variables"),
    files: all("files"),
    homeFiles: all("homeFiles"),
    gitCredentials: all("gitCredentials"),
    allow: all("allow"),
    deny: all("deny"),
    notes: [...new Set(all("notes"))],
  };
};

/** The reason why a placeholder is inside. */
export const brokerOrigin = "--credentials broker";
