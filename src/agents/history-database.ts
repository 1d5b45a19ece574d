import type { Database, SQLQueryBindings } from "bun:sqlite";
import fs from "node:fs";
import path from "node:path";
import { copyBetween, holdDirectory, release } from "../workspace/held-directory.ts";
import type { DatabaseHistory } from "./agent.ts";
import { type HistoryPlaces, historyLimits } from "./history.ts";

/**
 * For an agent that keeps all conversations in one database: gives a project that has none the user's own conversations
 * of it. Only tables that the catalogue names come along. A database that a sandbox may have written is never opened:
 * where there is one it stays as it is. Never throws: what cannot be copied is not worth a run.
 */
export const bringDatabase = async (history: DatabaseHistory, places: HistoryPlaces): Promise<void> => {
  const own = path.join(places.source, history.file);
  if (fs.lstatSync(path.join(places.host, history.file), { throwIfNoEntry: false }) || !fs.existsSync(own)) return;
  const draft = `${history.file}.${process.pid}`;
  fs.mkdirSync(places.record, { recursive: true, mode: 0o700 });
  try {
    if (await extract(history, own, path.join(places.record, draft), places.projects)) deliver(history, places, draft);
  } catch {
    return;
  } finally {
    fs.rmSync(path.join(places.record, draft), { force: true });
  }
};

const deliver = ({ file }: DatabaseHistory, { record, host }: HistoryPlaces, draft: string): void => {
  const [from, to] = [holdDirectory(record), holdDirectory(host)];
  try {
    copyBetween(from, draft, to, file, 0o600);
  } finally {
    release(from);
    release(to);
  }
};

/** True when there are conversations of these projects; then the file holds them. */
const extract = async (history: DatabaseHistory, own: string, draft: string, projects: readonly string[]) => {
  const { Database } = await import("bun:sqlite");
  const source = new Database(own, { readonly: true });
  try {
    const chosen = choose(source, history, projects);
    if (chosen.length === 0) return false;
    const target = new Database(draft, { create: true, readwrite: true });
    try {
      // Rows come table by table, those that they refer to perhaps later.
      target.run("PRAGMA foreign_keys = OFF");
      target.transaction(() => fill(source, target, history, chosen))();
    } finally {
      target.close();
    }
    return true;
  } finally {
    source.close();
  }
};

type Row = Record<string, SQLQueryBindings>;

/** The newest conversations that were held in these projects. */
const choose = (source: Database, { conversations }: DatabaseHistory, projects: readonly string[]): Row[] => {
  const { table, directory, time } = conversations;
  const isWithin = projects.map(() => `(${name(directory)} = ? OR substr(${name(directory)}, 1, ?) = ?)`).join(" OR ");
  const text = `SELECT * FROM ${name(table)} WHERE ${isWithin} ORDER BY ${name(time)} DESC LIMIT ?`;
  const values = projects.flatMap((project) => [project, project.length + 1, `${project}/`]);
  return source.query<Row, SQLQueryBindings[]>(text).all(...values, historyLimits.conversations);
};

const fill = (source: Database, target: Database, history: DatabaseHistory, chosen: Row[]): void => {
  const schema = source
    .query<{ type: string; name: string; sql: string }, []>(
      "SELECT type, name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL ORDER BY type DESC",
    )
    .all();
  for (const { name, sql } of schema) if (!name.startsWith("sqlite_")) target.run(sql);
  const known = new Set(schema.map((entry) => entry.name));
  const rules = Object.entries(history.tables).filter(([table]) => known.has(table));
  for (const [table, rule] of rules)
    if (rule === "all")
      for (const row of source.query<Row, []>(`SELECT * FROM ${name(table)}`).iterate()) insert(target, table, row);
  let room = historyLimits.bytes;
  for (const conversation of chosen) {
    if (room < 0) break;
    insert(target, history.conversations.table, conversation);
    for (const [table, rule] of rules) {
      if (rule === "all") continue;
      const text = `SELECT * FROM ${name(table)} WHERE ${name(rule.column)} = ?`;
      const value = conversation[rule.of] ?? null;
      for (const row of source.query<Row, [SQLQueryBindings]>(text).iterate(value)) room -= insert(target, table, row);
    }
  }
};

/** Gives the bytes of its texts. */
const insert = (target: Database, table: string, row: Row): number => {
  const columns = Object.keys(row);
  const text = `INSERT OR IGNORE INTO ${name(table)} (${columns.map(name).join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`;
  target.query(text).run(...Object.values(row));
  return Object.values(row).reduce<number>((sum, value) => sum + (typeof value === "string" ? value.length : 8), 0);
};

const name = (word: string): string => `"${word.replaceAll('"', '""')}"`;
