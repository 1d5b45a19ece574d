import path from "node:path";
import { readSmallFile } from "../config/file.ts";
import { errorOf } from "../errors.ts";
import type { Host } from "../host.ts";
import type { Rule } from "../policy.ts";
import { connectAgent } from "./agent.ts";
import { filterSshConfig } from "./config.ts";
import { type Identity, messageType, readFields, readIdentities } from "./protocol.ts";

/** What a run may use of the user's ssh: never a private key. */
export type SshAccess = {
  /** The socket of the host's own agent. */
  agent: string;
  keys: ChosenKey[];
  /** The user's configuration of ssh, filtered; absent when there is none. */
  config?: string;
};

export type ChosenKey = {
  /** The public key in base64. */
  blob: string;
  /** Where its public part stands inside. */
  place: string;
  /** As a public key file holds it. */
  line: string;
};

const keysPlace = "/run/cordon/ssh-keys";
const answerMs = 5_000;

/**
 * Asks the host's agent for the keys that the rules name, by comment, fingerprint or file. Throws E_SSH_AGENT_MISSING, and
 * E_SSH_KEY_UNKNOWN for a name without a key.
 */
export const chooseKeys = async (host: Host, rules: readonly Rule[]): Promise<SshAccess> => {
  const agent = host.env["SSH_AUTH_SOCK"];
  if (!agent) throw errorOf("E_SSH_AGENT_MISSING", "SSH_AUTH_SOCK is not set");
  const identities = await listIdentities(agent);
  const found = rules.flatMap((rule) => {
    const fitting = identities.filter((identity) => isNamed(identity, rule.value, host));
    if (fitting.length === 0) throw errorOf("E_SSH_KEY_UNKNOWN", rule.origin, rule.value, describe(identities));
    return fitting;
  });
  const blobs = new Map(found.map((identity) => [blobOf(identity.key), identity]));
  const keys = [...blobs].map(([blob, { key, comment }], index) => ({
    blob,
    place: `${keysPlace}/${index + 1}.pub`,
    line: `${readFields(key).text()} ${blob} ${textOf(comment)}\n`,
  }));
  const bytes = readSmallFile(path.join(host.home, ".ssh/config"), { label: "~/.ssh/config", followLinks: true });
  const placeOf = (file: string) => keys.find(({ blob }) => blob === publicKeyAt(expand(file, host)))?.place;
  return { agent, keys, ...(bytes && { config: filterSshConfig(textOf(bytes), placeOf) }) };
};

const listIdentities = async (socketPath: string): Promise<Identity[]> => {
  const agent = await connectAgent(socketPath).catch(() => {
    throw errorOf("E_SSH_AGENT_MISSING", `nothing answers at ${socketPath}, which SSH_AUTH_SOCK names`);
  });
  const timer = setTimeout(agent.close, answerMs);
  try {
    const identities = readIdentities(await agent.ask(Uint8Array.of(messageType.requestIdentities)));
    if (identities) return identities;
  } catch {
  } finally {
    clearTimeout(timer);
    agent.close();
  }
  throw errorOf("E_SSH_AGENT_MISSING", `what answers at ${socketPath} gives no list of keys`);
};

/** A comment may look like a path, so it is tried as one; a private key's file is never opened, only the `.pub` beside it. */
const isNamed = ({ key, comment }: Identity, name: string, host: Host): boolean =>
  textOf(comment) === name || fingerprintOf(key) === name || publicKeyAt(expand(name, host)) === blobOf(key);

const expand = (name: string, { home, cwd }: Host): string => path.resolve(cwd, name.replace(/^(~|%d)(?=\/)/, home));

const publicKeyAt = (file: string): string | undefined => {
  const target = file.endsWith(".pub") ? file : `${file}.pub`;
  try {
    const bytes = readSmallFile(target, { label: target, followLinks: true });
    return bytes && /^\S+ ([A-Za-z0-9+/]+=*)(\s|$)/.exec(textOf(bytes))?.[1];
  } catch {
    return undefined;
  }
};

/** As `ssh-add -l` shows it. */
const fingerprintOf = (key: Uint8Array): string =>
  `SHA256:${new Bun.CryptoHasher("sha256").update(key).digest("base64").replace(/=+$/, "")}`;

const describe = (identities: readonly Identity[]): string | undefined =>
  identities.length === 0
    ? undefined
    : identities.map(({ key, comment }) => `\`${textOf(comment) || fingerprintOf(key)}\``).join(", ");

const blobOf = (key: Uint8Array): string => Buffer.from(key).toString("base64");
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
