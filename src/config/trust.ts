import { createHash, randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { errorOf } from "../errors.ts";
import { projectKey } from "../places.ts";
import { readSmallFile } from "./file.ts";

/** Where trust is recorded: `state` is cordon's own state directory, `project` the project's resolved path. */
export type TrustPlace = { state: string; project: string };
type TrustRecord = { project: string; sha256: string };

/** True when exactly these bytes were trusted for exactly this project. A record that others could write counts for nothing. */
export const isTrusted = (place: TrustPlace, bytes: Uint8Array): boolean => {
  const record = readRecord(place);
  return record?.project === place.project && record.sha256 === digestOf(bytes);
};

/** Records trust in these bytes: a private file, put in place in one step. Throws E_CONFIG_UNREADABLE. */
export const recordTrust = (place: TrustPlace, bytes: Uint8Array): void => {
  const target = recordPath(place);
  const draft = `${target}.${randomBytes(6).toString("hex")}`;
  const record: TrustRecord = { project: place.project, sha256: digestOf(bytes) };
  try {
    fs.mkdirSync(path.dirname(target), { recursive: true, mode: 0o700 });
    fs.chmodSync(path.dirname(target), 0o700);
    fs.writeFileSync(draft, `${JSON.stringify(record)}\n`, { mode: 0o600, flag: "wx" });
    fs.renameSync(draft, target);
  } catch (error) {
    fs.rmSync(draft, { force: true });
    throw errorOf("E_CONFIG_UNREADABLE", path.dirname(target), (error as Error).message);
  }
};

/** True when there was trust to take back. */
export const revokeTrust = (place: TrustPlace): boolean => {
  const existed = fs.existsSync(recordPath(place));
  fs.rmSync(recordPath(place), { force: true });
  return existed;
};

const recordPath = ({ state, project }: TrustPlace): string => path.join(state, "trust", projectKey(project));

const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const readRecord = (place: TrustPlace): Partial<TrustRecord> | undefined => {
  const target = recordPath(place);
  if (![target, path.dirname(target)].every(isPrivate)) return undefined;
  const bytes = readSmallFile(target, { label: target, followLinks: false });
  try {
    const record: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof record === "object" && record !== null ? record : undefined;
  } catch {
    return undefined;
  }
};

const isPrivate = (target: string): boolean => {
  const stat = fs.lstatSync(target, { throwIfNoEntry: false });
  return stat !== undefined && stat.uid === process.getuid?.() && (stat.mode & 0o022) === 0;
};
