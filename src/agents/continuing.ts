import fs from "node:fs";
import path from "node:path";
import { holdDirectory, release } from "../workspace/held-directory.ts";
import type { Agent } from "./agent.ts";
import { listConversations } from "./conversations.ts";
import { isSameFile, readRecord } from "./history-record.ts";
import type { PrivateState } from "./state.ts";

/**
 * An agent's arguments with those by which it goes on with the latest conversation that was held in this place. The
 * user's own choice of one stays; administration is no conversation.
 */
export const withConversation = (agent: Agent, words: string[], states: PrivateState[]): string[] => {
  const { continues, subcommands } = agent;
  const first = words[0] ?? "";
  if (!continues || subcommands.includes(first)) return words;
  if (words.some((word) => continues.unless.includes(word.split("=", 1)[0]!))) return words;
  const id = findLatest(states);
  if (id === undefined) return words;
  const args = continues.words.map((word) => word.replace("{id}", id));
  return continues.behind?.includes(first) ? [first, ...args, ...words.slice(1)] : [...args, ...words];
};

/**
 * What names the latest conversation of the inside, empty where only the agent knows; undefined when there is none. One
 * that has come from outside and did not go on here is none.
 */
const findLatest = (states: PrivateState[]): string | undefined => {
  for (const { directory, host, record, projects } of states) {
    const { history } = directory;
    if (history?.kind === "database" && fs.existsSync(path.join(host, history.file))) return "";
    if (history?.kind !== "files" || !fs.existsSync(host)) continue;
    const known = readRecord(record).files;
    const held = holdDirectory(host);
    try {
      const own = listConversations({ held, history, projects }).find((file) => !isSameFile(known[file.path], file));
      if (own) return history.files.like.exec(path.basename(own.name))?.groups?.["id"] ?? "";
    } finally {
      release(held);
    }
  }
  return undefined;
};
