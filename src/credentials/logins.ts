import path from "node:path";
import type { Agent } from "../agents/agent.ts";
import type { PrivateState } from "../agents/state.ts";
import { type Host, inspectPath } from "../host.ts";
import { isWithin } from "../places.ts";
import { placesOf, rulesAgainstMinting, rulesFor } from "./endpoints.ts";
import type { Login } from "./formats/format.ts";
import { type FormatName, formats } from "./formats/index.ts";
import type { Part } from "./found.ts";
import { keptLoginFile } from "./kept.ts";
import { claudeItem, keychainStore } from "./keychain.ts";
import type { Lock } from "./lock.ts";
import type { CredentialRequest } from "./request.ts";
import { fileStore, type Store } from "./store.ts";
import { createStored, type StoredCredential } from "./stored.ts";

/** A login that cannot be used: its label and why. */
export type Expired = { what: string; problem: string };
export type FoundLogins = { parts: Part[]; expired: Expired[] };

/** The logins in the agent's own credential files, or in the Keychain. One that has expired is renewed here. */
export const findLogins = async (request: CredentialRequest): Promise<FoundLogins> => {
  const { agent, states } = request;
  const found: FoundLogins = { parts: [], expired: [] };
  if (!agent) return found;
  for (const state of states) {
    const { credential, credentialFormat } = state.directory;
    if (credential === undefined) continue;
    if (credentialFormat === undefined) found.parts.push(...unknownPart(state, agent, request.host));
    else await addLogins(found, agent, { state, credential, format: credentialFormat }, request);
  }
  return found;
};

const addLogins = async (
  found: FoundLogins,
  agent: Agent,
  { state, credential, format: name }: { state: PrivateState; credential: string; format: FormatName },
  request: CredentialRequest,
): Promise<void> => {
  const format = formats[name];
  for (const store of storesOf(state, { agent: agent.name, credential, format: name }, request.host)) {
    const text = await store.read();
    const logins = text === undefined ? [] : format.read(text);
    if (text === undefined || logins.length === 0) continue;
    const exchange = request.exchange ?? lazyExchange(request.host.env);
    const parts: Part[] = [];
    for (const login of logins) {
      const live = createStored({ store, format, key: login.key, text, exchange });
      if (live.value() === undefined && !request.isDry) await live.freshen();
      if (live.value() === undefined && !request.isDry)
        found.expired.push({ what: labelOf(agent, login, store), problem: live.failure() ?? "it cannot be renewed" });
      else parts.push(loginPart(agent, login, live, request));
    }
    if (parts.length === 0) continue;
    const file = { state: state.directory.path, name: credential, text: format.standIn(text) };
    found.parts.push(...parts, { files: [file] });
    return;
  }
};

const labelOf = ({ name }: Agent, { key, kind }: Login, { label }: Store): string =>
  `the ${kind === "key" ? "key" : "login"} of ${name} in ${label} (${key})`;

const loginPart = (agent: Agent, login: Login, live: StoredCredential, request: CredentialRequest): Part => {
  const credential = `${agent.name} ${login.key}`;
  const { hosts, notes } = placesOf(login.provider, login.kind, request);
  return {
    injections: [{ credential, placeholder: login.placeholder, slots: [...login.provider.slots], hosts }],
    live: [[credential, live]],
    allow: rulesFor(hosts, agent, `login of ${agent.name}`),
    deny: rulesAgainstMinting(login.provider, hosts),
    notes,
  };
};

/** Where a login may stand, the best first: the agent's own places, then cordon's. */
export const storesOf = (
  state: PrivateState,
  { agent, credential, format }: { agent: string; credential: string; format: FormatName },
  host: Host,
): Store[] => {
  const file = path.join(state.source, credential);
  const { locks, writeLock } = locksOf(format, file, host);
  const kept = keptLoginFile(host.places, agent);
  const stores = [
    fileStore(file, shortenHome(file, host.home), locks, writeLock),
    fileStore(kept, shortenHome(kept, host.home), [ownLock(kept, host)]),
  ];
  if (host.platform !== "darwin" || format !== "claude") return stores;
  const { moved } = state.directory;
  const item = claudeItem(host.env["USER"], moved && host.env[moved.by]);
  return [keychainStore(item, locks), ...stores];
};

/**
 * The locks that the client itself takes, so that a plain one beside cordon never spends the same refresh token: Claude
 * Code's directories (the second is an older version's) and Codex's files, both seen at work. The others take none.
 */
const locksOf = (format: FormatName, file: string, host: Host): { locks: Lock[]; writeLock?: Lock } => {
  const directory = path.dirname(file);
  if (format === "claude")
    return {
      locks: [
        { directory: path.join(directory, ".oauth_refresh.lock"), staleMs: 10_000 },
        { directory: `${inspectPath(directory).real}.lock`, staleMs: 10_000 },
      ],
      writeLock: { directory: path.join(directory, ".storage-write.lock"), staleMs: 15_000 },
    };
  if (format === "codex")
    return { locks: ["auth.lock", "auth.json.lock"].map((name) => ({ file: path.join(directory, name) })) };
  return { locks: [ownLock(file, host)] };
};

const ownLock = (file: string, { places }: Host): Lock => {
  const name = new Bun.CryptoHasher("sha256").update(inspectPath(file).real).digest("hex").slice(0, 16);
  return { file: path.join(places.state, "locks", name) };
};

const unknownPart = ({ directory, source }: PrivateState, { name }: Agent, host: Host): Part[] => {
  const file = path.join(source, directory.credential ?? "");
  if (inspectPath(file).kind !== "file") return [];
  const place = shortenHome(file, host.home);
  return [
    { notes: [`the login of ${name} in ${place} stays outside: use a key in a variable, or \`--credentials share\``] },
  ];
};

/** A path as people write it. */
export const shortenHome = (file: string, home: string): string =>
  isWithin(file, home) ? `~${file.slice(home.length)}` : file;

/** Loading what speaks TLS takes longer than most starts have to spare. */
export const lazyExchange =
  (env: Record<string, string>): NonNullable<CredentialRequest["exchange"]> =>
  async (request) =>
    (await import("./oauth.ts")).exchangeFrom(env)(request);
