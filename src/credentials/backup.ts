import fs from "node:fs";
import path from "node:path";
import type { Agent } from "../agents/agent.ts";
import { locateState } from "../agents/state.ts";
import { errorOf } from "../errors.ts";
import type { Host } from "../host.ts";
import type { Places } from "../places.ts";
import { makePrivateDirectory } from "../run/registry.ts";
import { type FormatName, formats } from "./formats/index.ts";
import { objectOf, parseObject } from "./formats/json-text.ts";
import { keptTokenFile } from "./kept.ts";
import { shortenHome, storesOf } from "./logins.ts";
import { fileStore, readCredentialFile, type Store } from "./store.ts";

/** One place in which an agent, or cordon for it, keeps a credential. */
export type Holding = { agent: string; store: Store; format: FormatName | undefined };

/** A credential as it stood. */
export type Saved = { agent: string; label: string; text: string };
export type Backup = { version: 1; createdAt: string; saved: Saved[] };

/** Every place of these agents, whether or not something stands there. */
export const holdingsOf = (agents: readonly Agent[], host: Host): Holding[] =>
  agents.flatMap((agent) => {
    const states = locateState(agent, host, host.project, "none");
    const inFile = (file: string): Store => fileStore(file, shortenHome(file, host.home), []);
    const own = states.flatMap((state): Holding[] => {
      const { credential, credentialFormat: format } = state.directory;
      if (credential === undefined) return [];
      const stores = format
        ? storesOf(state, { agent: agent.name, credential, format }, host)
        : [inFile(path.join(state.source, credential))];
      return stores.map((store) => ({ agent: agent.name, store, format }));
    });
    return [...own, { agent: agent.name, store: inFile(keptTokenFile(host.places, agent.name)), format: undefined }];
  });

/** What stands in them now. */
export const readHoldings = async (holdings: readonly Holding[]): Promise<Saved[]> => {
  const read = holdings.map(async ({ agent, store }): Promise<Saved[]> => {
    const text = await store.read();
    return text === undefined ? [] : [{ agent, label: store.label, text }];
  });
  return (await Promise.all(read)).flat();
};

const mostKept = 20;
const placeOf = (places: Places): string => path.join(places.state, "backups");

/**
 * Writes a backup, whole or not at all, into a file that was not there before; without a file into cordon's own place,
 * where the latest twenty of a kind are kept. Gives the file. Throws E_BACKUP_INVALID.
 */
export const writeBackup = (
  places: Places,
  saved: Saved[],
  { file, kind = "logins" }: { file?: string; kind?: "logins" | "replaced" } = {},
): string => {
  const now = new Date().toISOString();
  const target = file ?? path.join(placeOf(places), `${kind}-${now.replaceAll(/[:.]/g, "-")}.json`);
  const draft = path.join(path.dirname(target), `.${path.basename(target)}.${crypto.randomUUID()}`);
  const backup: Backup = { version: 1, createdAt: now, saved };
  try {
    if (file === undefined) makePrivateDirectory(placeOf(places));
    fs.writeFileSync(draft, `${JSON.stringify(backup, null, 2)}\n`, { mode: 0o600, flag: "wx", flush: true });
    // Unlike a rename it fails when the name is taken.
    fs.linkSync(draft, target);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw errorOf("E_BACKUP_INVALID", target, code === "EEXIST" ? "it exists already" : message);
  } finally {
    fs.rmSync(draft, { force: true });
  }
  if (file === undefined)
    for (const name of listBackups(places, kind).slice(0, -mostKept)) fs.rmSync(path.join(placeOf(places), name));
  return target;
};

/** Oldest first. */
const listBackups = (places: Places, kind: string): string[] =>
  fs
    .readdirSync(placeOf(places))
    .filter((name) => name.startsWith(`${kind}-`) && name.endsWith(".json"))
    .sort();

export const latestBackup = (places: Places): string | undefined => {
  const name = fs.existsSync(placeOf(places)) ? listBackups(places, "logins").at(-1) : undefined;
  return name && path.join(placeOf(places), name);
};

/** Throws E_BACKUP_INVALID for anything that `writeBackup` did not write. */
export const readBackup = (file: string): Backup => {
  const text = readCredentialFile(file);
  if (text === undefined) throw errorOf("E_BACKUP_INVALID", file, "it cannot be read");
  const value = parseObject(text);
  const saved = value?.["saved"];
  if (value?.["version"] !== 1 || !Array.isArray(saved) || !saved.every(isSaved))
    throw errorOf("E_BACKUP_INVALID", file, "it is no backup of credentials");
  return { version: 1, createdAt: String(value["createdAt"]), saved };
};

const isSaved = (value: unknown): value is Saved => {
  const entry = objectOf(value);
  return entry !== undefined && ["agent", "label", "text"].every((key) => typeof entry[key] === "string");
};

/** What restoring one credential comes to. */
export type Step = {
  saved: Saved;
  holding: Holding;
  /** What stands there. */
  standing: string | undefined;
  verdict: "same" | "missing" | "replace" | "newer";
};

/** `newer`: what stands there holds a login that is not known to be older than the saved one. */
export const judge = (saved: Saved, standing: string | undefined, format: FormatName | undefined): Step["verdict"] => {
  if (standing === undefined) return "missing";
  if (standing === saved.text) return "same";
  if (format === undefined) return "newer";
  const [theirs, ours] = [standing, saved.text].map((text) => formats[format].read(text));
  if (theirs!.length === 0) return "replace";
  const isOlder = theirs!.every(({ key, tokens }) => {
    const own = ours!.find((login) => login.key === key)?.tokens.expiresAtMs;
    return own !== undefined && tokens.expiresAtMs !== undefined && tokens.expiresAtMs < own;
  });
  return isOlder ? "replace" : "newer";
};

/** The steps of a restore as things stand, and the saved credentials that have no place on this machine. */
export const planRestore = async (
  { saved }: Backup,
  holdings: readonly Holding[],
): Promise<{ steps: Step[]; homeless: Saved[] }> => {
  const steps: Step[] = [];
  const homeless: Saved[] = [];
  for (const entry of saved) {
    const holding = holdings.find(({ agent, store }) => agent === entry.agent && store.label === entry.label);
    if (!holding) {
      homeless.push(entry);
      continue;
    }
    const standing = await holding.store.read();
    steps.push({ saved: entry, holding, standing, verdict: judge(entry, standing, holding.format) });
  }
  return { steps, homeless };
};

/**
 * Puts one credential back while nobody else renews it. False when something else stands there now than the plan was
 * made for. Throws E_CONFIG_UNWRITABLE.
 */
export const restore = async ({ saved, holding: { store }, standing }: Step): Promise<boolean> => {
  try {
    return await store.exclude(async () => {
      if ((await store.read()) !== standing) return false;
      await (await store.prepare()).commit(saved.text);
      return true;
    });
  } catch (cause) {
    throw errorOf("E_CONFIG_UNWRITABLE", store.label, (cause as Error).message);
  }
};
