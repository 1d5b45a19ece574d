import path from "node:path";
import type { Host } from "../host.ts";
import { isObjectId } from "../workspace/refs.ts";
import { readJson, type Session, sessionPlace, writeJson } from "./record.ts";

/** Which tip of a session its user has looked at last. */

const fileOf = (host: Host, session: Session): string => path.join(sessionPlace(host, session), "shown.json");

export const noteShown = (host: Host, session: Session, tip: string): void => writeJson(fileOf(host, session), { tip });

/** Undefined when nobody has looked yet. */
export const shownTip = (host: Host, session: Session): string | undefined => {
  const { tip } = (readJson(fileOf(host, session)) ?? {}) as { tip?: unknown };
  return typeof tip === "string" && isObjectId(tip) ? tip : undefined;
};
