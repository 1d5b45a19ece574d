import path from "node:path";
import { escapeControls } from "../terminal/escape.ts";

/** What a person is told about. Nothing in it comes from inside. */
export type Event = { kind: "waiting" } | { kind: "finished"; code: number };

/** The run that it is about. */
export type Subject = { agent: string; project: string; session?: string };

const longestName = 60;

/** One short line without control characters. */
export const describeEvent = (event: Event, { agent, project, session }: Subject): string => {
  const place = [path.basename(project), ...(session === undefined ? [] : [session])].map(shorten).join(", ");
  const what = event.kind === "waiting" ? "waits for you" : `has ended with status ${event.code}`;
  return `${shorten(agent)} ${what} (${place})`;
};

/** What a program of the user's is told. */
export const variablesOf = (event: Event, { agent, project, session }: Subject): Record<string, string> => ({
  CORDON_EVENT: event.kind,
  CORDON_AGENT: agent,
  CORDON_PROJECT: project,
  ...(session !== undefined && { CORDON_SESSION: session }),
  ...(event.kind === "finished" && { CORDON_EXIT_CODE: String(event.code) }),
});

const shorten = (text: string): string => {
  const characters = [...escapeControls(text)];
  return characters.length > longestName ? `${characters.slice(0, longestName - 1).join("")}…` : characters.join("");
};
